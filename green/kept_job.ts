import { noteFailure, noteLook, Waiter, type WaitOptions, watchesFailures } from "../hub/mod.ts";
import { Job } from "./job.ts";

/**
 * A job whose result is kept for somebody who may take it much later, or never: leak hints tell of an error that
 * nobody took.
 */
export class KeptJob<T = unknown> extends Job<T> {
  /** Whether somebody gets the error anyway. */
  #told = false;

  /** As that of a job. */
  override abandon(): void {
    this.#told = true;
    noteLook(this);
    super.abandon();
  }

  /** The error it ended with; `undefined` before the end and after a success. */
  override get error(): unknown {
    noteLook(this);
    return super.error;
  }

  /** As that of every greenlet. */
  override get(options?: WaitOptions): Promise<T> {
    noteLook(this);
    return super.get(options);
  }

  /** As that of every greenlet. */
  override fail(error: unknown): void {
    if (watchesFailures() && this.links !== undefined) {
      this.#told ||= [...this.links].some((node) => node instanceof Waiter);
    }
    super.fail(error);
  }

  /** As that of a job. */
  protected override reportError(): void {
    super.reportError();
    if (!this.#told) noteFailure(this, this.outcome);
  }
}
