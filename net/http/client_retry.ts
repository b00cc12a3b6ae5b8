import {
  callerTask,
  type Duration,
  enterWait,
  expireWith,
  park,
  planWait,
  refusal,
  toMilliseconds,
  Waiter,
  type WaitSource,
} from "../../hub/mod.ts";
import { worlds } from "../../green/testing/world.ts";
import { checkFunction, checkWhole } from "../../sync/check.ts";

/**
 * How long {@linkcode HttpClient} pauses before it tries again.
 *
 * @example Half a second, one second, two seconds, and up to a quarter less
 * ```ts
 * import { type BackoffOptions, HttpClient } from "@verdant/green";
 *
 * const backoff: BackoffOptions = { initial: 500, factor: 2, max: 30_000, jitter: 0.25 };
 * using client = new HttpClient({ retries: 3, backoff });
 * ```
 */
export interface BackoffOptions {
  /**
   * The first pause (ms or `Temporal.Duration`).
   *
   * @default {100}
   */
  initial?: Duration | undefined;
  /**
   * How many times longer each pause is than the one before.
   *
   * @default {2}
   */
  factor?: number | undefined;
  /**
   * No pause is longer (ms or `Temporal.Duration`), unless the server asks for it.
   *
   * @default {10000}
   */
  max?: Duration | undefined;
  /**
   * Which part of a pause (0 to 1) is left to chance, so that clients that failed together do not come back
   * together.
   *
   * @default {0.5}
   */
  jitter?: number | undefined;
  /**
   * How long a pause (ms or `Temporal.Duration`) a server may ask for with `Retry-After`. If it asks for more, its
   * answer is returned instead of trying again.
   *
   * @default {60000}
   */
  maxRetryAfter?: Duration | undefined;
}

/**
 * A try that failed: without an answer, or with one whose status is 400 or more.
 *
 * @example Try again what is not there yet
 * ```ts
 * import { type FailedTry, HttpClient } from "@verdant/green";
 *
 * const retryOn = ({ status, error }: FailedTry) => status === 404 || error !== undefined;
 * using client = new HttpClient({ retryOn });
 * ```
 */
export interface FailedTry {
  /** The method of the request. */
  readonly method: string;
  /** Its address, without name and password. */
  readonly url: string;
  /** How many tries of the call have failed, this one included. */
  readonly failures: number;
  /** The status of the answer, if there is one. */
  readonly status: number | undefined;
  /** The headers of the answer, if there is one. */
  readonly headers: Headers | undefined;
  /** Why there is no answer: the platform's `TypeError`, or the `Timeout` of the try. */
  readonly error: unknown;
}

/**
 * Which tries are worth another one: those answered with one of these statuses, and those without an answer; or
 * those for which a function says so.
 *
 * @example Statuses, or a function
 * ```ts
 * import { HttpClient, type RetryOn } from "@verdant/green";
 *
 * const overload: RetryOn = [429, 503];
 * const whatever: RetryOn = () => true;
 * using client = new HttpClient({ retryOn: overload });
 * using stubborn = new HttpClient({ retryOn: whatever, retries: 10 });
 * ```
 */
export type RetryOn = readonly number[] | ((failed: FailedTry) => boolean);

const DEFAULT_STATUSES = [429, 502, 503, 504];

/** What {@linkcode BackoffOptions} say, in ms. */
interface Backoff {
  readonly initial: number;
  readonly factor: number;
  readonly max: number;
  readonly jitter: number;
  readonly maxRetryAfter: number;
}

/** When to try again, and after which pause. */
export interface RetryRules {
  /** How often at most. */
  readonly retries: number;
  readonly backoff: Backoff;
  readonly worthIt: (failed: FailedTry) => boolean;
}

/** Checks the options that are about trying again. */
export function checkRetries(
  retries: number,
  backoff: BackoffOptions,
  retryOn: RetryOn | undefined,
  action: string,
): RetryRules {
  checkWhole(retries, 0, action, "retries");
  return { retries, backoff: checkBackoff(backoff, action), worthIt: checkRetryOn(retryOn, action) };
}

function checkBackoff(options: BackoffOptions, action: string): Backoff {
  const { initial = 100, factor = 2, max = 10_000, jitter = 0.5, maxRetryAfter = 60_000 } = options;
  if (!(factor >= 1 && factor < Infinity)) {
    throw new RangeError(`Cannot ${action}: backoff.factor must be 1 or more and finite, received ${factor}`);
  }
  if (!(jitter >= 0 && jitter <= 1)) {
    throw new RangeError(`Cannot ${action}: backoff.jitter must be from 0 to 1, received ${jitter}`);
  }
  return {
    initial: toMilliseconds(initial, action, "backoff.initial"),
    factor,
    max: toMilliseconds(max, action, "backoff.max"),
    jitter,
    maxRetryAfter: toMilliseconds(maxRetryAfter, action, "backoff.maxRetryAfter"),
  };
}

function checkRetryOn(retryOn: RetryOn = DEFAULT_STATUSES, action: string): (failed: FailedTry) => boolean {
  if (!Array.isArray(retryOn)) {
    checkFunction(retryOn, action, "retryOn");
    return retryOn as (failed: FailedTry) => boolean;
  }
  for (const status of retryOn) checkStatus(status, action);
  return ({ status }) => status === undefined || retryOn.includes(status);
}

function checkStatus(status: unknown, action: string): void {
  if (Number.isInteger(status) && status as number >= 400) return;
  throw new RangeError(
    `Cannot ${action}: retryOn must name statuses of 400 or more, received ${String(status)}`,
  );
}

/** The pause (ms) before the next try; `undefined` if the server asks for too long a one. */
export function pauseAfter(failed: FailedTry, rules: RetryRules): number | undefined {
  const { initial, factor, max, jitter, maxRetryAfter } = rules.backoff;
  const longest = Math.min(max, initial * factor ** (failed.failures - 1));
  const pause = longest * (1 - jitter * random());
  const asked = failed.headers === undefined ? 0 : retryAfter(failed.headers);
  return asked > maxRetryAfter ? undefined : Math.max(pause, asked);
}

/** How long (ms) a server asks to wait; 0 if it does not. */
function retryAfter(headers: Headers): number {
  const value = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  if (Number.isNaN(date)) return 0;
  const here = Date.parse(headers.get("date") ?? ""); // by the server's clock, if it tells
  return Math.max(0, date - (Number.isNaN(here) ? Date.now() : here));
}

/** A number in [0, 1): in a simulation, from its seed. */
function random(): number {
  return (worlds.get(callerTask().hub)?.random ?? Math.random)();
}

/** The timer alone ends it. */
const BACKING_OFF: WaitSource = { what: "pause before the next try", owner: undefined, remove() {} };

/** Sleeps (ms). Switches. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const plan = planWait({ timeout: ms, signal }, "fetch");
  const task = enterWait("fetch");
  await (refusal(task, plan) ??
    park(new Waiter(task, BACKING_OFF, undefined), plan, expireWith(undefined)));
}
