/**
 * What a greenlet does for a while.
 *
 * - `running`: it has the run token.
 * - `queued`: it is in the run queue, to be started or resumed.
 * - `waiting`: a wait of the library holds it.
 * - `outside`: it awaits a promise that is not the library's own. What it does after that, until its next wait, is
 *   part of this: nobody is told.
 */
export type SpanState = "running" | "queued" | "waiting" | "outside";

/** One greenlet in one state. */
export interface Span {
  /** The number of the greenlet. */
  readonly id: number;
  readonly state: SpanState;
  /** When it began (ms on the hub's clock). */
  readonly start: number;
  /** When it ended, or the recording did. */
  readonly end: number;
  /** By how much (ms) its ends may be wrong. */
  readonly error: number;
  /** What it waits for: of `waiting`, where it is known. */
  readonly wait: string | undefined;
  /** Who brought it into the run queue, and when: of `running`, if a greenlet did. */
  readonly cause: Cause | undefined;
}

/** Who woke or spawned a greenlet: it was running then. */
export interface Cause {
  readonly id: number;
  readonly time: number;
}
