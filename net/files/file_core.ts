import {
  enterWait,
  failedWith,
  immediately,
  readyWith,
  refusal,
  shortName,
  type Task,
  type WaitPlan,
  type WaitSource,
} from "../../hub/mod.ts";
import { endedByClosing, refusedAsClosed } from "../closing.ts";
import { expiryOf } from "../expiry.ts";
import type { Want } from "../inflow.ts";
import { ReadBuffer } from "../read_buffer.ts";
import { fileError } from "./file_error.ts";
import { Line } from "./line.ts";
import type { RawFile } from "./raw_file.ts";
import type { Turn } from "./turn.ts";
import { WriteBuffer } from "./write_buffer.ts";

/** What the core must know of a file. */
export interface CoreOptions {
  readonly name: string;
  readonly bufferSize: number;
  readonly readable: boolean;
  readonly writable: boolean;
}

const READ = "read";

/**
 * What stands between green files and the platform's file: a line of operations, what was read ahead, and what is
 * still to be written.
 *
 * It owns the operation that is under way: who is killed or timed out just leaves. What then comes from the
 * platform is kept for whoever reads next; a write that has begun goes on to its end.
 *
 * Invariant between operations: the byte that is to be read or written next belongs `#in.size` bytes before the
 * platform's position. Whatever writes first gives back what was read ahead; whatever reads first writes.
 */
export class FileCore implements WaitSource {
  readonly what = "file operation";
  readonly owner: this = this;
  readonly name: string;
  readonly #raw: RawFile;
  readonly #readable: boolean;
  readonly #writable: boolean;
  readonly #line: Line = new Line(this, () => this.#reviewReference());
  readonly #in: ReadBuffer = new ReadBuffer();
  readonly #out: WriteBuffer;
  /** Whether a read of the platform is under way. */
  #pulling = false;
  #referenced = true;
  /** Whether the platform said that this is the end, and nobody has been told: a terminal says it once. */
  #ended = false;
  /** Why it cannot be used any more: "it was closed by …". */
  #over: string | undefined = undefined;
  #rawClosed = false;

  constructor(raw: RawFile, { name, bufferSize, readable, writable }: CoreOptions) {
    this.#raw = raw;
    this.name = name;
    this.#readable = readable && raw.read !== undefined;
    this.#writable = writable && raw.write !== undefined;
    this.#out = new WriteBuffer(bufferSize);
  }

  get closed(): boolean {
    return this.#over !== undefined;
  }

  get isTerminal(): boolean {
    return this.#raw.isTerminal?.() ?? false;
  }

  setRaw(raw: boolean, options: Deno.SetRawOptions | undefined): void {
    this.#able(this.#raw.setRaw !== undefined, "set the mode of", "it is no terminal");
    try {
      this.#raw.setRaw!(raw, ...(options === undefined ? [] : [options]));
    } catch (error) {
      throw fileError(error, "set the mode of", this.name);
    }
  }

  /** Waits until what is wanted has come. */
  read<T>(want: Want<T>, plan: WaitPlan): Promise<T> {
    this.#able(this.#readable, "read from", "it is not open for reading");
    const task = enterWait("read from file");
    const refused = this.#refusal(task, plan, "read from");
    if (refused !== undefined) return refused;
    if (this.#line.idle && this.#out.size === 0) {
      try {
        const there = want.take(this.#in);
        if (there !== undefined) return readyWith(task, this, there);
      } catch (error) {
        return failedWith(task, this, error);
      }
    }
    const turn = this.#line.add<T>(READ, (turn) => this.#read(want, turn));
    return turn.wait(task, plan, expiryOf(plan, "reading from", this));
  }

  /** Writes bytes, sooner or later. Once it has begun it is not given up. */
  write(data: Uint8Array, plan: WaitPlan): Promise<void> {
    this.#able(this.#writable, "write to", "it is not open for writing");
    const task = enterWait("write to file");
    const refused = this.#refusal(task, plan, "write to");
    if (refused !== undefined) return refused;
    if (this.#line.idle && this.#out.fits(data.length)) {
      this.#out.add(data);
      return readyWith<void>(task, this, undefined);
    }
    return this.#queue<void>("write", task, plan, "writing to", (turn) => this.#write(data, turn));
  }

  flush(plan: WaitPlan): Promise<void> {
    const task = enterWait("flush file");
    const refused = this.#refusal(task, plan, "flush");
    if (refused !== undefined) return refused;
    if (this.#line.idle && this.#out.size === 0) return readyWith<void>(task, this, undefined);
    return this.#queue<void>("flush", task, plan, "flushing", async (turn) => {
      await this.#drain();
      turn.done(undefined);
    });
  }

  seek(offset: number, whence: Deno.SeekMode, plan: WaitPlan): Promise<number> {
    return this.#operate("seek", "seek in", "seeking in", plan, () => this.#seek(offset, whence));
  }

  tell(plan: WaitPlan): Promise<number> {
    return this.#operate(
      "seek",
      "tell the position in",
      "asking for the position in",
      plan,
      () => this.#tell(),
    );
  }

  truncate(size: number | undefined, plan: WaitPlan): Promise<void> {
    this.#able(this.#writable, "truncate", "it is not open for writing");
    return this.#operate("truncate", "truncate", "truncating", plan, async () => {
      await this.#giveBack(); // what was read ahead may be cut off
      await this.#raw.truncate!(size ?? await this.#raw.seek!(0, CURRENT));
    });
  }

  stat(plan: WaitPlan): Promise<Deno.FileInfo> {
    return this.#operate(
      "stat",
      "ask for the state of",
      "asking for the state of",
      plan,
      () => this.#raw.stat!(),
    );
  }

  sync(plan: WaitPlan): Promise<void> {
    return this.#operate("sync", "sync", "syncing", plan, () => this.#raw.sync!());
  }

  /** Writes what is to be written, and closes. Goes on to its end whatever becomes of who waits for it. */
  close(plan: WaitPlan): Promise<void> {
    const task = enterWait("close file");
    const turn = this.#over === undefined ? this.#beginClosing(task) : this.#afterClosing();
    const refused = refusal(task, plan);
    if (refused === undefined) return turn.wait(task, plan, expiryOf(plan, "closing", this));
    turn.leave();
    return refused;
  }

  /** For the hub: nobody ever waits for the core itself. */
  remove(): void {}

  /** For reports. */
  toString(): string {
    return this.name;
  }

  #able(able: boolean, action: string, why: string): void {
    if (!able) throw new Deno.errors.NotSupported(`Cannot ${action} ${this.name}: ${why}`);
  }

  #refusal(task: Task, plan: WaitPlan, action: string): Promise<never> | undefined {
    const refused = refusal(task, plan);
    if (refused !== undefined || this.#over === undefined) return refused;
    return failedWith(task, this, refusedAsClosed(action, this, this.#over));
  }

  /** An operation that must not begin if there is no time for it. */
  #queue<T>(
    what: string,
    task: Task,
    plan: WaitPlan,
    doing: string,
    work: (turn: Turn<T>) => Promise<void>,
  ): Promise<T> {
    const expiry = expiryOf(plan, doing, this);
    if (plan.timeout === 0) return immediately(plan, expiry);
    return this.#line.add(what, work).wait(task, plan, expiry);
  }

  /** An operation of the platform on the file as it is when all is written. */
  #operate<T>(
    method: "seek" | "truncate" | "stat" | "sync",
    action: string,
    doing: string,
    plan: WaitPlan,
    work: () => Promise<T>,
  ): Promise<T> {
    this.#able(this.#raw[method] !== undefined, action, "it cannot do that");
    const task = enterWait(`${action} file`);
    const refused = this.#refusal(task, plan, action);
    if (refused !== undefined) return refused;
    return this.#queue<T>(method, task, plan, doing, async (turn) => {
      await this.#drain();
      turn.done(await this.#named(action, work()));
    });
  }

  async #read<T>(want: Want<T>, turn: Turn<T>): Promise<void> {
    if (this.#out.size > 0) await this.#drain();
    while (turn.wanted) {
      // From here to `done()` nothing is awaited: what was taken is granted.
      const there = want.take(this.#in);
      if (there !== undefined) return turn.done(there);
      if (this.#ended) return this.#tellEnd(want, turn);
      await this.#pull();
    }
  }

  #tellEnd<T>(want: Want<T>, turn: Turn<T>): void {
    const last = want.end(this.#in);
    this.#ended = false; // more may come: a file grows, a terminal goes on
    turn.done(last);
  }

  async #write(data: Uint8Array, turn: Turn<void>): Promise<void> {
    if (this.#out.size > 0 && !this.#out.fits(data.length)) await this.#drain();
    if (!turn.wanted) return;
    if (this.#out.fits(data.length)) {
      this.#out.add(data);
      return turn.done(undefined);
    }
    this.#out.lend(data);
    try {
      await this.#drain();
    } catch (error) {
      if (turn.wanted) this.#out.clear(); // otherwise nobody is told: the next one tries again
      throw error;
    }
    turn.done(undefined);
  }

  async #seek(offset: number, whence: Deno.SeekMode): Promise<number> {
    const ahead = this.#in.size;
    const position = await this.#raw.seek!(whence === CURRENT ? offset - ahead : offset, whence);
    this.#in.skip(ahead);
    this.#ended = false;
    return position;
  }

  async #tell(): Promise<number> {
    return await this.#raw.seek!(0, CURRENT) - this.#in.size;
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    try {
      const count = await this.#named("read from", this.#raw.read!(this.#in.room()));
      if (count === null) this.#ended = true;
      else this.#in.commit(count);
    } finally {
      this.#pulling = false;
    }
  }

  /** Writes what is to be written. What an error leaves is tried again by the next operation. */
  async #drain(): Promise<void> {
    if (this.#out.size === 0) return;
    await this.#giveBack();
    while (this.#out.size > 0) {
      this.#out.skip(await this.#named("write to", this.#raw.write!(this.#out.bytes)));
    }
  }

  /** Moves the platform's position back to where the file's is. */
  async #giveBack(): Promise<void> {
    this.#ended = false;
    const ahead = this.#in.size;
    if (ahead === 0) return;
    await this.#named("go back in", this.#raw.seek!(-ahead, CURRENT));
    this.#in.skip(ahead);
  }

  #beginClosing(task: Task): Turn<void> {
    const why = this.#over = `it was closed by ${shortName(task)}`;
    this.#line.expel(READ, () => endedByClosing("Reading from", this, why));
    // A read that nobody wants may last for ever.
    if (this.#pulling && this.#line.length === 0) this.#closeRaw();
    return this.#line.add<void>("close", (turn) => this.#finish(turn, task));
  }

  #afterClosing(): Turn<void> {
    return this.#line.add("close", (turn) => Promise.resolve(turn.done(undefined)));
  }

  async #finish(turn: Turn<void>, { hub }: Task): Promise<void> {
    try {
      if (this.#out.size > 0) await this.#drain();
    } catch (error) {
      if (!turn.wanted) hub.handleError(this, error); // something is lost, and nobody else is told
      throw error;
    } finally {
      this.#closeRaw();
    }
    turn.done(undefined);
  }

  #closeRaw(): void {
    if (this.#rawClosed) return;
    this.#rawClosed = true;
    this.#raw.close();
  }

  /** A read that nobody waits for must not keep the process alive. */
  #reviewReference(): void {
    if (!this.#pulling) return;
    const { awaited } = this.#line;
    if (awaited === this.#referenced) return;
    this.#referenced = awaited;
    if (awaited) this.#raw.ref?.();
    else this.#raw.unref?.();
  }

  async #named<T>(action: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw fileError(error, action, this.name);
    }
  }
}

/** `Deno.SeekMode.Current`. */
const CURRENT = 1 satisfies Deno.SeekMode;
