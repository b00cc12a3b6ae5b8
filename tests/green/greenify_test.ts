// deno-lint-ignore-file no-explicit-any -- looks at what types hide
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { greenify, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";
import { EventEmitter, once } from "node:events";

const KEY = Symbol("key");

/** A client as packages have them. */
class Client {
  #queries: string[] = [];
  static made = 0;
  static async create(name: string): Promise<Client> {
    await null;
    return new Client(name);
  }
  name: string;
  constructor(name = "client") {
    this.name = name;
    Client.made++;
  }
  get queries(): readonly string[] {
    return this.#queries;
  }
  set queries(queries: readonly string[]) {
    this.#queries = [...queries];
  }
  query(sql: string): Promise<string> {
    this.#queries.push(sql);
    return Promise.resolve(sql.toUpperCase());
  }
  hang(): Promise<never> {
    return new Promise(() => {});
  }
  async connect(): Promise<this> {
    await null;
    return this;
  }
  where(sql: string): this {
    this.#queries.push(sql);
    return this;
  }
  count(): number {
    return this.#queries.length;
  }
  fail(): Promise<never> {
    return Promise.reject(new RangeError("no"));
  }
  refuse(): never {
    throw new TypeError("at once");
  }
  owns(other: Client): boolean {
    return #queries in other;
  }
  [KEY](): Promise<string> {
    return Promise.resolve("keyed");
  }
}

/** Begins when it is awaited, as knex's. */
class Builder {
  begun = 0;
  parts: string[] = [];
  constructor(readonly outcome: () => Promise<unknown>) {}
  where(part: string): this {
    this.parts.push(part);
    return this;
  }
  then<A, B>(fulfilled?: (value: unknown) => A, rejected?: (error: unknown) => B): Promise<A | B> {
    this.begun++;
    return this.outcome().then(fulfilled, rejected);
  }
}

Deno.test("greenify() makes every method that returns a promise a wait, named in reports", async () => {
  const client = greenify(new Client());
  const victim = spawn(() => client.hang());
  await sleep();
  assert(dump().includes("waits for Client.hang"));
  assert(await victim.kill());
  await assertRejects(() => withTimeout(1, () => client.hang()), Timeout);
});

Deno.test("greenify() passes values, errors and what is thrown at once on", async () => {
  const client = greenify(new Client());
  assertEquals(await client.query("a"), "A");
  assertEquals(await client[KEY](), "keyed");
  await assertRejects(() => client.fail(), RangeError, "no");
  assertThrows(() => client.refuse(), TypeError, "at once");
  assertEquals(client.count(), 1);
});

Deno.test("greenify() works with private fields, getters, setters and own properties", () => {
  const real = new Client();
  const client = greenify(real);
  client.queries = ["x"];
  client.name = "other";
  assertEquals([client.queries, real.name, "name" in client, Object.keys(client)], [["x"], "other", true, [
    "name",
  ]]);
  assertEquals({ ...client }, { name: "other" });
  Object.defineProperty(client, "extra", { value: 1 });
  assertEquals((real as any).extra, 1);
  assert(delete (client as any).name);
  assertEquals("name" in real, false);
  assert(client instanceof Client && client.constructor === Client);
  assertStrictEquals(Object.getPrototypeOf(client), Client.prototype);
  assertThrows(() => Object.freeze(client), TypeError);
});

Deno.test("greenify() gives the same function for the same method, and the new one after a change", () => {
  const client = greenify(new Client());
  assertStrictEquals(client.query, client.query);
  const { query } = client;
  client.query = () => Promise.resolve("changed");
  assert(client.query !== query);
  assertEquals([query.name, query.length], ["query", 1]);
});

Deno.test("greenify() keeps fluent methods and promises of the object itself views", async () => {
  const client = greenify(new Client());
  assertStrictEquals(client.where("a"), client);
  assertStrictEquals(await client.connect(), client);
  assertStrictEquals(await spawn(() => client.connect()).get(), client);
  await assertRejects(() => withTimeout(1, () => client.where("a").hang()), Timeout);
});

Deno.test("greenify() unwraps views among the arguments", () => {
  const client = greenify(new Client());
  assert(client.owns(greenify(new Client())));
  assert(new Client().owns(new Client()));
});

Deno.test("greenify() of a view is a view of its object", async () => {
  const real = new Client();
  const cancelled: unknown[] = [];
  const client = greenify(greenify(real), { hang: { cancel: (target) => cancelled.push(target) } });
  await assertRejects(() => withTimeout(1, () => client.hang()), Timeout);
  assertStrictEquals(cancelled[0], real);
});

Deno.test("greenify() calls cancel at an interruption, with the object, the arguments and the reason", async () => {
  const real = { hang: (_what: string) => new Promise<string>(() => {}) };
  const log: unknown[][] = [];
  const view = greenify(real, { hang: { cancel: (...args) => void log.push(args) } });
  const error = await withTimeout(1, () => view.hang("x")).catch((error) => error);
  assertEquals([log.length, log[0]![0] === real, log[0]![1], log[0]![2] === error], [1, true, ["x"], true]);
});

Deno.test("greenify() does not call cancel for what is over, nor abandon for what was delivered", async () => {
  const log: string[] = [];
  const hooks = { cancel: () => void log.push("cancel"), abandon: () => void log.push("abandon") };
  const real = { done: () => Promise.resolve(1), failed: () => Promise.reject(new Error("no")) };
  const view = greenify(real, { done: hooks, failed: hooks });
  assertEquals(await view.done(), 1);
  await assertRejects(() => view.failed(), Error, "no");
  assertEquals(log, []);
});

Deno.test("greenify() gives abandon what comes too late, and what came for one who was to be killed", async () => {
  const log: string[] = [];
  let resolve!: (value: string) => void;
  const real = { open: () => new Promise<string>((found) => void (resolve = found)) };
  const view = greenify(real, { open: { abandon: (value) => void log.push(value) } });
  await assertRejects(() => withTimeout(1, () => view.open()), Timeout);
  resolve("late");
  await sleep();
  const doomed = spawn(async () => {
    doomed.kill(undefined, { block: false });
    await view.open();
  });
  await doomed.join();
  resolve("due");
  await sleep();
  assertEquals(log, ["late", "due"]);
});

Deno.test("greenify() makes builders views that begin when they are awaited", async () => {
  const builders: Builder[] = [];
  const db = greenify({
    table(outcome: () => Promise<unknown>): Builder {
      builders.push(new Builder(outcome));
      return builders.at(-1)!;
    },
  });
  const builder = db.table(() => Promise.resolve("rows")).where("a").where("b");
  assertEquals(builders[0]!.begun, 0);
  assertEquals([await builder, builder.parts], ["rows", ["a", "b"]]);
  await assertRejects(() => withTimeout(1, async () => await db.table(() => new Promise(() => {}))), Timeout);
  await assertRejects(async () => await db.table(() => Promise.reject(new Error("no"))), Error, "no");
  const doomed = spawn(async () => {
    doomed.kill(undefined, { block: false });
    await db.table(() => Promise.resolve());
  });
  await doomed.join();
  assertEquals(builders.map(({ begun }) => begun), [1, 1, 1, 0]);
});

Deno.test("greenify() keeps what promises of a class of their own can do", async () => {
  class Pending extends Promise<number> {
    cancelled = false;
    stop(): void {
      this.cancelled = true;
    }
  }
  const view = greenify({ start: () => new Pending(() => {}) });
  const pending = view.start();
  pending.stop();
  assert(pending.cancelled && pending instanceof Pending);
  await assertRejects(() => withTimeout(1, async () => await pending), Timeout);
  const extended = greenify({ start: () => Object.assign(Promise.resolve(1), { stop: () => "stopped" }) });
  assertEquals([extended.start().stop(), await extended.start()], ["stopped", 1]);
  class Named extends Promise<number> {
    label(): string {
      return "named";
    }
  }
  assertEquals(greenify({ start: () => Named.resolve(1) as Named }).start().label(), "named");
});

Deno.test("greenify() lets for await wait through the hub, and ends the iterator when it is interrupted", async () => {
  const log: string[] = [];
  const real = {
    async *rows(): AsyncGenerator<number> {
      try {
        yield 1;
        yield 2;
      } finally {
        log.push("end");
      }
    },
    endless: {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<number>>(() => {}),
        return: () => {
          log.push("returned");
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    },
    feed() {
      return this.endless;
    },
  };
  const view = greenify(real);
  const seen: number[] = [];
  for await (const row of view.rows()) seen.push(row);
  assertEquals([seen, log], [[1, 2], ["end"]]);
  const reader = spawn(async () => {
    for await (const _row of view.feed());
  });
  await sleep();
  await reader.kill();
  assertEquals(log, ["end", "returned"]);
});

Deno.test("greenify() works with frozen objects and frozen classes", async () => {
  const frozen = greenify(
    Object.freeze({ query: () => Promise.resolve("ok"), inner: Object.freeze({ a: 1 }) }),
  );
  assertEquals([await frozen.query(), frozen.inner.a], ["ok", 1]);
  assertEquals(Object.getOwnPropertyDescriptor(frozen, "query")!.enumerable, true);
  class Frozen {
    static make = (): Promise<string> => Promise.resolve("made");
  }
  Object.freeze(Frozen);
  assertEquals(await greenify(Frozen).make(), "made");
});

Deno.test("greenify() of a class: its static methods wait, what it makes is a view, subclasses work", async () => {
  const View = greenify(Client);
  const { made } = Client;
  const client = new View("a");
  assertEquals([client.name, View.made, View.name, client instanceof View], ["a", made + 1, "Client", true]);
  await assertRejects(() => withTimeout(1, () => client.hang()), Timeout);
  assert(await View.create("b") instanceof Client);
  class Mine extends View {
    #secret = 7;
    secret(): number {
      return this.#secret + this.count();
    }
  }
  assertEquals([new Mine("c").secret(), new Mine("d") instanceof Client], [7, true]);
});

Deno.test("greenify() of a function: it waits, and is no constructor unless it was one", async () => {
  const load = greenify(function load(this: unknown, ms: number): Promise<number> {
    return ms < 0 ? new Promise(() => {}) : Promise.resolve(ms);
  });
  assertEquals([await load(1), load.name, load.length, typeof load], [1, "load", 1, "function"]);
  await assertRejects(() => withTimeout(1, () => load(-1)), Timeout);
  assertEquals(await load.call(undefined, 2), 2);
  const arrow = greenify(() => Promise.resolve(1));
  assertThrows(() => new (arrow as any)(), TypeError);
  assertEquals(Object.keys(arrow), []);
  assertEquals(Reflect.ownKeys(greenify(Client)).includes("prototype"), true);
  assertStrictEquals(Object.getOwnPropertyDescriptor(greenify(Client), "prototype")!.value, Client.prototype);
  assertEquals(Reflect.ownKeys(greenify(Client.bind(null))).includes("prototype"), false);
});

Deno.test("greenify() works with EventEmitters", async () => {
  const emitter = greenify(new EventEmitter());
  const seen: unknown[] = [];
  assertStrictEquals(emitter.on("x", (value) => seen.push(value)), emitter);
  const next = once(emitter as unknown as EventEmitter, "x");
  emitter.emit("x", 1);
  assertEquals([seen, await next], [[1], [1]]);
});

Deno.test("greenify() with the hook view makes what a method returns a view", async () => {
  class Pool {
    connect(): Promise<Client> {
      return Promise.resolve(new Client());
    }
    pipeline(): Client {
      return new Client();
    }
  }
  const cancelled: string[] = [];
  const pool = greenify(new Pool(), {
    connect: { view: { hang: { cancel: () => void cancelled.push("hang") } } },
    pipeline: { view: true },
  });
  await assertRejects(() => withTimeout(1, async () => await (await pool.connect()).hang()), Timeout);
  await assertRejects(() => withTimeout(1, () => pool.pipeline().hang()), Timeout);
  assertEquals(cancelled, ["hang"]);
});

Deno.test("greenify() of a module-like object reaches its classes and parts, with hooks for instances", async () => {
  const cancelled: string[] = [];
  const hooks = { Client: { view: { hang: { cancel: () => void cancelled.push("hang") } } } };
  const module = greenify({ default: { Client }, Client, load: () => new Promise<void>(() => {}) }, hooks);
  await assertRejects(() => withTimeout(1, () => module.load()), Timeout);
  await assertRejects(() => withTimeout(1, () => new module.Client().hang()), Timeout);
  await assertRejects(() => withTimeout(1, () => new module.default.Client().hang()), Timeout);
  assertEquals(cancelled, ["hang", "hang"]);
  assertStrictEquals(module.default, module.default);
});

Deno.test("greenify() refuses what is no object", () => {
  for (const bad of [null, undefined, 5, "x"]) {
    assertThrows(() => greenify(bad as unknown as object), TypeError, `expected an object, received ${bad}`);
  }
});

Deno.test("greenify() leaves promises that nobody awaits quiet when their greenlet is killed", async () => {
  const client = greenify(new Client());
  const victim = spawn(async () => {
    void client.hang();
    await sleep(1_000_000);
  });
  await sleep();
  assert(await victim.kill());
});

Deno.test("greenify() in a callback of the hub gives what there is: nobody can wait there", async () => {
  const client = greenify(new Client());
  const { promise, resolve } = Promise.withResolvers<Promise<string>>();
  spawn(() => {}).rawlink(() => resolve(client.query("a") as any));
  assertEquals(await promise as unknown, "A");
});
