/**
 * What happened to a greenlet.
 *
 * - `spawned`: it was scheduled for the first time.
 * - `switched`: it got the run token, and runs.
 * - `parked`: it began to wait.
 * - `woken`: its wait has got its outcome; it is in the run queue.
 * - `detached`: it awaits a promise that is not the library's own: the run token was taken back.
 * - `interrupted`: an exception is on its way to it: a kill, a time-out.
 * - `ended`: it has ended.
 */
export type RecordedKind =
  | "spawned"
  | "switched"
  | "parked"
  | "woken"
  | "detached"
  | "interrupted"
  | "ended";

/**
 * One entry of a {@linkcode Recorder}.
 *
 * @example Who was spawned by whom
 * ```ts
 * import { type RecordedEvent, Recorder, getHub, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using recorder = new Recorder(getHub());
 * const g = spawn(function worker() {});
 * await g.join();
 * const [first]: RecordedEvent[] = recorder.events();
 * assertEquals([first?.kind, first?.id], ["spawned", g.id]);
 * ```
 */
export interface RecordedEvent {
  /** What happened. */
  readonly kind: RecordedKind;
  /** To whom: the number of a greenlet, or that of the code outside greenlets. */
  readonly id: number;
  /** When (ms on the hub's clock). */
  readonly time: number;
  /** By how much (ms) `time` may be wrong: 0 where the clock was read. The order is always exact. */
  readonly error: number;
  /** Who spawned, woke or interrupted it; `undefined` if no greenlet did. Of `parked`: whose end it waits for. */
  readonly other: number | undefined;
  /** What it waits for, `"Queue(jobs) get"`: of `parked`. */
  readonly wait: string | undefined;
}
