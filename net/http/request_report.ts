import { formatAddress } from "../address.ts";
import { printable } from "./access_log.ts";
import { describe, type RequestInfo } from "./request_greenlet.ts";

/** Headers whose values are nobody's business. */
const ALWAYS_HIDDEN = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

/** Says what a request was, for reports, without the values of headers that hold secrets. */
export class RequestReporter {
  readonly #hidden: ReadonlySet<string>;

  /** @param redact Names of further headers whose values must not be told. */
  constructor(redact: readonly string[]) {
    this.#hidden = new Set([...ALWAYS_HIDDEN, ...redact.map((name) => name.toLowerCase())]);
  }

  /** `"GET /path from 127.0.0.1:50000 (host: example.org, cookie: [hidden])"`. */
  describe(request: Request, info: RequestInfo): string {
    const headers = [...request.headers].map(([name, value]) =>
      `${name}: ${this.#hidden.has(name) ? "[hidden]" : value}`
    );
    return printable(`${describe(request)} from ${formatAddress(info.remoteAddr)} (${headers.join(", ")})`);
  }
}
