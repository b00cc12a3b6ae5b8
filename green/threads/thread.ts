import { type Hub, noteLook } from "../../hub/mod.ts";
import { runAs } from "../../hub/context.ts";
import { keeperOf } from "../worker_keeper.ts";
import { unpackThrown } from "./error_packet.ts";
import { type Alarm, pack, type Parcel, post, type PostBox, unpack } from "./parcel.ts";
import type { FullOrder, PlainOrder, PlainResult, Report } from "./protocol.ts";
import type { TaskSpec } from "./task.ts";
import type { ThreadCall } from "./thread_call.ts";
import { acceptChannels } from "./worker_channel.ts";

/** What a thread needs of a `Worker`. */
export interface WorkerLike extends PostBox {
  onmessage: ((event: MessageEvent) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

/** Who is told what becomes of a thread. Called in the hub. */
export interface ThreadOwner {
  readonly hub: Hub;
  /** Its call has ended. */
  onFree(thread: Thread): void;
  /** It has ended itself, or crashed. */
  onEnd(thread: Thread): void;
}

/**
 * A worker that runs one call after the other.
 *
 * Invariant: while it has a call, the hub counts it as something that happens outside, and the worker keeps the
 * process alive; otherwise it does neither.
 */
export class Thread {
  /** When it last became idle, in the hub's milliseconds. */
  idleSince = 0;
  /** Whether it is to end when its call has. */
  retiring = false;
  readonly #owner: ThreadOwner;
  readonly #worker: WorkerLike;
  readonly #keepAlive: ((keep: boolean) => void) | undefined;
  /** 1 if what it does happens outside the hub: with the platform's workers, not with a test's. */
  readonly #foreign: number;
  /** The tasks it has met, by key. */
  readonly #known = new Set<number>();
  #call: ThreadCall | undefined = undefined;
  #alarms: readonly Alarm[] = [];
  /** How many calls it was given. */
  #ordered = 0;
  #ended = false;

  constructor(owner: ThreadOwner, makeWorker: () => WorkerLike) {
    this.#owner = owner;
    let worker!: WorkerLike;
    // Its events must not run in the context of the greenlet that happened to need it first.
    runAs(owner.hub.root, () => worker = makeWorker(), undefined);
    worker.onmessage = ({ data }) => this.#inHub(() => this.#receive(data));
    worker.onmessageerror = () => this.#inHub(() => this.#fail("its result cannot be read here"));
    worker.onerror = (event) => {
      event.preventDefault();
      this.#inHub(() => this.#fail(`its thread crashed: ${event.message}`));
    };
    this.#worker = worker;
    this.#keepAlive = worker instanceof Worker ? keeperOf(worker) : () => {}; // or not the platform's
    this.#foreign = worker instanceof Worker ? 1 : 0;
  }

  /** Its call; `undefined` while it is idle. */
  get call(): ThreadCall | undefined {
    return this.#call;
  }

  /** Whether the process can end while it is idle. */
  get canSleep(): boolean {
    return this.#keepAlive !== undefined;
  }

  /**
   * Orders a call. Only when it is idle.
   *
   * @throws {DOMException} A `DataCloneError`, if its arguments cannot be sent; then it is still idle.
   */
  run(call: ThreadCall): void {
    const { spec } = call;
    const parcel = pack(call.args);
    const known = this.#known.has(spec.key);
    post(this.#worker, orderOf(spec, parcel, known), parcel.parts);
    parcel.sent();
    if (!known) this.#known.add(spec.key);
    call.args = [];
    call.thread = this;
    this.#call = call;
    this.#alarms = parcel.alarms;
    this.#ordered++;
    this.#owner.hub.foreignWaits += this.#foreign;
    this.#keepAlive?.(true);
  }

  /** Nothing is to be done: the process may end. */
  rest(): void {
    this.#keepAlive?.(false);
    this.idleSince = this.#owner.hub.now();
  }

  /** Ends it; its call, if it has one, is broken, which is what the owner wants: it is not told. */
  terminate(why: string): void {
    const call = this.#call;
    this.#end(why);
    if (call !== undefined) noteLook(call.outcome);
  }

  #end(why: string, cause?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#keepAlive?.(false); // Deno does not stop what never lets its event loop turn
    this.#worker.terminate();
    const call = this.#call;
    if (call === undefined) return;
    for (const alarm of this.#alarms) alarm.ring(why);
    this.#alarms = [];
    this.#release();
    call.break(why, cause);
  }

  /** What a worker says comes from outside; an error in it must not damage the hub. */
  #inHub(handle: () => void): void {
    const { hub } = this.#owner;
    hub.wakeFromOutside(() => {
      try {
        if (!this.#ended) handle();
      } catch (error) {
        hub.handleError("thread", error);
      }
    });
  }

  #receive(message: PlainResult | Report): void {
    if (message === null) return this.#finish((call) => call.outcome.set(undefined));
    if (typeof message !== "object") return this.#finish((call) => call.outcome.set(message));
    if (message instanceof Array) return this.#finish((call) => call.outcome.set(message[0]));
    switch (message.kind) {
      case "wired":
        acceptChannels();
        return this.#finish((call) => call.outcome.set(unpack(message.value)));
      case "failed":
        return this.#finish((call) => this.#settleError(call, unpackThrown(message.thrown)));
      case "crashed":
        return this.#onCrash(unpackThrown(message.thrown), message.begun === this.#ordered);
      case "closed":
        return this.#fail("its thread closed itself");
    }
  }

  #settleError(call: ThreadCall, error: unknown): void {
    call.outcome.setError(error);
    if (call.unheard) this.#owner.hub.handleError(call, error);
  }

  /** An error that nobody could catch in the thread. A call that has not begun there is not to blame. */
  #onCrash(error: unknown, begun: boolean): void {
    if (this.#call !== undefined && begun) return this.#fail("its thread crashed", error);
    this.#owner.hub.handleError("thread", error);
    this.retiring = true;
    if (this.#call === undefined) this.#fail("its thread crashed");
  }

  #finish(settle: (call: ThreadCall) => void): void {
    const call = this.#call!;
    for (const alarm of this.#alarms) alarm.close();
    this.#alarms = [];
    this.#release();
    settle(call);
    this.#owner.onFree(this);
  }

  #fail(why: string, cause?: unknown): void {
    const call = this.#call;
    this.#end(why, cause);
    if (call?.unheard) this.#owner.hub.handleError(call, call.outcome.error);
    this.#owner.onEnd(this);
  }

  #release(): void {
    this.#call!.thread = undefined;
    this.#call = undefined;
    this.#owner.hub.foreignWaits -= this.#foreign;
  }
}

function orderOf(
  { key, module, name, text }: TaskSpec,
  parcel: Parcel,
  known: boolean,
): PlainOrder | FullOrder {
  const { body: args, wired } = parcel;
  if (known && !wired) return (args as unknown[]).length === 0 ? key : [key, ...args as unknown[]];
  return { key, args, wired, task: known ? undefined : { module, name, text } };
}
