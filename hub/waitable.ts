/**
 * What `wait`, `iwait` and `done` can wait for: greenlets, events, results, semaphores, and whatever else
 * can say that it is ready and call back once it is.
 *
 * @example Something to wait for
 * ```ts
 * import { Event, wait, type Waitable } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const events: Waitable[] = [new Event(), new Event()];
 * (events[1] as Event).set();
 * assertEquals(await wait(events, { count: 1 }), [events[1]]);
 * ```
 */
export interface Waitable {
  /** Whether it is ready now. */
  readonly ready: boolean;
  /** Calls `callback` once in the hub when it is ready, soon if it is now; disposing withdraws that. */
  rawlink(callback: () => void): Disposable;
}
