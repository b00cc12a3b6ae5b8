import { type WaitNode, watchesFailures } from "../../hub/mod.ts";
import { AsyncResult } from "../../sync/async_result.ts";
import { prepare } from "./parcel.ts";
import type { TaskSpec } from "./task.ts";
import type { Thread } from "./thread.ts";
import { ThreadError } from "./thread_error.ts";

/**
 * One call of a task. Life: made → queued → running → ended; being queued may be left out, or be the end of it.
 *
 * While it is queued without anybody waiting for room, it stands in the pool's queue itself.
 */
export class ThreadCall<T = unknown> implements WaitNode {
  /** Neighbours in the queue. Owned by the queue. */
  prev: WaitNode | undefined = undefined;
  next: WaitNode | undefined = undefined;
  readonly value: undefined = undefined;

  /** How it ended. */
  readonly outcome: AsyncResult<T> = new AsyncResult();
  /** Where it runs. */
  thread: Thread | undefined = undefined;
  /** Whether it stands in the queue itself. */
  queued = false;
  /** Whether nobody will be told how it ended, so that an error must be reported. */
  unheard: boolean;

  constructor(readonly spec: TaskSpec, public args: unknown[], unheard: boolean) {
    this.unheard = unheard;
    if (watchesFailures()) this.outcome.name = this.label;
  }

  /** How messages call it. */
  get label(): string {
    return `task ${this.spec.name}`;
  }

  /** Copies the arguments, which are sent later. What cannot be sent is refused now. */
  keepArguments(): void {
    this.args = prepare(this.args) as unknown[];
  }

  /** Out of the queue: the pool starts it. */
  wake(): void {
    this.queued = false;
  }

  /** It never runs. */
  fail(error: unknown): void {
    this.queued = false;
    this.unheard = false;
    this.outcome.setError(error);
  }

  /** It did not come to its end. */
  break(why: string, cause?: unknown): void {
    this.outcome.setError(brokenBy(this.spec.name, why, cause));
  }

  /** Whether a wait for it ended with this error because it did itself. */
  caused(error: unknown): boolean {
    return this.outcome.ready && !this.outcome.successful && this.outcome.error === error;
  }
}

/** What those get whose task did not come to its end. */
export function brokenBy(name: string, why: string, cause?: unknown): ThreadError {
  return new ThreadError(`The task ${name} did not end: ${why}`, cause === undefined ? undefined : { cause });
}
