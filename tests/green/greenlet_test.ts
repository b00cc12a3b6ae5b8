import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Event,
  getCurrent,
  getHub,
  Greenlet,
  GreenletExit,
  joinAll,
  sleep,
  spawn,
  spawnLater,
  spawnWith,
} from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";

/** What the getters say. */
function stateOf({ started, dead, ready, successful, failed, value, error }: Greenlet): unknown {
  assertEquals(dead, ready);
  return { started, ready, successful, failed, value, error };
}

const ALIVE = { ready: false, successful: false, failed: false, value: undefined, error: undefined };

Deno.test("Greenlet tells its state from creation to a value", async () => {
  const greenlet: Greenlet = new Greenlet(async () => {
    const running = stateOf(greenlet);
    await sleep();
    return running;
  });
  assertEquals(stateOf(greenlet), { ...ALIVE, started: false });
  greenlet.start();
  assertEquals(stateOf(greenlet), { ...ALIVE, started: true });
  await sleep();
  assertEquals(stateOf(greenlet), { ...ALIVE, started: true });
  const value = await greenlet.get();
  assertEquals(value, { ...ALIVE, started: true });
  assertEquals(stateOf(greenlet), {
    started: false,
    ready: true,
    successful: true,
    failed: false,
    value,
    error: undefined,
  });
});

Deno.test("Greenlet tells its state while it is delayed, and after an error", async () => {
  using errors = captureErrors();
  const failure = new Error("boom");
  const greenlet: Greenlet = spawnLater(1, () => {
    throw failure;
  });
  assertEquals(stateOf(greenlet), { ...ALIVE, started: true });
  assertEquals(await greenlet.join(), true);
  assertEquals(stateOf(greenlet), {
    started: false,
    ready: true,
    successful: false,
    failed: true,
    value: undefined,
    error: failure,
  });
  assertEquals(errors.seen, [failure]);
});

Deno.test("Greenlet that was killed, or threw GreenletExit, was successful with the GreenletExit as its value", async () => {
  using errors = captureErrors();
  const exit = new GreenletExit("enough");
  const bodies = {
    unstarted: () => 1,
    parked: () => sleep(60_000),
    leaves: () => {
      throw exit;
    },
    fails: () => Promise.reject(exit),
  };
  for (const [name, body] of Object.entries(bodies)) {
    const greenlet: Greenlet = spawn(body as () => unknown);
    if (name !== "unstarted") await sleep();
    if (name === "parked" || name === "unstarted") await greenlet.kill(exit);
    const ended = { started: false, ready: true, successful: true, failed: false };
    assertEquals(stateOf(greenlet), { ...ended, value: exit, error: undefined }, name);
    assertStrictEquals(await greenlet.get(), exit, name);
  }
  assertEquals(errors.seen, []);
});

Deno.test("Greenlet keeps a thrown value that is no Error as it is", async () => {
  using errors = captureErrors();
  const greenlet = spawn(() => Promise.reject("just text"));
  const caught = await greenlet.get().catch((reason: unknown) => reason);
  assertEquals([caught, greenlet.error, greenlet.successful, errors.seen], [
    "just text",
    "just text",
    false,
    ["just text"],
  ]);
});

Deno.test("Greenlet keeps the token across plain awaits", async () => {
  const order: string[] = [];
  async function body(name: string) {
    for (let i = 0; i < 2; i++) {
      order.push(`${name} in`);
      for (let k = 0; k < 5; k++) await null;
      order.push(`${name} out`);
      await sleep();
    }
  }
  await joinAll([spawn(body, "a"), spawn(body, "b")]);
  assertEquals(order, ["a in", "a out", "b in", "b out", "a in", "a out", "b in", "b out"]);
});

Deno.test("Greenlet that awaits a foreign promise lets the others run, and comes back", async () => {
  const order: string[] = [];
  const foreign = Promise.withResolvers<string>();
  const awaiting = spawn(async () => {
    order.push(await foreign.promise);
    await sleep();
    order.push("joined the others again");
  });
  const other = spawn(() => {
    order.push("other");
    foreign.resolve("foreign");
  });
  await joinAll([awaiting, other]);
  assertEquals(order, ["other", "foreign", "joined the others again"]);
  assertEquals(getHub().stats().detached, 0);
});

Deno.test("Greenlet.start() a second time, while it runs and after the end does nothing", async () => {
  let runs = 0;
  const gate = new Event();
  const greenlet = new Greenlet(async () => {
    runs++;
    await gate.wait();
  });
  greenlet.start();
  greenlet.start();
  await sleep();
  greenlet.start();
  greenlet.startLater(0);
  gate.set();
  await greenlet.join();
  greenlet.start();
  greenlet.startLater(0);
  await turn();
  assertEquals([runs, greenlet.started, getHub().stats().timers], [1, false, 0]);
});

Deno.test("Greenlet.start() of a delayed greenlet starts it now, once", async () => {
  let runs = 0;
  const greenlet = spawnLater(60_000, () => ++runs);
  greenlet.start();
  greenlet.start();
  assertEquals([await greenlet.get(), getHub().stats().timers], [1, 0]);
  await sleep();
  assertEquals(runs, 1);
});

Deno.test("Greenlet.startLater() a second time does not change the delay", async () => {
  const greenlet = new Greenlet(() => "ran");
  greenlet.startLater(1);
  greenlet.startLater(60_000);
  assertEquals(getHub().stats().timers, 1);
  assertEquals(await greenlet.get(), "ran");
});

Deno.test("Greenlet.start() after a kill does nothing", async () => {
  let runs = 0;
  const greenlet = new Greenlet(() => ++runs);
  await greenlet.kill();
  greenlet.start();
  greenlet.startLater(0);
  await turn();
  assertEquals([runs, greenlet.dead, getHub().stats().timers], [0, true, 0]);
});

Deno.test("Greenlet.startLater() throws with the value for a bad delay, and can be started after that", async () => {
  const greenlet = new Greenlet(() => "ran");
  assertThrows(() => greenlet.startLater(-1), RangeError, "Cannot start greenlet: delay must be 0 or more");
  assertThrows(() => greenlet.startLater(NaN), RangeError, "received NaN");
  assertThrows(() => greenlet.startLater("1" as never), TypeError, "received 1");
  assertEquals([greenlet.started, getHub().stats().timers], [false, 0]);
  greenlet.start();
  assertEquals(await greenlet.get(), "ran");
});

Deno.test("Greenlet.spawn() and spawnLater() throw with the value for bad input", () => {
  const { greenlets, timers } = getHub().stats();
  assertThrows(
    () => Greenlet.spawn(null as never),
    TypeError,
    "Cannot spawn greenlet: fn must be a function, received null",
  );
  assertThrows(() => Greenlet.spawnLater(1, undefined as never), TypeError, "received undefined");
  assertThrows(() => Greenlet.spawnLater(-3, () => {}), RangeError, "received -3");
  assertThrows(
    () => new Greenlet("text" as never),
    TypeError,
    "Cannot create greenlet: fn must be a function, received text",
  );
  assertEquals([getHub().stats().greenlets, getHub().stats().timers], [greenlets, timers]);
});

Deno.test("Greenlet.spawn() and spawnLater() make and start one", async () => {
  const log: number[] = [];
  const later = Greenlet.spawnLater(1, (n: number) => log.push(n), 2);
  const now = Greenlet.spawn((n: number) => log.push(n), 1);
  assertInstanceOf(now, Greenlet);
  await joinAll([later, now]);
  assertEquals(log, [1, 2]);
});

Deno.test("Greenlet without a function fails when it runs", async () => {
  using errors = captureErrors();
  const greenlet = new Greenlet();
  greenlet.start();
  await assertRejects(() => greenlet.get(), TypeError, "Cannot run greenlet: it has no function");
  assertEquals(errors.seen.length, 1);
});

Deno.test("Greenlet subclasses override run(), sync or async", async () => {
  class Doubler extends Greenlet<number> {
    constructor(readonly n: number) {
      super();
    }
    protected override async run(): Promise<number> {
      await sleep();
      return this.n * 2;
    }
  }
  class Halver extends Doubler {
    protected override run(): Promise<number> {
      return Promise.resolve(this.n / 2);
    }
  }
  const greenlets = [new Doubler(21), new Halver(8)];
  for (const greenlet of greenlets) greenlet.start();
  await joinAll(greenlets);
  assertEquals(greenlets.map(({ value }) => value as number), [42, 4]);
});

Deno.test("Greenlet subclasses may call the function they were given by super.run()", async () => {
  class Logged<T> extends Greenlet<T> {
    readonly log: string[] = [];
    protected override async run(): Promise<T> {
      this.log.push("begins");
      try {
        return await super.run();
      } finally {
        this.log.push("ends");
      }
    }
  }
  const logged = new Logged((a: number, b: number) => a + b, 1, 2);
  logged.start();
  assertEquals([await logged.get(), logged.log], [3, ["begins", "ends"]]);
});

Deno.test("Greenlet.name is Greenlet- and the number until it is set", async () => {
  const greenlet = spawn(function mailer() {});
  assertEquals([greenlet.name, greenlet.label], [`Greenlet-${greenlet.id}`, "mailer"]);
  greenlet.name = "postman";
  assertEquals([greenlet.name, greenlet.label], ["postman", "postman"]);
  await greenlet.join();
  assertEquals(greenlet.name, "postman");
});

Deno.test("Greenlet.label is the name, the start of the body's, or the class with the number", async () => {
  class Job extends Greenlet {}
  const long = { ["x".repeat(60)]: () => {} }["x".repeat(60)]!;
  const job = new Job();
  const greenlets = [spawn(long), spawn(() => {}), job, new Job(function named() {})];
  assertEquals(greenlets.map((greenlet) => greenlet.label), [
    "x".repeat(50),
    `Greenlet-${greenlets[1]!.id}`,
    `Job-${job.id}`,
    "named",
  ]);
  await joinAll(greenlets.slice(0, 2));
});

Deno.test("Greenlet.id is a number of its own, in the order of creation", async () => {
  const greenlets = [new Greenlet(() => {}), spawn(() => {}), spawn(() => {})];
  const first = greenlets[0]!.id;
  assertEquals(greenlets.map((greenlet) => greenlet.id), [first, first + 1, first + 2]);
  await joinAll(greenlets.slice(1));
});

Deno.test("Greenlet.toString() and console.log() show number, name and state", async () => {
  using _errors = captureErrors();
  const gate = new Event();
  const greenlet: Greenlet = new Greenlet(async () => {
    const running = String(getCurrent());
    await gate.wait().catch(() => {}); // ignores the kill
    return [running, await gate.wait()];
  });
  greenlet.name = "mailer";
  const shown = (state: string) => `Greenlet #${greenlet.id} mailer (${state})`;
  assertEquals(String(greenlet), shown("new"));
  greenlet.start();
  assertEquals(String(greenlet), shown("scheduled"));
  await sleep();
  assertEquals(String(greenlet), shown("running"));
  await greenlet.kill(undefined, { block: false });
  assertEquals(String(greenlet), shown("running, kill ignored so far"));
  gate.set();
  assertEquals(await greenlet.get(), [shown("running"), true]);
  assertEquals(Deno.inspect({ greenlet }), `{ greenlet: ${shown("ended")} }`);

  const failed = spawnWith({ name: "unlucky" }, () => Promise.reject(new Error("boom")));
  await failed.join();
  assertEquals(Deno.inspect(failed), `Greenlet #${failed.id} unlucky (failed)`);
  const delayed = spawnLater(60_000, function late() {});
  assertEquals(`${delayed}`, `Greenlet #${delayed.id} late (scheduled)`);
  await delayed.kill();
  assertEquals(`${delayed}`, `Greenlet #${delayed.id} late (ended)`);
});

Deno.test("Greenlet reports an error once, whoever gets it, with itself as the context", async () => {
  const hub = getHub();
  const { onError } = hub;
  const contexts: unknown[] = [];
  hub.onError = (context) => contexts.push(context);
  try {
    const failure = new Error("boom");
    const greenlet = spawn(() => Promise.reject(failure));
    for (let i = 0; i < 2; i++) assertStrictEquals(await assertRejects(() => greenlet.get()), failure);
    assertEquals(contexts.length, 1);
    assertStrictEquals(contexts[0], greenlet);
  } finally {
    hub.onError = onError;
  }
});
