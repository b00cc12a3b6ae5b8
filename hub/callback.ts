import { runAs } from "./context.ts";
import type { Hub } from "./hub.ts";
import type { Runnable } from "./run_queue.ts";
import type { WaitList, WaitNode } from "./wait_list.ts";

/**
 * A plain function that the hub runs once, between greenlets. It must not wait.
 *
 * @example Queue a function
 * ```ts
 * import { Callback, getHub } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * const callback = new Callback(getHub(), "example", (word: string) => seen.push(word), ["called"]);
 * callback.wake();
 * await new Promise((resolve) => setTimeout(resolve));
 * assertEquals([seen, callback.pending], [["called"], false]);
 * ```
 */
// deno-lint-ignore no-explicit-any -- holds functions of every signature
export class Callback<A extends any[] = any[]> implements Runnable, WaitNode, Disposable {
  /** Neighbours in the list of links it stands in. Owned by the list. */
  prev: WaitNode | undefined = undefined;
  /** The one behind it. */
  next: WaitNode | undefined = undefined;
  /** What runs; `undefined` once it ran or was cancelled. */
  fn: ((...args: A) => void) | undefined;
  /** A callback brings nothing. */
  readonly value: undefined = undefined;
  #list: WaitList | undefined = undefined;

  /**
   * Makes a callback that is not queued yet.
   *
   * @param hub Where it runs.
   * @param context For reports of its errors.
   * @param fn What to call.
   * @param args With what.
   */
  constructor(readonly hub: Hub, readonly context: unknown, fn: (...args: A) => void, readonly args: A) {
    this.fn = fn;
  }

  /** Whether it is still to run. */
  get pending(): boolean {
    return this.fn !== undefined;
  }

  /** Makes it wait in a list. */
  waitIn(list: WaitList): void {
    list.push(this);
    this.#list = list;
  }

  /** Makes sure that it does not run any more. */
  cancel(): void {
    this.fn = undefined;
    this.#list?.remove(this);
    this.#list = undefined;
  }

  /** The same as {@linkcode cancel}. */
  [Symbol.dispose](): void {
    this.cancel();
  }

  /** Queues it. The list has already forgotten it. */
  wake(): void {
    this.#list = undefined;
    this.hub.enqueue(this);
  }

  /** The same: a callback takes neither value nor error. */
  fail(): void {
    this.wake();
  }

  /** Runs it. An error is reported and goes no further. */
  dispatch(hub: Hub): void {
    const { fn } = this;
    if (fn === undefined) return;
    this.fn = undefined;
    hub.inCallback = true;
    hub.tracer?.callback?.();
    try {
      runAs(hub.root, (args: A) => fn(...args), this.args);
    } catch (error) {
      hub.handleError(this.context, error);
    } finally {
      hub.inCallback = false;
    }
  }
}
