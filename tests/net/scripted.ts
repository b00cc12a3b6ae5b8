/** Connections and listeners of the platform whose other side is the test: it says what happens, and when. */
import { Conn, Listener, type RawConn, type RawListener } from "@verdant/green";

const ADDRESS: Deno.NetAddr = { transport: "tcp", hostname: "192.0.2.1", port: 7 };

type Arrival = { readonly bytes: Uint8Array } | { readonly error: Error } | "end";

/** A connection of the platform. Each read gets one of the pieces that have arrived, or a part of it. */
export class ScriptedRaw {
  readonly localAddr: Deno.Addr = ADDRESS;
  readonly remoteAddr: Deno.Addr = ADDRESS;
  /** How many reads were asked for. */
  reads = 0;
  /** The writes that were asked for: `go(n)` lets the oldest go, of `n` bytes. */
  readonly writes: { readonly data: Uint8Array; go(count: number): void; break(error: Error): void }[] = [];
  /** What has been written. */
  readonly sent: number[] = [];
  /** Whether writes wait for the test. */
  holdsWrites = false;
  closes = 0;
  writingClosed = false;
  /** Whether it keeps the process alive. */
  referenced = true;
  readonly #arrived: Arrival[] = [];
  #reader: { readonly into: Uint8Array; readonly outcome: PromiseWithResolvers<number | null> } | undefined;

  /** As a connection of the library. */
  conn(): Conn {
    return new Conn(this as unknown as RawConn);
  }

  /** Pieces arrive. */
  receive(...pieces: (string | Uint8Array)[]): this {
    for (const piece of pieces) {
      this.#arrived.push({ bytes: typeof piece === "string" ? new TextEncoder().encode(piece) : piece });
    }
    this.#serve();
    return this;
  }

  /** The peer writes no more. */
  end(): this {
    this.#arrived.push("end");
    this.#serve();
    return this;
  }

  /** The connection fails. */
  break(error: Error): this {
    this.#arrived.push({ error });
    this.#serve();
    return this;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#reader !== undefined) throw new Error("Two reads at a time");
    this.reads++;
    this.#reader = { into, outcome: Promise.withResolvers() };
    const { promise } = this.#reader.outcome;
    this.#serve();
    return promise;
  }

  write(data: Uint8Array): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    if (this.holdsWrites && this.writes.length > 0) throw new Error("Two writes at a time");
    const go = (count: number) => {
      this.writes.shift();
      this.sent.push(...data.subarray(0, count));
      resolve(count);
    };
    const fail = (error: Error) => {
      this.writes.shift();
      reject(error);
    };
    this.writes.push({ data, go, break: fail });
    if (!this.holdsWrites) go(data.length);
    return promise;
  }

  closeWrite(): Promise<void> {
    this.writingClosed = true;
    return Promise.resolve();
  }

  close(): void {
    if (this.closes++ > 0) throw new Deno.errors.BadResource("Bad resource ID");
    this.#reader?.outcome.reject(new Deno.errors.Interrupted("operation canceled"));
    this.#reader = undefined;
    for (const write of [...this.writes]) write.break(new Deno.errors.Interrupted("operation canceled"));
  }

  ref(): void {
    this.referenced = true;
  }

  unref(): void {
    this.referenced = false;
  }

  #serve(): void {
    if (this.#reader === undefined) return;
    const arrival = this.#arrived.shift();
    if (arrival === undefined) return;
    const { into, outcome } = this.#reader;
    this.#reader = undefined;
    if (arrival === "end") {
      this.#arrived.unshift("end");
      outcome.resolve(null);
    } else if ("error" in arrival) {
      this.#arrived.unshift(arrival);
      outcome.reject(arrival.error);
    } else {
      const count = Math.min(into.length, arrival.bytes.length);
      into.set(arrival.bytes.subarray(0, count));
      if (count < arrival.bytes.length) this.#arrived.unshift({ bytes: arrival.bytes.subarray(count) });
      outcome.resolve(count);
    }
  }
}

/** A listener of the platform. */
export class ScriptedRawListener {
  readonly addr: Deno.Addr = ADDRESS;
  /** How many accepts were asked for. */
  accepts = 0;
  closes = 0;
  referenced = true;
  #acceptor: PromiseWithResolvers<RawConn> | undefined;

  /** As a listener of the library. */
  listener(): Listener {
    return new Listener(this as unknown as RawListener, (raw) => new Conn(raw));
  }

  /** Whether an accept is under way. */
  get accepting(): boolean {
    return this.#acceptor !== undefined;
  }

  /** A client comes. An accept must be under way. */
  come(client: ScriptedRaw = new ScriptedRaw()): ScriptedRaw {
    const acceptor = this.#acceptor!;
    this.#acceptor = undefined;
    acceptor.resolve(client as unknown as RawConn);
    return client;
  }

  /** An accept fails. One must be under way. */
  break(error: Error): void {
    const acceptor = this.#acceptor!;
    this.#acceptor = undefined;
    acceptor.reject(error);
  }

  accept(): Promise<RawConn> {
    if (this.#acceptor !== undefined) throw new Error("Two accepts at a time");
    this.accepts++;
    this.#acceptor = Promise.withResolvers();
    return this.#acceptor.promise;
  }

  close(): void {
    if (this.closes++ > 0) throw new Deno.errors.BadResource("Bad resource ID");
    this.#acceptor?.reject(new Deno.errors.BadResource("Listener has been closed"));
    this.#acceptor = undefined;
  }

  ref(): void {
    this.referenced = true;
  }

  unref(): void {
    this.referenced = false;
  }
}
