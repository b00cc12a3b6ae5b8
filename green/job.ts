import { Greenlet } from "./greenlet.ts";

/**
 * A greenlet that works for one call, which passes its error on: reporting it as well would be noise.
 */
export class Job<T = unknown> extends Greenlet<T> {
  #abandoned = false;

  /** The call has gone: an error that nobody was told of is reported after all. */
  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    if (this.failed) super.reportError();
  }

  /** Whether `error`, which the call ends with, is the one it ended with itself. */
  caused(error: unknown): boolean {
    return this.failed && this.outcome === error;
  }

  /** Only if nobody is told otherwise. */
  protected override reportError(): void {
    if (this.#abandoned) super.reportError();
  }
}
