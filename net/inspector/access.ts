import { equalInConstantTime } from "../constant_time.ts";
import { isLoopback } from "../loopback.ts";
import type { PageRequest } from "./page_request.ts";

/** Who may talk to an inspector. */
export interface AccessRules {
  /** What a client must know. */
  readonly token: string;
  /** Whether names other than those of this machine may lead to it. */
  readonly allowRemote: boolean;
}

/** 128 bits: nobody guesses them. */
const TOKEN_BYTES = 16;
/** What goes through a URL as it is, and is long enough not to be guessed over the loopback interface. */
const TOKEN = /^[A-Za-z0-9._~-]{16,256}$/;

/** A token that nobody can guess. */
export function makeToken(): string {
  return crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
}

/**
 * Refuses what is no token.
 *
 * @throws {TypeError} Without the token in the message: it is a secret.
 */
export function checkToken(token: unknown, action: string): void {
  if (typeof token === "string" && TOKEN.test(token)) return;
  const received = typeof token === "string" ? `${token.length} characters` : typeof token;
  throw new TypeError(
    `Cannot ${action}: token must be 16 to 256 characters of A-Z a-z 0-9 - . _ ~, received ${received}`,
  );
}

/**
 * Whether a request may be answered. The host is looked at because a page of somebody else's can have its own name
 * lead here (DNS rebinding), the origin because it can send requests, though not read the answers.
 */
export function mayEnter(request: PageRequest, port: number, rules: AccessRules): boolean {
  return isOwnHost(request.host, port, rules) && isOwnOrigin(request) &&
    equalInConstantTime(request.token, rules.token);
}

function isOwnHost(host: string, port: number, { allowRemote }: AccessRules): boolean {
  if (allowRemote) return host !== "";
  const [, name = "", digits = "80"] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? [];
  return isLoopback(name) && Number(digits) === port;
}

/** Browsers name the origin where it matters; what is no browser names none. */
function isOwnOrigin({ origin, host }: PageRequest): boolean {
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
}
