import { assertEquals } from "@std/assert";
import { type ConnectionAdapter, sleep } from "@verdant/green";

/** A connection to a {@linkcode FakeDatabase}. */
export class FakeConnection {
  closed = false;
  inTransaction = false;
  tag = "";
  /** Ends the operation that hangs. */
  finish: (answer?: unknown) => void = () => {};
  abort: (error: unknown) => void = () => {};
  readonly #id: number;

  constructor(id: number) {
    this.#id = id;
    Object.defineProperty(this, "frozen", { value: () => this.#id }); // neither writable nor configurable
  }

  get id(): number {
    return this.#id;
  }

  /** A promise that is not the library's own. */
  query(text: string): Promise<string> {
    if (text === "begin") this.inTransaction = true;
    return text === "bad" ? Promise.reject(new SyntaxError(text)) : Promise.resolve(`${text} by ${this.#id}`);
  }

  hang(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.finish = resolve;
      this.abort = reject;
    });
  }

  self(): this {
    return this;
  }

  selfLater(): Promise<this> {
    return Promise.resolve(this);
  }

  add(a: number, b: number): number {
    return a + b + this.#id * 0;
  }

  fail(): never {
    throw new RangeError("at once");
  }
}

/** A database in memory that watches how it is used. What it does takes time, in which it can be interrupted. */
export class FakeDatabase implements ConnectionAdapter<FakeConnection> {
  readonly name = "fake";
  readonly connections: FakeConnection[] = [];
  /** How many connections are open, or are being opened or closed. */
  open = 0;
  most = 0;
  /** What was done, with the number of the connection. */
  readonly log: string[] = [];
  /** How long (ms) each step takes. */
  readonly delays = { connect: 0, reset: 0, check: 0, close: 0 };
  /** Called instead of the step itself. */
  readonly faults: {
    connect?: () => unknown;
    reset?: () => unknown;
    check?: () => unknown;
    close?: () => unknown;
  } = {};

  readonly connect = async (_signal: AbortSignal): Promise<FakeConnection> => {
    this.most = Math.max(this.most, ++this.open);
    try {
      await sleep(this.delays.connect);
      await this.faults.connect?.();
    } catch (error) {
      this.open--;
      throw error;
    }
    const connection = new FakeConnection(this.connections.length + 1);
    this.connections.push(connection);
    this.log.push(`connect ${connection.id}`);
    return connection;
  };

  readonly reset = async (connection: FakeConnection): Promise<void> => {
    await sleep(this.delays.reset);
    await this.faults.reset?.();
    connection.inTransaction = false;
    this.log.push(`reset ${connection.id}`);
  };

  readonly check = async (connection: FakeConnection): Promise<unknown> => {
    await sleep(this.delays.check);
    this.log.push(`check ${connection.id}`);
    return await this.faults.check?.();
  };

  readonly close = async (connection: FakeConnection, broken: boolean): Promise<void> => {
    this.log.push(`close ${connection.id}${broken ? " broken" : ""}`);
    assertEquals(connection.closed, false, "closed twice");
    connection.closed = true;
    connection.abort(new Error("closed")); // as drivers do with what is under way
    try {
      await sleep(this.delays.close);
      await this.faults.close?.();
    } finally {
      this.open--;
    }
  };

  readonly isOpen = (connection: FakeConnection): boolean => !connection.closed;
}
