/**
 * Failures that are kept for whoever asks for them, and that nobody may ever ask for: the error of an
 * `AsyncResult`, of a call in another thread. While nobody watches, this costs a look at a variable for each failure.
 */

/**
 * Sees failures that are kept for somebody, and who looks at them. Its methods must not throw.
 *
 * @example Which are left
 * ```ts
 * import { type FailureWatch, noteFailure, noteLook, watchFailures } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const left = new Map<object, unknown>();
 * const watch: FailureWatch = {
 *   failed: (holder, error) => left.set(holder, error),
 *   looked: (holder) => left.delete(holder),
 *   reported: () => {},
 * };
 * using _watching = watchFailures(watch);
 * const [box, other] = [{}, {}];
 * noteFailure(box, "broken");
 * noteFailure(other, "lost");
 * noteLook(box);
 * assertEquals([...left.values()], ["lost"]);
 * ```
 */
export interface FailureWatch {
  /** `holder` keeps an error for whoever asks. */
  failed(holder: object, error: unknown): void;
  /** Somebody has got the error of `holder`, or it has another outcome now. */
  looked(holder: object): void;
  /** The error was reported as uncaught, whoever holds it. */
  reported(error: unknown): void;
}

let watch: FailureWatch | undefined;

/**
 * Watches the failures of this thread, until disposed: failures belong to no hub in particular.
 *
 * @throws {Error} If somebody watches already.
 *
 * @example One at a time
 * ```ts
 * import { watchFailures } from "@verdant/green/hub";
 * import { assertThrows } from "@std/assert";
 *
 * const watch = { failed() {}, looked() {}, reported() {} };
 * using _first = watchFailures(watch);
 * assertThrows(() => watchFailures(watch), Error, "already");
 * ```
 */
export function watchFailures(watcher: FailureWatch): Disposable {
  if (watch !== undefined) throw new Error("Cannot watch failures: somebody does already");
  watch = watcher;
  return {
    [Symbol.dispose]() {
      if (watch === watcher) watch = undefined;
    },
  };
}

/**
 * Tells that `holder` keeps an error for whoever asks.
 *
 * @example Unwatched, it does nothing
 * ```ts
 * import { noteFailure } from "@verdant/green/hub";
 *
 * noteFailure({}, new Error("broken"));
 * ```
 */
export function noteFailure(holder: object, error: unknown): void {
  watch?.failed(holder, error);
}

/**
 * Tells that somebody has got the error of `holder`, or that it has another outcome now.
 *
 * @example Unwatched, it does nothing
 * ```ts
 * import { noteLook } from "@verdant/green/hub";
 *
 * noteLook({});
 * ```
 */
export function noteLook(holder: object): void {
  watch?.looked(holder);
}

/**
 * Tells that an error was reported as uncaught: the hub does.
 *
 * @example Unwatched, it does nothing
 * ```ts
 * import { noteReport } from "@verdant/green/hub";
 *
 * noteReport(new Error("broken"));
 * ```
 */
export function noteReport(error: unknown): void {
  watch?.reported(error);
}

/**
 * Whether failures are watched.
 *
 * @example Usually not
 * ```ts
 * import { watchesFailures } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(watchesFailures(), false);
 * ```
 */
export function watchesFailures(): boolean {
  return watch !== undefined;
}
