import { type Duration, quiet, type WaitOptions } from "../../hub/mod.ts";
import { runAs } from "../../hub/context.ts";
import { checkFunction } from "../../sync/check.ts";
import { Greenlet, type KillOptions, type KillReason } from "../../green/mod.ts";
import { cancel, kill } from "./kill.ts";

/** A callback for the end, with the arguments that were given with it. */
interface Link {
  // deno-lint-ignore no-explicit-any -- callbacks of every signature
  readonly callback: (...args: any[]) => unknown;
  readonly args: unknown[];
}

/**
 * A greenlet with eventlet's methods. `spawn()` and its relatives make them.
 *
 * It is not thenable: `await thread.wait()` for the result.
 *
 * Source: `eventlet.greenthread.GreenThread`.
 *
 * @typeParam T What the body returns.
 *
 * @example Wait for the result
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const thread = eventlet.spawn((a: number, b: number) => a + b, 2, 3);
 * assertInstanceOf(thread, eventlet.GreenThread);
 * assertEquals(await thread.wait(), 5);
 * ```
 */
export class GreenThread<T = unknown> extends Greenlet<T> {
  /** Whether the body came to its end: a killed one has a `GreenletExit` as its outcome as well. */
  #returned = false;
  #links: Link[] | undefined = undefined;
  #linking = false;

  /**
   * Makes a green thread and schedules it. Does not switch.
   *
   * @throws {TypeError} If `fn` is not a function.
   */
  static override spawn<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...args: A
  ): GreenThread<Awaited<R>> {
    checkFunction(fn, "spawn green thread");
    const thread = new GreenThread<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
    thread.start();
    return thread;
  }

  /**
   * Makes a green thread that starts after `delay` (ms or `Temporal.Duration`). Does not switch.
   *
   * @throws {TypeError} If `fn` is not a function.
   * @throws {RangeError} If `delay` is negative or NaN.
   */
  static override spawnLater<A extends unknown[], R>(
    delay: Duration,
    fn: (...args: A) => R,
    ...args: A
  ): GreenThread<Awaited<R>> {
    checkFunction(fn, "spawn green thread");
    const thread = new GreenThread<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
    thread.startLater(delay);
    return thread;
  }

  /**
   * Waits for the result; any number of greenlets may. Switches unless it has ended.
   *
   * @returns What the body returned.
   * @throws {GreenletExit} If it was killed.
   * @throws {Timeout} If it does not end in time.
   * @throws The error it ended with.
   *
   * @example A killed one
   * ```ts
   * import { eventlet, GreenletExit } from "@verdant/green";
   * import { assertRejects } from "@std/assert";
   *
   * const thread = eventlet.spawn(() => eventlet.sleep(60_000));
   * await thread.kill();
   * await assertRejects(() => thread.wait(), GreenletExit);
   * ```
   */
  wait(options?: WaitOptions): Promise<T> {
    return quiet(this.#resultOf(this.get(options)));
  }

  async #resultOf(outcome: Promise<T>): Promise<T> {
    const result = await outcome;
    if (!this.#returned) throw result;
    return result;
  }

  /**
   * Calls `callback(this, ...args)` at the end, before anybody resumes who waits for it; at once if it has ended.
   * Links are called in the order in which they were made. They are outside of all greenlets; one that fails, at
   * once or later, is reported and does not stop the others. Does not switch.
   *
   * @returns Removes the link when disposed.
   * @throws {TypeError} If `callback` is not a function.
   *
   * @example With an argument
   * ```ts
   * import { eventlet } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const log: string[] = [];
   * const thread = eventlet.spawn(() => "result");
   * thread.link(({ value }, name: string) => log.push(`${name}: ${value}`), "link");
   * log.push(await thread.wait());
   * assertEquals(log, ["link: result", "result"]);
   * ```
   */
  override link<A extends unknown[]>(
    callback: (thread: this, ...args: A) => unknown,
    ...args: A
  ): Disposable {
    checkFunction(callback, "link green thread", "callback");
    const link: Link = { callback, args };
    (this.#links ??= []).push(link);
    if (this.ready) this.#callLinks();
    return { [Symbol.dispose]: () => void this.#removeLink((other) => other === link) };
  }

  /**
   * Removes the oldest link with this callback and these arguments, if it was not called yet. Does not switch.
   *
   * @returns Whether there was one.
   */
  override unlink<A extends unknown[]>(
    callback: (thread: this, ...args: A) => unknown,
    ...args: A
  ): boolean {
    return this.#removeLink((link) => {
      if (link.callback !== callback || link.args.length !== args.length) return false;
      return link.args.every((arg, index) => Object.is(arg, args[index]));
    });
  }

  /**
   * Kills it, as `eventlet.kill(this, reason)`. With options, as `Greenlet.kill()`, which waits for the end.
   *
   * @returns Whether it has ended.
   * @throws {TypeError} If `reason` is neither an error, an error class nor a message.
   */
  override kill(reason?: KillReason, options?: KillOptions): Promise<boolean> {
    return options === undefined ? kill(this, reason) : super.kill(reason, options);
  }

  /**
   * Kills it if its body has not begun. Switches if so.
   *
   * @returns Whether it was cancelled.
   * @throws {TypeError} If `reason` is neither an error, an error class nor a message.
   */
  cancel(reason?: KillReason): Promise<boolean> {
    return cancel(this, reason);
  }

  /** Kills what is left and waits for its clean-up. */
  override async [Symbol.asyncDispose](): Promise<void> {
    if (!this.ready) await super.kill();
  }

  /** For the hub. */
  override succeed(value: unknown): void {
    this.#returned = true;
    super.succeed(value);
  }

  /** For the hub. */
  override ended(): void {
    this.#callLinks();
    super.ended();
  }

  /** Those that are made meanwhile are called as well. */
  #callLinks(): void {
    const links = this.#links;
    if (links === undefined || this.#linking) return;
    this.#linking = true;
    for (let link = links.shift(); link !== undefined; link = links.shift()) {
      runAs(this.hub.root, callLink, { thread: this, link });
    }
    this.#linking = false;
  }

  #removeLink(matches: (link: Link) => boolean): boolean {
    const index = this.#links?.findIndex(matches) ?? -1;
    if (index >= 0) this.#links!.splice(index, 1);
    return index >= 0;
  }
}

/** Calls one; whatever goes wrong in it stays in it. */
async function callLink({ thread, link }: { thread: Greenlet; link: Link }): Promise<void> {
  try {
    await link.callback(thread, ...link.args);
  } catch (error) {
    thread.hub.handleError(thread, error);
  }
}
