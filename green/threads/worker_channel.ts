import {
  enterWait,
  expireThrowing,
  type Expiry,
  failedWith,
  getHub,
  type Hub,
  planWait,
  readyWith,
  refusal,
  Ring,
  suspend,
  type WaitOptions,
} from "../../hub/mod.ts";
import { checkSize } from "../../sync/check.ts";
import { Empty, Full, ShutDown } from "../../sync/errors.ts";
import { itemsOf, quietly } from "../../sync/iteration.ts";
import {
  BREAK,
  type ChannelWires,
  CLOSE,
  DeathAlarm,
  END,
  ITEM,
  type Message,
  OutsideWaits,
  type Port,
  TAKEN,
} from "./channel_wires.ts";
import { makeMovable, type Move, onArrival, pack, post, prepare, unpack, wire } from "./parcel.ts";
import { ThreadError } from "./thread_error.ts";

const GET_EXPIRY: Expiry = expireThrowing(() =>
  new Empty("Cannot get from worker channel: nothing came in time")
);
const PUT_EXPIRY: Expiry = expireThrowing(() =>
  new Full("Cannot put to worker channel: it had no room in time")
);

/**
 * One end of a channel between two threads, made by {@linkcode workerChannel}. Items go both ways; each way is in
 * order, and has room for `capacity` items that the other end has not taken: then `put()` waits.
 *
 * An end can be an argument of a task, or an item: then it moves to the other thread, where any number of greenlets
 * may use it. It must not have been used before. The end that a task got as an argument is closed when the task
 * returns. If the task fails, or its thread dies, the other end gets what was put and then throws
 * {@linkcode ThreadError}, so that what is cut off does not look complete.
 *
 * An end that was used keeps the process alive until one of the two is closed.
 *
 * @typeParam Get The type of the items that come.
 * @typeParam Put The type of the items that go.
 *
 * @example Work for a thread, results as they come
 * ```ts
 * import { spawn, ThreadPool, type WorkerChannel, workerChannel } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using pool = new ThreadPool(1);
 * const [here, there] = workerChannel<number>(2);
 * const squares = spawn(() =>
 *   pool.apply(async (channel: WorkerChannel<number>) => {
 *     for await (const n of channel) await channel.put(n * n);
 *   }, [there])
 * );
 * for (const n of [1, 2, 3]) await here.put(n);
 * here.closeWrite();
 * assertEquals(await Array.fromAsync(here), [1, 4, 9]);
 * await squares.get();
 * ```
 */
export class WorkerChannel<Get, Put = Get> implements AsyncIterable<Get>, AsyncDisposable {
  /** How many items may be under way in each direction. */
  readonly capacity: number;

  readonly #hub: Hub = getHub();
  readonly #data: Port;
  readonly #watch: Port;
  readonly #alarm: Port | undefined;
  readonly #getters: OutsideWaits;
  readonly #putters: OutsideWaits;
  /** Arrived and not taken; empty while getters wait. */
  readonly #inbox: Ring<Get> = new Ring();
  /** How many items the other end has room for; 0 while putters wait. */
  #room: number;
  /** Taken, and the other end does not know yet. */
  #untold = 0;
  #open = false;
  #moved = false;
  #closed = false;
  /** Whether this end puts nothing any more. */
  #ended = false;
  /** Whether nothing will come any more. */
  #complete = false;
  /** Whether the other end takes nothing any more. */
  #deserted = false;
  /** Why it broke. */
  #broken: string | undefined = undefined;

  /** For {@linkcode workerChannel}, and for what arrives. */
  constructor({ capacity, data, watch, alarm }: ChannelWires) {
    acceptChannels(); // items may have ends in them
    this.capacity = this.#room = capacity;
    this.#data = data;
    this.#watch = watch;
    this.#alarm = alarm;
    this.#getters = new OutsideWaits("get", this, data);
    this.#putters = new OutsideWaits("put", this, data);
    makeMovable(this, { howToMove: () => this.#howToMove(), moved: () => this.#onMove() });
  }

  /** How many items have come and can be taken without waiting. */
  get size(): number {
    return this.#inbox.size;
  }

  /** How many items can be put without waiting. */
  get room(): number {
    return this.#closed || this.#ended || this.#deserted ? 0 : this.#room;
  }

  /** Whether this end was closed, or has moved to another thread. */
  get closed(): boolean {
    return this.#closed || this.#moved;
  }

  /**
   * Sends an item, waiting for room. Switches only then. What is marked with `transfer()` moves when there is room.
   *
   * @throws {Full} If there is no room in time: it was not sent.
   * @throws {ShutDown} If either end is closed, or this one puts nothing any more.
   * @throws {ThreadError} If the thread at the other end died, or its task failed.
   * @throws {DOMException} A `DataCloneError`, at the call, if it cannot be sent.
   */
  put(item: Put, options?: WaitOptions): Promise<void> {
    const plan = planWait(options, "put to worker channel");
    const task = enterWait("put to worker channel");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    this.#start();
    const hindrance = this.#putError();
    if (hindrance !== undefined) return failedWith(task, this.#putters, hindrance);
    if (this.#room === 0) {
      const ready = plan.timeout === 0 ? undefined : prepare(item);
      return suspend(task, this.#putters, ready, plan, PUT_EXPIRY);
    }
    this.#send(item);
    return readyWith(task, this.#putters, undefined);
  }

  /**
   * Sends an item if there is room. Does not switch.
   *
   * @throws {Full} If there is none.
   * @throws {ShutDown} As for {@linkcode put}.
   */
  putNowait(item: Put): void {
    this.#start();
    const hindrance = this.#putError();
    if (hindrance !== undefined) throw hindrance;
    if (this.#room === 0) throw new Full("Cannot put to worker channel: it has no room");
    this.#send(item);
  }

  /**
   * Takes the next item, waiting for one. Switches only then.
   *
   * @throws {Empty} If none comes in time.
   * @throws {ShutDown} If none will come: this end is closed, or the other puts nothing any more.
   * @throws {ThreadError} If none will come because the thread at the other end died, or its task failed.
   */
  get(options?: WaitOptions): Promise<Get> {
    const plan = planWait(options, "get from worker channel");
    const task = enterWait("get from worker channel");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    this.#start();
    if (this.#inbox.size > 0) return readyWith(task, this.#getters, this.#take());
    const hindrance = this.#getError();
    if (hindrance !== undefined) return failedWith(task, this.#getters, hindrance);
    return suspend(task, this.#getters, undefined, plan, GET_EXPIRY);
  }

  /**
   * Takes the next item if it has come. Does not switch.
   *
   * @throws {Empty} If it has not.
   * @throws {ShutDown} As for {@linkcode get}.
   */
  getNowait(): Get {
    this.#start();
    if (this.#inbox.size > 0) return this.#take();
    throw this.#getError() ?? new Empty("Cannot get from worker channel: nothing has come");
  }

  /**
   * Puts nothing any more: the other end gets what was put, then its iterations end and its `get()` throws
   * {@linkcode ShutDown}. Those who wait to put get it at once. Getting goes on. Does not switch.
   */
  closeWrite(): void {
    if (this.closed || this.#ended) return;
    this.#start();
    this.#ended = true;
    this.#post([END]);
    this.#putters.failAll(() => this.#putError()!);
  }

  /**
   * Ends both directions: the other end gets what was put, and cannot put any more. What came here and was not taken
   * is dropped. Those who wait at this end get {@linkcode ShutDown}. Does not switch.
   */
  close(): void {
    this.#shut([CLOSE]);
  }

  /**
   * As {@linkcode close}, but behind what was put the other end throws {@linkcode ThreadError}: it was not all.
   *
   * @param why For the message.
   */
  abort(why: string): void {
    this.#shut([BREAK, why]);
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** Takes items until none will come. Asking for the next one switches. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Get> {
    return quietly(itemsOf(this));
  }

  #howToMove(): Move {
    if (this.#open || this.closed) {
      const why = this.#moved
        ? "it was sent before"
        : this.#closed
        ? "it is closed"
        : "it has been used here";
      throw new DOMException(`Cannot send end of worker channel: ${why}`, "DataCloneError");
    }
    const { capacity } = this;
    const data = this.#data as unknown as MessagePort;
    const watch = this.#watch as unknown as MessagePort;
    const alarm = this.#alarm && new DeathAlarm(this.#alarm);
    return { body: wire(CHANNEL, { capacity, data, watch }), parts: [data, watch], alarm };
  }

  #onMove(): void {
    this.#moved = true;
  }

  // ---- Sending -----------------------------------------------------------------------------------

  /** @throws {DOMException} A `DataCloneError`; then nothing has changed. */
  #send(item: unknown): void {
    const parcel = pack(item);
    post(this.#data, [ITEM, parcel.body, parcel.wired] satisfies Message, parcel.parts);
    parcel.sent();
    for (const alarm of parcel.alarms) alarm.close(); // who gets it there, and how that one ends, is not known here
    this.#room--;
  }

  #post(message: Message): void {
    this.#data.postMessage(message);
  }

  #putError(): Error | undefined {
    if (this.#moved) return new ShutDown("Cannot put to worker channel: this end was sent to another thread");
    if (this.#closed || this.#ended) return new ShutDown("Cannot put to worker channel: it is closed");
    if (this.#broken !== undefined) return new ThreadError(`Cannot put to worker channel: ${this.#broken}`);
    return this.#deserted ? new ShutDown("Cannot put to worker channel: the other end is closed") : undefined;
  }

  #getError(): Error | undefined {
    if (this.#moved) {
      return new ShutDown("Cannot get from worker channel: this end was sent to another thread");
    }
    if (this.#closed) return new ShutDown("Cannot get from worker channel: it is closed");
    if (this.#broken !== undefined) return new ThreadError(`Cannot get from worker channel: ${this.#broken}`);
    return this.#complete
      ? new ShutDown("Cannot get from worker channel: the other end puts nothing any more")
      : undefined;
  }

  #take(): Get {
    const item = this.#inbox.shift()!;
    this.#noteTaken();
    return item;
  }

  /** The other end is told of all that are taken in a row at once. */
  #noteTaken(): void {
    if (++this.#untold === 1 && !this.#complete) this.#hub.runCallback(this.#tellTaken);
  }

  readonly #tellTaken = (): void => {
    if (!this.#closed && !this.#deserted) this.#post([TAKEN, this.#untold]);
    this.#untold = 0;
  };

  // ---- Receiving ---------------------------------------------------------------------------------

  /** Opens the ports, on first use: until then this end can move. */
  #start(): void {
    if (this.#open || this.closed) return;
    this.#open = true;
    this.#data.onmessage = ({ data }) => this.#hub.wakeFromOutside(() => this.#receive(data));
    this.#watch.onmessage = ({ data }) => this.#hub.wakeFromOutside(() => this.#onDeath(data));
  }

  #receive(message: Message): void {
    if (this.#closed) return;
    switch (message[0]) {
      case ITEM:
        return this.#arrive(message[1], message[2]);
      case TAKEN:
        return this.#grantRoom(message[1]);
      case END:
        this.#complete = true;
        return this.#getters.failAll(() => this.#getError()!);
      case CLOSE:
        return this.#desert();
      case BREAK:
        this.#broken = message[1];
        return this.#desert();
    }
  }

  #arrive(body: unknown, wired: boolean): void {
    const item = (wired ? unpack(body) : body) as Get;
    const getter = this.#getters.shift();
    if (getter === undefined) return this.#inbox.push(item);
    getter.wake(item);
    this.#noteTaken();
  }

  #grantRoom(count: number): void {
    this.#room += count;
    while (this.#room > 0 && this.#putters.size > 0) {
      const putter = this.#putters.shift()!;
      try {
        this.#send(putter.value);
        putter.wake(undefined);
      } catch (error) { // it could be sent when it was put, and cannot any more
        putter.fail(error);
      }
    }
  }

  /** The other end is there no more. */
  #desert(): void {
    this.#complete = this.#deserted = true;
    this.#getters.failAll(() => this.#getError()!);
    this.#putters.failAll(() => this.#putError()!);
    this.#disconnect();
  }

  /** What was put before is still under way on the other port: Deno delivers it when that is closed. */
  #onDeath(why: string): void {
    if (this.#closed || this.#deserted) return;
    this.#data.close();
    if (this.#deserted) return; // it was closed properly before
    this.#broken = why;
    this.#desert();
  }

  // ---- Ending ------------------------------------------------------------------------------------

  #shut(farewell: Message): void {
    if (this.closed) return;
    if (!this.#deserted) this.#post(farewell);
    this.#closed = true;
    while (this.#inbox.size > 0) this.#inbox.shift();
    this.#getters.failAll(() => this.#getError()!);
    this.#putters.failAll(() => this.#putError()!);
    this.#disconnect();
  }

  #disconnect(): void {
    this.#data.close();
    this.#watch.close();
    this.#alarm?.close();
  }
}

const CHANNEL = "worker channel";
let whenArrived: ((end: WorkerChannel<unknown>) => void) | undefined;

/** Who is told of the ends that arrive. */
export function onChannelArrival(callback: ((end: WorkerChannel<unknown>) => void) | undefined): void {
  whenArrived = callback;
}

/** To be called before anything is unpacked in which an end of a channel may be. */
export function acceptChannels(): void {
  onArrival(CHANNEL, makeEnd);
}

function makeEnd(wires: ChannelWires): WorkerChannel<unknown> {
  const end = new WorkerChannel<unknown>(wires);
  whenArrived?.(end);
  return end;
}

/**
 * Makes a channel between threads: two ends, of which one, or both, are sent to other threads.
 *
 * @typeParam Get The type of the items that come out of the first end.
 * @typeParam Put The type of the items that are put into the first end.
 * @param capacity How many items the other end may have not taken before `put()` waits.
 * @returns The two ends.
 * @throws {RangeError} If `capacity` is not a positive integer or `Infinity`.
 *
 * @example A bounded channel
 * ```ts
 * import { Full, workerChannel } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const [here, there] = workerChannel<string>(1);
 * await here.put("hello");
 * await assertRejects(() => here.put("again", { timeout: 1 }), Full);
 * assertEquals(await there.get(), "hello");
 * await here.put("again");
 * here.close();
 * assertEquals(await Array.fromAsync(there), ["again"]);
 * ```
 */
export function workerChannel<Get, Put = Get>(
  capacity: number,
): [WorkerChannel<Get, Put>, WorkerChannel<Put, Get>] {
  checkSize(capacity, 1, "make worker channel", "capacity");
  const data = new MessageChannel();
  // The death of the first end's thread is told to the second, and the other way round.
  const first = new MessageChannel();
  const second = new MessageChannel();
  return [
    new WorkerChannel({ capacity, data: data.port1, watch: second.port1, alarm: first.port2 }),
    new WorkerChannel({ capacity, data: data.port2, watch: first.port1, alarm: second.port2 }),
  ];
}
