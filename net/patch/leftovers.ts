import {
  enterWait,
  EXPIRE_FALSE,
  park,
  planWait,
  refusal,
  type Task,
  Waiter,
  type WaitSource,
} from "../../hub/mod.ts";
import { isOutside } from "../../green/outside.ts";
import { type AnyFunction, imitate } from "./through_hub.ts";

/** What an operation of the platform brings, and how it is given to a caller. */
export interface Delivery<R> {
  /** Begins the operation. */
  readonly begin: (original: AnyFunction, target: object, args: unknown[]) => Promise<R>;
  /** Gives what it brought to a caller; what is too much for this one is for the next. */
  readonly deliver: (result: R, args: unknown[]) => { readonly value: unknown; readonly rest?: R };
}

/** As it comes. */
const WHOLE: Delivery<unknown> = {
  begin: (original, target, args) => Reflect.apply(original, target, args) as Promise<unknown>,
  deliver: (value) => ({ value }),
};

/**
 * Bytes, through a buffer of their own: the caller's is theirs again when they are interrupted.
 * `undefined` is the end.
 */
export const BYTES: Delivery<Uint8Array | undefined> = {
  async begin(original, target, [buffer]) {
    const own = new Uint8Array((buffer as Uint8Array).byteLength);
    const count = await Reflect.apply(original, target, [own]) as number | null;
    return count === null ? undefined : own.subarray(0, count);
  },
  deliver(bytes, [buffer]) {
    if (bytes === undefined) return { value: null };
    const target = buffer as Uint8Array;
    const count = Math.min(bytes.length, target.length);
    target.set(bytes.subarray(0, count));
    const rest = bytes.subarray(count);
    return rest.length === 0 ? { value: count } : { value: count, rest };
  },
};

/** An operation that is under way, or what is left of it. */
export interface Operation<R> {
  /** Those begun before have a smaller one. */
  readonly serial: number;
  readonly result: Promise<R>;
}

let operations = 0;

/** Operations that nobody waits for any more, by what they are operations of; in the order they were begun. */
export class Leftovers<R> {
  readonly #of = new WeakMap<object, Operation<R>[]>();

  /** The next call waits for it. */
  leave(target: object, operation: Operation<R>): void {
    const left = this.#of.get(target) ?? [];
    const later = left.findIndex(({ serial }) => serial > operation.serial);
    left.splice(later < 0 ? left.length : later, 0, operation);
    this.#of.set(target, left);
  }

  /** Whether there are any. */
  has(target: object): boolean {
    return (this.#of.get(target)?.length ?? 0) > 0;
  }

  /** The first one. */
  take(target: object): Operation<R> | undefined {
    return this.#of.get(target)?.shift();
  }

  /** All of them. */
  drop(target: object): Operation<R>[] {
    const left = this.#of.get(target) ?? [];
    this.#of.delete(target);
    return left;
  }
}

/** One greenlet's wait for one operation. */
class OperationWait<R> implements WaitSource {
  readonly owner: object | undefined = undefined;
  readonly waiter: Waiter;

  constructor(
    readonly task: Task,
    readonly what: string,
    readonly operation: Operation<R>,
    readonly deliver: (result: R) => unknown,
    readonly leave: (operation: Operation<R>) => void,
  ) {
    this.waiter = new Waiter(task, this, undefined);
    task.hub.foreignWaits++;
    operation.result.then((result) => this.#fulfilled(result), (error) => this.#rejected(error));
  }

  /** Interrupted. Not a moment later, or who asks next would begin another operation and overtake this one. */
  remove(): void {
    this.task.hub.foreignWaits--;
    this.leave(this.operation);
  }

  #fulfilled(result: R): void {
    const { waiter, task: { hub } } = this;
    if (!waiter.waiting) return; // it was left
    let value: unknown;
    try {
      value = this.deliver(result);
    } catch (error) { // the caller's buffer is no more
      this.leave(this.operation);
      return this.#rejected(error);
    }
    hub.foreignWaits--;
    hub.wakeFromOutside(() => waiter.wake(value));
  }

  #rejected(error: unknown): void {
    const { waiter, task: { hub } } = this;
    if (!waiter.waiting) return;
    hub.foreignWaits--;
    hub.wakeFromOutside(() => waiter.fail(error));
  }
}

/** How a method is replaced whose results must not be lost. */
export interface Resumable<R> {
  readonly delivery?: Delivery<R>;
  /** Shared with other methods that must know of them. */
  readonly leftovers?: Leftovers<R>;
  /** What the operations are operations of; the object itself, if nothing is said. */
  readonly targetOf?: (self: object) => object;
  readonly what?: string;
}

/**
 * Replaces a method whose result must not be lost. If its caller is interrupted, the operation goes on, and the
 * next call of the method, in a greenlet or not, gets what it brings.
 */
export function resumable<R>(original: AnyFunction, how: Resumable<R> = {}): AnyFunction {
  const { leftovers = new Leftovers<R>(), targetOf = (self) => self, what = original.name } = how;
  const { begin, deliver } = how.delivery ?? WHOLE as Delivery<R>;

  function replacement(this: object, ...args: unknown[]): unknown {
    if (!isOutside()) return wait(this, args);
    const left = leftovers.take(targetOf(this));
    return left === undefined ? Reflect.apply(original, this, args) : take(targetOf(this), left, args);
  }

  function wait(self: object, args: unknown[]): Promise<unknown> {
    const plan = planWait(undefined, what);
    const task = enterWait(what);
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const target = targetOf(self);
    const operation = leftovers.take(target) ?? { serial: operations++, result: begin(original, self, args) };
    const source = new OperationWait(
      task,
      what,
      operation,
      (result) => give(target, operation, result, args),
      (left) => leftovers.leave(target, left),
    );
    return park(source.waiter, plan, EXPIRE_FALSE);
  }

  async function take(target: object, operation: Operation<R>, args: unknown[]): Promise<unknown> {
    return give(target, operation, await operation.result, args);
  }

  function give(target: object, { serial }: Operation<R>, result: R, args: unknown[]): unknown {
    const { value, rest } = deliver(result, args);
    if (rest !== undefined) leftovers.leave(target, { serial, result: Promise.resolve(rest) });
    return value;
  }

  return imitate(replacement, original);
}
