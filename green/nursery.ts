import { callerTask, type Duration, GreenletExit, quiet, type Task, Timeout } from "../hub/mod.ts";
import { checkFunction } from "../sync/check.ts";
import type { Greenlet } from "./greenlet.ts";
import { Job } from "./job.ts";
import { Members } from "./members.ts";
import { shield } from "./shield.ts";
import { withTimeout } from "./with_timeout.ts";

/**
 * Options of {@linkcode nursery}.
 *
 * @example A limit for everything together
 * ```ts
 * import { nursery, type NurseryOptions, sleep, Timeout } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const options: NurseryOptions = { deadline: 5, name: "orders" };
 * await assertRejects(() => nursery((n) => void n.spawn(() => sleep(60_000)), options), Timeout);
 * ```
 */
export interface NurseryOptions {
  /**
   * How long (ms, `Temporal.Duration`, or a `Timeout` that is not started) the body and the greenlets may
   * take together.
   */
  deadline?: Duration | Timeout | undefined;
  /** Its name in messages. */
  name?: string | undefined;
}

/**
 * The greenlets of one {@linkcode nursery} call, and the way to spawn more of them.
 *
 * Invariant: once it is closed, it is empty and stays so.
 *
 * @example Hand it to a function that spawns
 * ```ts
 * import { type Nursery, nursery } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const squares = (n: Nursery) => [1, 2, 3].map((i) => n.spawn(() => i * i));
 * const sum = await nursery(async (n) => {
 *   let sum = 0;
 *   for (const child of squares(n)) sum += await child.get();
 *   return sum;
 * });
 * assertEquals(sum, 14);
 * ```
 */
export class Nursery extends Members {
  /** Its name in messages. */
  readonly name: string;
  readonly #host: Task;
  /** The newest shield around the body. */
  readonly #depth: number;
  #bodyRuns = true;
  #closed = false;
  #cancelled: GreenletExit | undefined = undefined;
  readonly #errors: unknown[] = [];

  /** For {@linkcode nursery}. */
  constructor(host: Task, name: string) {
    super();
    this.#host = host;
    this.#depth = host.depth;
    this.name = name;
  }

  /**
   * Runs `fn(...args)` in a new greenlet, which the nursery will wait for. Its error, if it fails, kills
   * the others and is thrown by the nursery. If the nursery is being cancelled, the greenlet never begins.
   * Does not switch.
   *
   * @throws {TypeError} If `fn` is not a function.
   * @throws {Error} If the nursery has ended.
   */
  spawn<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Greenlet<Awaited<R>> {
    checkFunction(fn, "spawn greenlet");
    if (this.#closed) throw new Error(`Cannot spawn in ${this.name}: it has ended`);
    const child = new Job<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
    this.enrol(child);
    if (this.#cancelled !== undefined) void child.kill(this.#cancelled, { block: false });
    child.start();
    return child;
  }

  /** For {@linkcode nursery}: runs the body, waits for everybody, and sums up. */
  async run<T>(body: (nursery: this) => T | PromiseLike<T>, limit: Timeout): Promise<T> {
    let result: T;
    try {
      await withTimeout(limit, async () => {
        result = await body(this);
        await this.#drain();
      });
    } catch (error) {
      if (error !== this.#cancelled) this.#errors.unshift(error);
    }
    this.#bodyRuns = false;
    this.#host.withdraw(this);
    if (this.size > 0) {
      this.#cancel(new GreenletExit(`${this.name} was cancelled`, { cause: this.#errors[0] }));
      // Held back meanwhile: nobody may be left behind, whatever happens to the one who waits.
      await shield(() => this.#drain());
    }
    this.#closed = true;
    this.#throwErrors();
    return result!;
  }

  /** The first failure ends the others' work. */
  protected override onLeave(child: Greenlet): void {
    if (!child.failed) return;
    this.#errors.push(child.error);
    this.#cancel(
      new GreenletExit(`${this.name} was cancelled: ${child.label} failed`, { cause: child.error }),
    );
  }

  #cancel(reason: GreenletExit): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = reason;
    void this.kill({ reason, block: false });
    if (this.#bodyRuns) this.#host.interrupt({ error: reason, origin: this, depth: this.#depth });
  }

  /** Waits until it is empty, also of those who were spawned during the wait. */
  async #drain(): Promise<void> {
    while (this.size > 0) await this.join();
  }

  #throwErrors(): void {
    const errors = [...new Set(this.#errors)];
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${this.name}: ${errors.length} errors`);
  }
}

/**
 * Runs `body` with a nursery, and returns when the body and all greenlets spawned in the nursery have
 * ended: none outlives the call. Switches.
 *
 * The first failure, in the body or in a greenlet, kills the others; so does an interruption of the
 * caller. All clean-up is waited for, even if the caller is killed or timed out meanwhile.
 *
 * @param body What to run, in the caller's greenlet (outside greenlets, in one of its own).
 * @param options `deadline`: a limit for everything together; `name`: for messages.
 * @returns What the body returns.
 * @throws The error, if there was one; an `AggregateError` of several, the body's first.
 * @throws {Timeout} If the deadline passes.
 * @throws {TypeError} If `body` is not a function.
 * @throws {RangeError} If `deadline` is negative or NaN.
 *
 * @example Two requests, one fate
 * ```ts
 * import { nursery, sleep } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const total = await nursery(async (n) => {
 *   const a = n.spawn(async () => {
 *     await sleep(1);
 *     return 1;
 *   });
 *   const b = n.spawn(() => 2);
 *   return await a.get() + await b.get();
 * });
 * assertEquals(total, 3);
 *
 * await assertRejects(
 *   () =>
 *     nursery((n) => {
 *       n.spawn(() => sleep(60_000)); // killed by the failure of the other
 *       n.spawn(() => {
 *         throw new Error("disk full");
 *       });
 *     }),
 *   Error,
 *   "disk full",
 * );
 * ```
 */
export function nursery<T>(
  body: (nursery: Nursery) => T | PromiseLike<T>,
  options: NurseryOptions = {},
): Promise<T> {
  checkFunction(body, "open nursery", "body");
  const { deadline = null, name = body.name || "nursery" } = options;
  const limit = deadline instanceof Timeout ? deadline : new Timeout(deadline);
  const caller = callerTask();
  // Waits outside greenlets belong to nobody in particular: a failure must interrupt only this one.
  if (caller === caller.hub.root) return quiet(runHosted(body, limit, name));
  return quiet(new Nursery(caller, name).run(body, limit));
}

async function runHosted<T>(
  body: (nursery: Nursery) => T | PromiseLike<T>,
  limit: Timeout,
  name: string,
): Promise<T> {
  const host: Job<T> = new Job(() => new Nursery(host, name).run(body, limit));
  host.name = name;
  host.start();
  try {
    return await host.get();
  } catch (error) {
    if (host.dead) {
      if (!host.caused(error)) host.abandon();
      throw error;
    }
    // Interrupted: the body is, as it would be in a greenlet, and everybody's end is waited for.
    host.throw(error as Error);
    return await shield(() => host.get());
  }
}
