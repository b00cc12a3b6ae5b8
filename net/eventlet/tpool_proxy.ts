import { task, tasks, ThreadError, ThreadPool } from "../../green/mod.ts";
import type * as threadOfObject from "./tpool_object.ts";
import { THREAD_NAME } from "./tpool_thread.ts";

/**
 * The methods of an object in another thread: all of them are awaited. Disposing it ends the thread, without any
 * clean-up there.
 *
 * @typeParam T The type of the object.
 *
 * @example The type of a proxy
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using words: eventlet.tpool.Proxied<Map<string, number>> = new eventlet.tpool.Proxy<Map<string, number>>(
 *   "data:text/javascript,export { Map }; const { Map } = globalThis",
 *   "Map",
 *   [["one", 1]],
 * );
 * assertEquals(await words.get("one"), 1);
 * ```
 */
export type Proxied<T> =
  & Disposable
  & {
    readonly [K in keyof T as T[K] extends (...args: never[]) => unknown ? K & string : never]: T[K] extends
      (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
  };

/**
 * The type of {@linkcode Proxy}.
 *
 * @example Only its type
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const make: eventlet.tpool.ProxyConstructor = eventlet.tpool.Proxy;
 * assertEquals(typeof make, "function");
 * ```
 */
export interface ProxyConstructor {
  /**
   * Makes the object, in a thread of its own. Does not switch: if the making fails, so does every call.
   *
   * @param module An absolute URL: `new URL("./work.ts", import.meta.url)`.
   * @param name The class that it exports, or the function that makes the object and may be asynchronous.
   * @param args For the class or function.
   * @throws {TypeError} If the URL is not absolute, or the name is empty.
   * @throws {DOMException} A `DataCloneError`, if an argument cannot be sent.
   */
  new <T extends object>(module: URL | string, name: string, ...args: unknown[]): Proxied<T>;
}

/**
 * An object in a thread of its own, which its methods block instead of this one: for libraries that wait or
 * compute synchronously.
 *
 * A call waits for its turn, switches, and returns what the method returns. It can be killed and timed out as
 * `execute()` can: a method that is running goes on, and the next ones wait for its end. If the thread dies, the
 * object is gone, and calls throw a {@linkcode ThreadError}. While nothing is called, it keeps no process alive.
 *
 * Source: `eventlet.tpool.Proxy`, with these differences. The object is made in the thread, because objects cannot
 * move there. Arguments and results are copied, so there is no `autowrap`. There are methods only, no attributes.
 *
 * @example A database that would block
 * ```ts
 * import type { DatabaseSync } from "node:sqlite";
 * import { eventlet } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * using db = new eventlet.tpool.Proxy<DatabaseSync>("node:sqlite", "DatabaseSync", ":memory:");
 * await db.exec("create table words (word text not null)");
 * await assertRejects(() => db.exec("insert into words values (null)"), Error, "NOT NULL");
 * ```
 */
export const Proxy: ProxyConstructor = class {
  constructor(module: URL | string, name: string, ...args: unknown[]) {
    const maker = task<unknown[], unknown>(module, name);
    const thread = new ObjectThread(name);
    try {
      // If that fails, every call throws the error: nobody need look at it here.
      thread.submit(inside.make, [maker.module, name, args]).rawlink(({ error }) => error);
    } catch (error) { // its arguments cannot be sent
      thread.kill();
      throw error;
    }
    return viewOf(thread);
  }
} as never;

const inside = tasks<typeof threadOfObject>(new URL("./tpool_object.ts", import.meta.url));

/** A single thread, which is never replaced: another one would not have the object. */
class ObjectThread extends ThreadPool {
  #started = false;

  constructor(readonly object: string) {
    super(1, { name: `${THREAD_NAME}.Proxy`, idleTimeout: Infinity });
  }

  protected override createWorker(name: string): Worker {
    if (this.#started) {
      throw new ThreadError(`Cannot call a method of ${this.object}: its thread has ended`);
    }
    this.#started = true;
    return super.createWorker(name);
  }
}

/** Every name is that of a method, but that which would make it thenable. */
function viewOf(thread: ObjectThread): object {
  const own = {
    then: undefined,
    toString: () => `Proxy of ${thread.object}`,
    [Symbol.dispose]: () => thread.kill(),
  };
  return new globalThis.Proxy(own, {
    get: (own, key) => {
      if (typeof key === "symbol" || Object.hasOwn(own, key)) return own[key as keyof typeof own];
      return (...args: unknown[]) => thread.apply(inside.call, [key, args]);
    },
  });
}
