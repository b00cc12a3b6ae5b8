/** A file of the platform whose other side is the test: it says when something is done, and what fails. */
import { ByteFile, type FileOptions, type RawFile, TextFile } from "@verdant/green";

/** An operation that is under way. */
interface UnderWay {
  readonly what: string;
  go(): void;
  break(error: Error): void;
}

/** A file in memory. Operations are done at once, a microtask later, unless `holds` is set. */
export class ScriptedFile implements RawFile {
  content: Uint8Array;
  position = 0;
  /** Whether operations wait for `go()`. */
  holds = false;
  /** How many bytes one read or write moves at most. */
  most: number = Infinity;
  /** Whether it writes at its end only. */
  appends = false;
  /** Whether the end of the content is not the end of the file: reads wait there, as on a terminal. */
  endless = false;
  /** What was asked for: `"read"`, `"write ab"`, `"seek -3 1"`. */
  readonly log: string[] = [];
  closes = 0;
  referenced = true;
  /** Told when an operation has begun that waits for `go()`. */
  onHold: () => void = () => {};
  #underWay: UnderWay | undefined;

  constructor(content: string | Uint8Array = "") {
    this.content = typeof content === "string" ? encoder.encode(content) : content;
  }

  /** As green files, over this one. */
  bytes(options?: FileOptions): ByteFile {
    return new ByteFile(this, { name: "scripted", ...options });
  }

  text(options?: FileOptions): TextFile {
    return new TextFile(this, { name: "scripted", ...options });
  }

  /** What it holds. */
  get said(): string {
    return decoder.decode(this.content);
  }

  /** What is under way. */
  get underWay(): string | undefined {
    return this.#underWay?.what;
  }

  /** Lets the operation that is under way be done. */
  go(): this {
    const underWay = this.#take();
    underWay.go();
    return this;
  }

  /** Lets the operation that is under way fail. */
  break(error: Error): this {
    this.#take().break(error);
    return this;
  }

  /** Somebody else appends to it; a read that waits for that is done. */
  grow(text: string): this {
    this.content = concat(this.content, encoder.encode(text));
    if (this.endless && this.underWay === "read") this.go();
    return this;
  }

  read(into: Uint8Array): Promise<number | null> {
    const waits = this.endless && this.position >= this.content.length;
    return this.#begin("read", waits, () => {
      const bytes = this.content.subarray(this.position, this.position + Math.min(into.length, this.most));
      into.set(bytes);
      this.position += bytes.length;
      return bytes.length === 0 ? null : bytes.length;
    });
  }

  write(data: Uint8Array): Promise<number> {
    return this.#begin(`write ${decoder.decode(data)}`, false, () => {
      const bytes = data.subarray(0, Math.min(data.length, this.most));
      if (this.appends) this.position = this.content.length;
      const end = this.position + bytes.length;
      if (end > this.content.length) {
        this.content = concat(this.content, new Uint8Array(end - this.content.length));
      }
      this.content.set(bytes, this.position);
      this.position = end;
      return bytes.length;
    });
  }

  seek(offset: number, whence: Deno.SeekMode): Promise<number> {
    return this.#begin(`seek ${offset} ${whence}`, false, () => {
      const target = [0, this.position, this.content.length][whence]! + offset;
      if (target < 0) throw new TypeError("Invalid argument (os error 22)");
      return this.position = target;
    });
  }

  truncate(size: number): Promise<void> {
    return this.#begin(`truncate ${size}`, false, () => {
      this.content = concat(
        this.content.subarray(0, size),
        new Uint8Array(Math.max(0, size - this.content.length)),
      );
    });
  }

  stat(): Promise<Deno.FileInfo> {
    return this.#begin("stat", false, () => ({ size: this.content.length }) as Deno.FileInfo);
  }

  sync(): Promise<void> {
    return this.#begin("sync", false, () => {});
  }

  close(): void {
    if (this.closes++ > 0) throw new Deno.errors.BadResource("Bad resource ID");
    this.log.push("close");
    if (this.#underWay !== undefined) this.break(new Deno.errors.Interrupted("operation canceled"));
  }

  ref(): void {
    this.referenced = true;
  }

  unref(): void {
    this.referenced = false;
  }

  #take(): UnderWay {
    const underWay = this.#underWay;
    if (underWay === undefined) throw new Error("Nothing is under way");
    this.#underWay = undefined;
    return underWay;
  }

  #begin<T>(what: string, waits: boolean, work: () => T): Promise<T> {
    if (this.#underWay !== undefined) throw new Error(`${what} is asked for during ${this.#underWay.what}`);
    if (this.closes > 0) throw new Error(`${what} is asked for after it was closed`);
    this.log.push(what);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const go = () => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    };
    this.#underWay = { what, go, break: reject };
    if (this.holds || waits) this.onHold();
    else this.go();
    return promise;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
