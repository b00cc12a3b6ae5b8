import {
  enterWait,
  failedWith,
  immediately,
  park,
  readyWith,
  refusal,
  type WaitDetails,
  Waiter,
  type WaitPlan,
  type WaitSource,
} from "../hub/mod.ts";
import { withPlace } from "./address.ts";
import { endedByClosing, refusedAsClosed } from "./closing.ts";
import { checkFree } from "./concurrency.ts";
import { expiryOf } from "./expiry.ts";

/** Where bytes go: the platform's connection. */
export interface ByteSink {
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
}

/** What a writer brings. */
interface Load {
  readonly data: Uint8Array;
  /** Whether all of it must go, or a first part is enough. */
  readonly all: boolean;
  /** Whether nothing will follow it. */
  readonly closes: boolean;
  sent: number;
}

/**
 * The writing half of a connection. What has been handed to the platform goes out even if its writer is killed
 * or timed out; the next writer's bytes follow it.
 */
export class Outflow implements WaitSource {
  readonly what = "write";
  readonly #sink: ByteSink;
  #writer: Waiter | undefined = undefined;
  /** Whose write of the platform is under way; its writer may have left. */
  #underWay: Load | undefined = undefined;
  /** Why the platform takes no more bytes. */
  #broken: { readonly error: unknown } | undefined = undefined;
  /** Why nothing can be written any more: "it was closed by …". */
  #closed: string | undefined = undefined;

  constructor(sink: ByteSink, readonly owner: object) {
    this.#sink = sink;
  }

  /** Whether a write of the platform is under way. */
  get busy(): boolean {
    return this.#underWay !== undefined;
  }

  /** For reports: how much of what the writer brought has gone. */
  get details(): WaitDetails | undefined {
    const load = this.#writer?.value as Load | undefined;
    if (load === undefined || load.closes) return undefined;
    return { text: `${load.sent} of ${load.data.length} bytes sent` };
  }

  /** Sends some bytes; yields how many have gone. */
  send(data: Uint8Array, plan: WaitPlan): Promise<number> {
    return this.#send({ data, all: false, closes: false, sent: 0 }, plan);
  }

  /** Sends all bytes. */
  sendAll(data: Uint8Array, plan: WaitPlan): Promise<void> {
    return this.#send({ data, all: true, closes: false, sent: 0 }, plan);
  }

  /** Tells the peer that nothing will follow. */
  finish(plan: WaitPlan): Promise<void> {
    return this.#send({ data: NOTHING, all: true, closes: true, sent: 0 }, plan);
  }

  /** Nothing can be written any more; whoever waits is told why. */
  close(why: string): void {
    this.#closed = why;
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#forgetWriter(writer);
    writer.fail(endedByClosing("Writing to", this.owner, why));
  }

  /** For the hub: the writer was interrupted. */
  remove(writer: Waiter): void {
    this.#forgetWriter(writer);
  }

  #send<T>(load: Load, plan: WaitPlan): Promise<T> {
    const task = enterWait("write to connection");
    checkFree(this.#writer, "write to", this.owner, task);
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const failure = this.#failure();
    if (failure !== undefined) return failedWith(task, this, failure.error);
    if (load.data.length === 0 && !load.closes) return readyWith(task, this, resultOf(load) as T);
    // The platform never writes at once.
    if (plan.timeout === 0) return immediately(plan, expiryOf(plan, "writing to", this.owner));
    const waiter = this.#writer = new Waiter(task, this, load);
    task.hub.foreignWaits++;
    if (this.#underWay === undefined) this.#push(load);
    return park(waiter, plan, expiryOf(plan, "writing to", this.owner));
  }

  #failure(): { readonly error: unknown } | undefined {
    if (this.#closed === undefined) return this.#broken;
    return { error: refusedAsClosed("write to", this.owner, this.#closed) };
  }

  #push(load: Load): void {
    this.#underWay = load;
    const rest = load.sent === 0 ? load.data : load.data.subarray(load.sent);
    const work = load.closes ? this.#sink.closeWrite().then(zero) : this.#sink.write(rest);
    work.then(this.#wrote, this.#broke);
  }

  readonly #wrote = (count: number): void => {
    const load = this.#underWay!;
    this.#underWay = undefined;
    load.sent += count;
    const writer = this.#writer;
    if (writer === undefined) return; // it has left
    const current = writer.value as Load;
    if (current !== load || load.all && load.sent < load.data.length) return this.#push(current);
    this.#forgetWriter(writer);
    writer.task.hub.wakeFromOutside(() => writer.wake(resultOf(load)));
  };

  readonly #broke = (reason: unknown): void => {
    this.#underWay = undefined;
    if (this.#closed !== undefined) return; // closed by ourselves: the writer has been told
    const error = withPlace(reason, "write to", String(this.owner));
    this.#broken = { error };
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#forgetWriter(writer);
    writer.task.hub.wakeFromOutside(() => writer.fail(error));
  };

  #forgetWriter(writer: Waiter): void {
    this.#writer = undefined;
    writer.task.hub.foreignWaits--;
  }
}

function resultOf({ all, sent }: Load): number | undefined {
  return all ? undefined : sent;
}

const NOTHING = new Uint8Array(0);
const zero = () => 0;
