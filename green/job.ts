import { Greenlet } from "./greenlet.ts";

/**
 * A greenlet that works for one call, which passes its error on: reporting it as well would be noise.
 */
export class Job<T = unknown> extends Greenlet<T> {
  #abandoned = false;

  /** The call has gone: from now on nobody else would hear of an error. */
  abandon(): void {
    this.#abandoned = true;
  }

  /** Only if nobody is told otherwise. */
  protected override reportError(): void {
    if (this.#abandoned) super.reportError();
  }
}
