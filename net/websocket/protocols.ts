import { isToken } from "./http_head.ts";

/**
 * Refuses what is no list of protocols.
 *
 * @throws {TypeError} If one is no token, or is there twice.
 */
export function checkProtocols(protocols: readonly string[], action: string): void {
  if (!Array.isArray(protocols)) {
    throw new TypeError(`Cannot ${action}: protocols must be an array of strings, received ${protocols}`);
  }
  for (const [index, protocol] of protocols.entries()) {
    if (typeof protocol !== "string" || !isToken(protocol)) {
      throw new TypeError(
        `Cannot ${action}: a protocol must be a token as of HTTP, received ${JSON.stringify(protocol)}`,
      );
    }
    if (protocols.indexOf(protocol) < index) {
      throw new TypeError(`Cannot ${action}: protocols must differ, received ${protocol} twice`);
    }
  }
}

/** The first protocol offered that is supported; `""` if none is. */
export function chooseProtocol(offered: readonly string[], supported: readonly string[]): string {
  return offered.find((protocol) => supported.includes(protocol)) ?? "";
}
