import { enterWait, quiet } from "../hub/mod.ts";
import { ShutDown } from "../sync/errors.ts";
import { Semaphore } from "../sync/semaphore.ts";
import { SimpleQueue } from "../sync/simple_queue.ts";
import type { Greenlet } from "./greenlet.ts";
import { KeptJob } from "./kept_job.ts";
import { Members } from "./members.ts";
import { isAsync } from "./zip.ts";

/**
 * What can be mapped: the items may be there already, or come one by one.
 *
 * @example Items that come one by one
 * ```ts
 * import { Group, type Items } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * async function* lines() {
 *   yield "one";
 *   yield "two";
 * }
 * const items: Items<string> = lines();
 * assertEquals(await new Group().map((line: string) => line.length, items), [3, 3]);
 * ```
 */
export type Items<T> = Iterable<T> | AsyncIterable<T>;

/**
 * Results of `imap()` and its kin, as they are asked for.
 *
 * An error of a task is thrown by the `next()` of its position; asking on goes on behind it. Leaving a
 * `for await` loop with `break`, disposing, or an interrupted `next()` kills what is left of the work and
 * waits for its clean-up.
 *
 * @example Take two and leave
 * ```ts
 * import { Pool, type Results } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using results: Results<number> = new Pool(2).imap((n: number) => n * n, [1, 2, 3]);
 * assertEquals((await results.next()).value, 1);
 * assertEquals((await results.next()).value, 4); // the rest is killed at the end of the block
 * ```
 */
export interface Results<R> extends AsyncIterableIterator<R>, AsyncDisposable {}

/** What an {@linkcode Imap} does. */
export interface ImapPlan<T, R> {
  /** Called in a greenlet of its own for each item. */
  readonly fn: (item: T) => R | PromiseLike<R>;
  /** Where the items come from; taken one by one, as there is room. */
  readonly items: Items<T>;
  /** How many results may wait to be taken, running ones included. */
  readonly maxSize: number;
  /** Whether results come in the order of the items, or as they are done. */
  readonly ordered: boolean;
  /** Whether to begin with the first `next()` rather than at once. */
  readonly lazy?: boolean | undefined;
  /** Makes a greenlet a member and starts it, waiting for room. */
  readonly launch: (job: Greenlet) => Promise<unknown>;
}

/** The jobs of one call that have not ended. */
class Jobs extends Members {
  add(job: KeptJob): void {
    this.enrol(job);
  }
}

/**
 * Data flow: a feeder greenlet takes items, waits for room, and launches a job for each; jobs go into
 * `#upcoming` in the order in which their results are to come; `next()` takes the first and waits for it.
 */
export class Imap<T, R> implements Results<R> {
  readonly #plan: ImapPlan<T, R>;
  readonly #jobs: Jobs = new Jobs();
  readonly #upcoming: SimpleQueue<KeptJob<R>> = new SimpleQueue();
  /** Also without a limit taken from: that is where a feeder with endless items lets others run. */
  readonly #room: Semaphore;
  readonly #maxSize: number;
  readonly #feeder: KeptJob<void>;
  /** Jobs launched whose results are not in `#upcoming` yet; the feeder counts as one. */
  #expected = 1;
  #closed = false;
  /** Whether somebody has been told the error of the items' source. */
  #told = false;

  /** Starts the work, unless it is lazy. */
  constructor(plan: ImapPlan<T, R>) {
    this.#plan = plan;
    this.#maxSize = Math.min(plan.maxSize, Number.MAX_SAFE_INTEGER);
    this.#room = new Semaphore(this.#maxSize);
    this.#feeder = new KeptJob(() => this.#feed());
    this.#feeder.name = `feeder of ${plan.fn.name || "imap"}`;
    if (!plan.lazy) this.#feeder.start();
  }

  /** Waits for the next result. Switches unless it is there. */
  next(): Promise<IteratorResult<R>> {
    enterWait("take next result");
    this.#feeder.start();
    return quiet(this.#next());
  }

  /** Kills what is left of the work and waits for its clean-up. */
  return(): Promise<IteratorReturnResult<undefined>> {
    enterWait("leave results");
    return quiet(this.#return());
  }

  /** The same as {@linkcode return}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.return() as Promise<unknown> as Promise<void>;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #return(): Promise<IteratorReturnResult<undefined>> {
    this.#closed = true;
    while (!this.#upcoming.empty) this.#upcoming.getNowait().abandon();
    this.#upcoming.shutdown();
    for (const job of this.#jobs) (job as KeptJob).abandon();
    if (!this.#told) this.#feeder.abandon();
    this.#told = true;
    void this.#feeder.kill(undefined, { block: false });
    try {
      await this.#jobs.kill();
      await this.#feeder.join();
    } finally {
      while (this.#room.counter < this.#maxSize) this.#room.release(); // nobody takes those results
    }
    return { done: true, value: undefined };
  }

  async #next(): Promise<IteratorResult<R>> {
    let job: KeptJob<R> | undefined;
    try {
      job = await this.#upcoming.get();
      const value = await job.get();
      this.#room.release();
      return { done: false, value };
    } catch (error) {
      if (error instanceof ShutDown && job === undefined) return this.#end();
      if (job?.caused(error)) {
        this.#room.release();
      } else { // the wait was interrupted: nobody will come back for the rest
        job?.abandon();
        await this.#return();
      }
      throw error;
    }
  }

  /** All results are out; an error of the items' source comes last. */
  #end(): IteratorReturnResult<undefined> {
    if (this.#feeder.failed && !this.#told) {
      this.#told = true;
      throw this.#feeder.error;
    }
    return { done: true, value: undefined };
  }

  async #feed(): Promise<void> {
    try {
      const { items } = this.#plan;
      if (isAsync(items)) {
        for await (const item of items) await this.#launch(item);
      } else {
        for (const item of items) await this.#launch(item);
      }
    } finally {
      this.#settleOne();
    }
  }

  async #launch(item: T): Promise<void> {
    await this.#room.acquire();
    if (this.#closed) return; // meanwhile; the jobs there were have been killed, this one would be missed
    const { fn, launch, ordered } = this.#plan;
    const job = new KeptJob<R>(fn, item);
    // Known before it starts, so that return() finds it at whatever point it comes.
    this.#jobs.add(job);
    try {
      await launch(job);
    } catch (error) {
      void job.kill(undefined, { block: false });
      throw error;
    }
    if (this.#closed) return;
    this.#expected++;
    if (ordered) this.#deliver(job);
    else job.rawlink(() => this.#deliver(job));
  }

  #deliver(job: KeptJob<R>): void {
    if (this.#closed) job.abandon();
    else this.#upcoming.putNowait(job);
    this.#settleOne();
  }

  /** Once no job will follow, whoever waits for one is told. */
  #settleOne(): void {
    if (--this.#expected === 0) this.#upcoming.shutdown();
  }
}
