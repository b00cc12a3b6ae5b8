import { GreenletExit } from "../../hub/mod.ts";
import { Job } from "../../green/job.ts";
import type { Pool } from "../../green/pool.ts";
import type { RequestGreenlet } from "./request_greenlet.ts";

/** Lets requests into a pool, in the order in which they came. */
export class Admission {
  readonly #pool: Pool;
  readonly #maxQueued: number;
  /** Those that wait for a slot, oldest first. The dispatcher waits on behalf of the first. */
  readonly #queue = new Set<RequestGreenlet>();
  #dispatcher: Job<void> | undefined = undefined;
  #stopped = false;

  constructor(pool: Pool, maxQueued: number) {
    this.#pool = pool;
    this.#maxQueued = maxQueued;
  }

  /** How many wait. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Starts the handler of a request, or puts it into the queue; says whether there was room. */
  admit(greenlet: RequestGreenlet): boolean {
    if (this.#stopped) return false;
    if (!this.#pool.full && this.#queue.size === 0) {
      void this.#pool.start(greenlet);
      return true;
    }
    if (this.#queue.size >= this.#maxQueued) return false;
    this.#queue.add(greenlet);
    if (this.#dispatcher === undefined) this.#startDispatcher();
    return true;
  }

  /** Forgets a request, whose handler has ended or will not begin. */
  forget(greenlet: RequestGreenlet): void {
    this.#queue.delete(greenlet);
  }

  /** Starts no more handlers. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#dispatcher?.kill(new GreenletExit("The server stops"));
  }

  #startDispatcher(): void {
    const dispatcher = this.#dispatcher = new Job<void>(() => this.#dispatch());
    dispatcher.name = "dispatcher of requests";
    dispatcher.start();
  }

  /** Stands in the pool's own line, so that others who use it do not always come first. */
  async #dispatch(): Promise<void> {
    try {
      for (const greenlet of this.#queue) {
        await this.#pool.start(greenlet); // one that has ended meanwhile takes no slot
        this.#queue.delete(greenlet);
      }
    } finally {
      this.#dispatcher = undefined;
    }
  }
}
