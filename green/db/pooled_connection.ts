import { quiet, until } from "../../hub/mod.ts";
import type { OpenConnection } from "./open_connection.ts";
import { isThenable } from "../../hub/task.ts";

/**
 * A connection lent by a {@linkcode ConnectionPool}: a view of the real one, with its methods and properties.
 * `using connection = await pool.lease()` gives it back at the end of the block; `await using` also waits until it
 * is clean or closed.
 *
 * A method that returns a promise is waited for so that the greenlet can be killed and timed out meanwhile. As
 * nobody knows then what state the connection is in, it is broken: methods throw, and it is closed instead of
 * lent again. The same happens if it is given back while an operation runs on it. What a method returns that is
 * no promise (a stream, a cursor) is passed through: to give the connection back before it is finished is an error
 * that the view cannot see.
 *
 * After the return, whatever is done with the view throws.
 *
 * Source: `eventlet.db_pool.PooledConnectionWrapper`.
 *
 * @typeParam C The type of the real connection.
 *
 * @example A function that takes one
 * ```ts
 * import { ConnectionPool, type PooledConnection } from "@verdant/green";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * class Connection {
 *   #rows = 2;
 *   count(): Promise<number> {
 *     return Promise.resolve(this.#rows);
 *   }
 * }
 * const adapter = { name: "memory", connect: () => new Connection(), close() {} };
 * await using pool = new ConnectionPool(adapter);
 *
 * const count = (connection: PooledConnection<Connection>) => connection.count();
 *
 * const connection = await pool.lease();
 * assertEquals(await count(connection), 2);
 * connection[Symbol.dispose]();
 * assertThrows(() => connection.count(), Error, "Cannot use connection: it was given back to the pool");
 * ```
 */
export type PooledConnection<C extends object> = C & Disposable & AsyncDisposable;

// deno-lint-ignore no-explicit-any -- methods of every signature
type Method = (...args: any[]) => unknown;

/**
 * The time between lending a connection and its return, and the view through which it is used meanwhile.
 */
export class Loan<C extends object> implements ProxyHandler<C> {
  /** What the borrower gets. */
  readonly view: PooledConnection<C>;
  /** What was lent. */
  readonly entry: OpenConnection<C>;
  readonly #real: C;
  readonly #onReturn: (loan: Loan<C>) => void;
  /** The wrapped methods, so that each is the same whenever it is read. */
  readonly #methods = new Map<Method, Method>();
  /** How many operations run. */
  #running = 0;
  #over = false;

  /**
   * Makes the view.
   *
   * @param entry What is lent.
   * @param onReturn Called once, when it is given back.
   */
  constructor(entry: OpenConnection<C>, onReturn: (loan: Loan<C>) => void) {
    this.entry = entry;
    this.#real = entry.connection;
    this.#onReturn = onReturn;
    // Not the real one: a proxy may not show other values for what is frozen in its target.
    this.view = new Proxy(Object.create(Object.getPrototypeOf(this.#real)), this);
  }

  /** Gives the connection back; nothing happens the second time. */
  readonly giveBack = (): void => {
    if (this.#over) return;
    this.#over = true;
    if (this.#running > 0) this.entry.broken = true;
    this.#onReturn(this);
  };

  /** Gives the connection back, to be closed; nothing happens if it was given back. */
  discard(): void {
    this.entry.broken ||= !this.#over;
    this.giveBack();
  }

  /** Gives the connection back, and waits until it is clean or closed. */
  readonly giveBackAndWait = (): Promise<void> => {
    this.giveBack();
    return quiet(atRest(this.entry));
  };

  // ---- The view ----------------------------------------------------------------------------------

  /** Reads a property; methods come wrapped. */
  get(_target: C, key: PropertyKey): unknown {
    if (key === Symbol.dispose) return this.giveBack;
    if (key === Symbol.asyncDispose) return this.giveBackAndWait;
    if (key === "then") return undefined; // `await view` is the view
    this.#checkLent();
    const value = Reflect.get(this.#real, key, this.#real);
    return typeof value === "function" && key !== "constructor" ? this.#wrap(value as Method) : value;
  }

  /** Sets a property of the real connection. */
  set(_target: C, key: PropertyKey, value: unknown): boolean {
    this.#checkLent();
    return Reflect.set(this.#real, key, value, this.#real);
  }

  /** Whether the real connection has a property. */
  has(_target: C, key: PropertyKey): boolean {
    this.#checkLent();
    return key === Symbol.dispose || key === Symbol.asyncDispose || Reflect.has(this.#real, key);
  }

  /** Removes a property of the real connection. */
  deleteProperty(_target: C, key: PropertyKey): boolean {
    this.#checkLent();
    return Reflect.deleteProperty(this.#real, key);
  }

  /** The properties of the real connection. */
  ownKeys(): (string | symbol)[] {
    this.#checkLent();
    return Reflect.ownKeys(this.#real);
  }

  /** A property of the real connection. */
  getOwnPropertyDescriptor(_target: C, key: PropertyKey): PropertyDescriptor | undefined {
    this.#checkLent();
    const descriptor = Reflect.getOwnPropertyDescriptor(this.#real, key);
    // The target has no such property: a proxy may then not call it permanent.
    return descriptor && { ...descriptor, configurable: true };
  }

  // ---- Operations --------------------------------------------------------------------------------

  #wrap(method: Method): Method {
    let wrapped = this.#methods.get(method);
    if (wrapped === undefined) {
      wrapped = new Proxy(method, { apply: (_method, _this, args) => this.#call(method, args) });
      this.#methods.set(method, wrapped);
    }
    return wrapped;
  }

  #call(method: Method, args: unknown[]): unknown {
    this.#checkLent();
    if (this.entry.broken) throw new Error("Cannot use connection: its last operation was interrupted");
    const result = Reflect.apply(method, this.#real, args);
    if (!isThenable(result)) return this.#shown(result);
    return this.#follow(Promise.resolve(result), method.name || "an operation");
  }

  #follow(operation: Promise<unknown>, what: string): Promise<unknown> {
    let runs = true;
    const end = () => {
      runs = false;
      this.#running--;
    };
    this.#running++;
    operation.then(end, end);
    return quiet(this.#untilEnd(operation, what, () => runs));
  }

  async #untilEnd(operation: Promise<unknown>, what: string, runs: () => boolean): Promise<unknown> {
    try {
      return this.#shown(await until(operation, { what }));
    } catch (error) {
      if (runs()) this.entry.broken = true;
      throw error;
    }
  }

  /** Nobody gets the real connection out of its methods. */
  #shown(result: unknown): unknown {
    return result === this.#real ? this.view : result;
  }

  #checkLent(): void {
    if (this.#over) throw new Error("Cannot use connection: it was given back to the pool");
  }
}

async function atRest({ atRest }: OpenConnection<object>): Promise<void> {
  await atRest.wait();
}
