import {
  enterWait,
  failedWith,
  immediately,
  park,
  plural,
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
import { ReadBuffer } from "./read_buffer.ts";

/** Where bytes come from: the platform's connection. */
export interface ByteSource {
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  ref?(): void;
  unref?(): void;
}

/** What a reader asks for. */
export interface Want<T> {
  /** Takes it if it is there; `undefined` if more bytes must come first. */
  take(buffer: ReadBuffer): T | undefined;
  /** No more bytes will come. */
  end(buffer: ReadBuffer): T;
}

/**
 * The reading half of a connection.
 *
 * It owns the read that is under way and the memory it writes to. A reader that is killed or timed out just
 * leaves: the bytes go into the buffer, for whoever reads next.
 */
export class Inflow implements WaitSource {
  readonly what = "read";
  readonly #buffer: ReadBuffer = new ReadBuffer();
  readonly #source: ByteSource;
  #reader: Waiter | undefined = undefined;
  /** Whether a read of the platform is under way. */
  #pulling = false;
  /** Whether the read under way does not keep the process alive: nobody waits for it. */
  #unreferenced = false;
  #ended = false;
  /** Why no more bytes will come. What came before can still be read. */
  #broken: { readonly error: unknown } | undefined = undefined;
  /** Why nothing can be read any more: "it was closed by …". */
  #closed: string | undefined = undefined;

  constructor(source: ByteSource, readonly owner: object) {
    this.#source = source;
  }

  /** Whether a read of the platform is under way, or bytes have arrived that nobody took. */
  get busy(): boolean {
    return this.#pulling || this.#buffer.size > 0;
  }

  /** For reports: the bytes that have come and are not all that the reader asks for. */
  get details(): WaitDetails | undefined {
    const { size } = this.#buffer;
    return size === 0 ? undefined : { text: `${plural(size, "byte")} of it here` };
  }

  /** Waits until what is wanted has come. */
  receive<T>(want: Want<T>, plan: WaitPlan): Promise<T> {
    const task = enterWait("read from connection");
    checkFree(this.#reader, "read from", this.owner, task);
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    try {
      const there = this.#attempt(want);
      if (there !== undefined) return readyWith(task, this, there);
    } catch (error) {
      return failedWith(task, this, error);
    }
    if (plan.timeout === 0) {
      this.#pull();
      this.#unreference();
      return immediately(plan, expiryOf(plan, "reading from", this.owner));
    }
    const waiter = this.#reader = new Waiter(task, this, want);
    task.hub.foreignWaits++;
    if (this.#unreferenced) this.#reference();
    this.#pull();
    return park(waiter, plan, expiryOf(plan, "reading from", this.owner));
  }

  /** Nothing can be read any more; whoever waits is told why. */
  close(why: string): void {
    this.#closed = why;
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#forgetReader(reader);
    reader.fail(endedByClosing("Reading from", this.owner, why));
  }

  /** For the hub: the reader was interrupted. */
  remove(reader: Waiter): void {
    this.#forgetReader(reader);
    this.#unreference();
  }

  #attempt<T>(want: Want<T>): T | undefined {
    if (this.#closed !== undefined) throw refusedAsClosed("read from", this.owner, this.#closed);
    const there = want.take(this.#buffer);
    if (there !== undefined) return there;
    if (this.#broken !== undefined) throw this.#broken.error;
    return this.#ended ? want.end(this.#buffer) : undefined;
  }

  #pull(): void {
    if (this.#pulling) return;
    this.#pulling = true;
    this.#source.read(this.#buffer.room()).then(this.#arrived, this.#broke);
  }

  readonly #arrived = (count: number | null): void => {
    this.#pulling = false;
    if (count === null) this.#ended = true;
    else this.#buffer.commit(count);
    if (this.#reader !== undefined) this.#serve(this.#reader);
  };

  readonly #broke = (reason: unknown): void => {
    this.#pulling = false;
    if (this.#closed !== undefined) return; // closed by ourselves: the reader has been told
    const error = withPlace(reason, "read from", String(this.owner));
    this.#broken = { error };
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#forgetReader(reader);
    reader.task.hub.wakeFromOutside(() => reader.fail(error));
  };

  /** Gives the reader what it wants if it is there; reads on without waking it otherwise. */
  #serve(reader: Waiter): void {
    let outcome: unknown;
    try {
      outcome = this.#attempt(reader.value as Want<unknown>);
    } catch (error) {
      this.#forgetReader(reader);
      return reader.task.hub.wakeFromOutside(() => reader.fail(error));
    }
    if (outcome === undefined) return this.#pull();
    this.#forgetReader(reader);
    reader.task.hub.wakeFromOutside(() => reader.wake(outcome));
  }

  #forgetReader(reader: Waiter): void {
    this.#reader = undefined;
    reader.task.hub.foreignWaits--;
  }

  /** A read that nobody waits for must not keep the process alive. */
  #unreference(): void {
    if (!this.#pulling) return;
    this.#unreferenced = true;
    this.#source.unref?.();
  }

  #reference(): void {
    this.#unreferenced = false;
    this.#source.ref?.();
  }
}
