import {
  type Expiry,
  failedWith,
  immediately,
  park,
  readyWith,
  type Task,
  Waiter,
  type WaitPlan,
  type WaitSource,
} from "../../hub/mod.ts";
import type { Line } from "./line.ts";

/**
 * What an operation does when it is its turn. It runs outside of greenlets: it may await the platform, nothing
 * else, and ends with `turn.done()`, `turn.fail()` or an error.
 */
export type Work<T> = (turn: Turn<T>) => Promise<void>;

type Outcome<T> = { readonly value: T } | { readonly error: unknown } | undefined;

/** One operation of a file: it waits for its turn, has it, is over. Whoever waits for the outcome may leave. */
export class Turn<T> implements WaitSource {
  readonly #line: Line;
  readonly #work: Work<T>;
  #waiter: Waiter | undefined = undefined;
  #outcome: Outcome<T> = undefined;
  #wanted = true;
  #over = false;

  /** `what` it does, in a word; `owner` is the file. */
  constructor(readonly what: string, readonly owner: object, line: Line, work: Work<T>) {
    this.#line = line;
    this.#work = work;
  }

  /** Whether somebody wants the outcome. */
  get wanted(): boolean {
    return this.#wanted;
  }

  /** Whether somebody is parked until it is over. */
  get awaited(): boolean {
    return this.#waiter !== undefined && this.#wanted && !this.#over;
  }

  /** For the line: it is its turn. */
  begin(): void {
    this.#work(this).then(() => this.#end(undefined), (error) => this.fail(error));
  }

  /** It is over, well. Whoever waits has `value` from now on: it is lost to nobody. */
  done(value: T): void {
    this.#end({ value });
  }

  /** It is over, badly. */
  fail(error: unknown): void {
    this.#end({ error });
  }

  /** Waits for the outcome. `plan` has been found to allow it. */
  wait(task: Task, plan: WaitPlan, expiry: Expiry): Promise<T> {
    if (this.#over) return this.#outcomeFor(task);
    if (plan.timeout === 0) {
      this.leave();
      return immediately(plan, expiry);
    }
    this.#waiter = new Waiter(task, this, undefined);
    task.hub.foreignWaits++;
    this.#line.changed();
    return park(this.#waiter, plan, expiry);
  }

  /** Nobody wants the outcome any more. What has begun goes on. */
  leave(): void {
    this.#wanted = false;
    this.#line.left(this);
  }

  /** Ends the wait with `error`, as if the one who waits had left. */
  expel(error: unknown): void {
    const waiter = this.#waiter!;
    this.remove(waiter);
    waiter.fail(error);
  }

  /** For the hub: the wait was interrupted. */
  remove(waiter: Waiter): void {
    waiter.task.hub.foreignWaits--;
    this.leave();
  }

  #end(outcome: Outcome<T>): void {
    if (this.#over) return;
    this.#over = true;
    this.#outcome = outcome;
    this.#line.free(); // first: whoever is woken finds it free
    if (this.#waiter !== undefined && this.#wanted) this.#wake(this.#waiter);
    this.#line.advance();
  }

  #wake(waiter: Waiter): void {
    const { hub } = waiter.task;
    hub.foreignWaits--;
    const outcome = this.#outcome!;
    hub.wakeFromOutside(() => "error" in outcome ? waiter.fail(outcome.error) : waiter.wake(outcome.value));
  }

  #outcomeFor(task: Task): Promise<T> {
    const outcome = this.#outcome!;
    if ("error" in outcome) return failedWith(task, this, outcome.error);
    return readyWith(task, this, outcome.value);
  }
}
