import { GreenletExit, Timeout, until } from "../../hub/mod.ts";
import { Event } from "../../sync/event.ts";
import { Job } from "../../green/job.ts";
import { spawnRaw } from "../../green/spawn_raw.ts";

/** What can be streamed: a queue, a generator, an array. */
export type StreamSource<T> = AsyncIterable<T> | Iterable<T>;

/** How a source becomes bytes. */
export interface SourceStreamOptions<T> {
  /** The bytes of an item. */
  readonly encode: (item: T) => Uint8Array<ArrayBuffer>;
  /** What is sent when no item has come for a while. */
  readonly heartbeat?: { readonly every: number; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
  /** Whether a kill ends it as if the source had ended, instead of breaking it off. */
  readonly endsOnKill: boolean;
}

/**
 * Reads a source in a greenlet of its own, an item whenever the client has room for one: nothing is taken from a
 * queue that could not be sent. The greenlet is killed if the client leaves.
 */
export class SourceStream<T> {
  /** What the client gets. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #options: SourceStreamOptions<T>;
  readonly #iterator: AsyncIterator<T> | Iterator<T>;
  /** Whether the client has room. */
  readonly #demand = new Event();
  readonly #job: Job<void>;
  #begun = false;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  /** The item that has been asked for and has not come. */
  #coming: Promise<IteratorResult<T>> | undefined = undefined;

  constructor(source: StreamSource<T>, options: SourceStreamOptions<T>) {
    this.#options = options;
    this.#iterator = iteratorOf(source);
    this.#job = new Job<void>(() => this.#run());
    this.#job.name = "source of a response";
    this.#job.rawlink(() => this.#finish()); // also if it is killed before it has begun
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#demand.set();
        this.#job.start();
      },
      cancel: () => this.#leave(),
    }, { highWaterMark: 0 });
  }

  async #run(): Promise<void> {
    this.#begun = true;
    try {
      while (await this.#step());
    } catch (error) {
      await this.#stopSource();
      throw error;
    }
  }

  /** Sends one chunk; says whether there may be more. */
  async #step(): Promise<boolean> {
    await this.#demand.wait();
    const next = await this.#next();
    if (next?.done) return false;
    this.#demand.clear();
    const { encode, heartbeat } = this.#options;
    this.#controller.enqueue(next === undefined ? heartbeat!.bytes : encode(next.value));
    return true;
  }

  /** The next item; `undefined` if it takes so long that a heartbeat is due. */
  async #next(): Promise<IteratorResult<T> | undefined> {
    const { heartbeat } = this.#options;
    this.#coming ??= Promise.resolve(this.#iterator.next());
    const limit = heartbeat && new Timeout(heartbeat.every);
    try {
      const next = await until(this.#coming, {
        ...(limit && { timeout: limit }),
        what: "next item of a source",
      });
      this.#coming = undefined;
      return next;
    } catch (error) {
      if (error === limit) return undefined;
      throw error;
    }
  }

  /** The source has ended, failed, or was killed. */
  #finish(): void {
    const { failed, error, value } = this.#job;
    const killed = (value as unknown) instanceof GreenletExit;
    if (!this.#begun) spawnRaw(() => this.#iterator.return?.());
    try {
      if (failed || killed && !this.#options.endsOnKill) this.#controller.error(failed ? error : value);
      else this.#controller.close();
    } catch {
      // The client has left.
    }
  }

  /** Lets the source clean up. An item that was asked for ends with the kill of this greenlet. */
  async #stopSource(): Promise<void> {
    try {
      await this.#coming;
    } catch {
      // The kill.
    }
    await this.#iterator.return?.();
  }

  async #leave(): Promise<void> {
    if (this.#job.started) await this.#job.kill(new GreenletExit("The client has gone"));
    else await this.#iterator.return?.();
  }
}

function iteratorOf<T>(source: StreamSource<T>): AsyncIterator<T> | Iterator<T> {
  const { [Symbol.asyncIterator]: inTime, [Symbol.iterator]: atOnce } = Object(source);
  if (typeof inTime === "function") return inTime.call(source);
  if (typeof atOnce === "function") return atOnce.call(source);
  throw new TypeError(`Cannot stream: source must be iterable, received ${String(source)}`);
}
