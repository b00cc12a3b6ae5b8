import { type Duration, toMilliseconds } from "../../hub/mod.ts";
import { checkWhole } from "../../sync/check.ts";
import type { RedirectRules } from "./client_redirect.ts";
import { type BackoffOptions, checkRetries, type RetryOn, type RetryRules } from "./client_retry.ts";

/**
 * What holds for all calls of an {@linkcode HttpClient}, and can be said otherwise for one of them.
 *
 * @example More patience for one call
 * ```ts
 * import { type CallOptions, HttpClient } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response("at last"));
 * const quick: CallOptions = { tryTimeout: 500, retries: 1 };
 * using client = new HttpClient(quick);
 * const patient: CallOptions = { tryTimeout: 60_000 };
 * const response = await client.get(`http://127.0.0.1:${server.addr.port}/report`, patient);
 * assertEquals(await response.text(), "at last");
 * ```
 */
export interface CallOptions {
  /**
   * How long (ms or `Temporal.Duration`) one try may take, from when it is its turn to the headers of the answer.
   *
   * @default {Infinity}
   */
  tryTimeout?: Duration | undefined;
  /**
   * How often a call tries again at most.
   *
   * @default {2}
   */
  retries?: number | undefined;
  /** How long it pauses before. */
  backoff?: BackoffOptions | undefined;
  /**
   * Which tries are worth another one: those answered with these statuses, and those without an answer; or those for
   * which a function says so.
   *
   * @default {[429, 502, 503, 504]}
   */
  retryOn?: RetryOn | undefined;
  /**
   * The methods of requests that may be sent again. Each other request has a connection of its own, which is closed
   * after it: on one that was kept open Deno might send it twice.
   *
   * @default {["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]}
   */
  retryMethods?: readonly string[] | undefined;
  /**
   * How many redirects a call follows at most.
   *
   * @default {20}
   */
  maxRedirects?: number | undefined;
  /**
   * Whether a redirect may lead from `https:` to `http:`.
   *
   * @default {false}
   */
  allowDowngrade?: boolean | undefined;
}

const IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"];

/** {@linkcode CallOptions}, checked. */
export interface CallSettings extends RetryRules, RedirectRules {
  /** ms */
  readonly tryTimeout: number;
  readonly retryMethods: readonly string[];
}

/**
 * Checks options.
 *
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is of another type.
 */
export function checkCallOptions(options: CallOptions, action: string): CallSettings {
  const { tryTimeout = Infinity, retries = 2, backoff = {}, retryOn, retryMethods = IDEMPOTENT } = options;
  const { maxRedirects = 20, allowDowngrade = false } = options;
  checkWhole(maxRedirects, 0, action, "maxRedirects");
  if (!Array.isArray(retryMethods)) {
    throw new TypeError(
      `Cannot ${action}: retryMethods must be an array of methods, received ${JSON.stringify(retryMethods)}`,
    );
  }
  return {
    ...checkRetries(retries, backoff, retryOn, action),
    tryTimeout: checkLimit(tryTimeout, action, "tryTimeout"),
    retryMethods,
    maxRedirects,
    allowDowngrade,
  };
}

const NAMES: readonly (keyof CallOptions)[] = [
  "tryTimeout",
  "retries",
  "backoff",
  "retryOn",
  "retryMethods",
  "maxRedirects",
  "allowDowngrade",
];

/** What is said for a call, or else for its client; just the client's if nothing is. */
export function overrideCallOptions(defaults: CallOptions, call: CallOptions): CallOptions {
  const said = NAMES.filter((name) => call[name] !== undefined);
  if (said.length === 0) return defaults;
  const options: CallOptions = { ...defaults };
  for (const name of said) Object.assign(options, { [name]: call[name] });
  if (call.backoff !== undefined) options.backoff = { ...defaults.backoff, ...call.backoff };
  return options;
}

/** A limit in ms; one of no time makes no sense. */
export function checkLimit(limit: Duration, action: string, what: string): number {
  const ms = toMilliseconds(limit, action, what);
  if (ms === 0) throw new RangeError(`Cannot ${action}: ${what} must be more than 0 ms, received 0`);
  return ms;
}
