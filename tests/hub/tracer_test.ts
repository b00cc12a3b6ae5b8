import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  attachTracer,
  getHub,
  type Greenlet,
  Queue,
  sleep,
  spawn,
  spawnWith,
  type Tracer,
} from "@verdant/green";
import type { Task, Waiter } from "../../hub/mod.ts";
import { turn } from "../helpers.ts";

/** Writes down what the tracer of the hub sees of the greenlets it is told about. */
function trace(): Disposable & { readonly log: string[]; readonly waiters: Waiter[] } {
  const hub = getHub();
  const log: string[] = [];
  const waiters: Waiter[] = [];
  const note = (what: string, task: Task, detail = "") => {
    if (task !== hub.root) log.push(`${what} ${task.label}${detail}`);
  };
  const tracer: Tracer = {
    spawned: (task) => note("spawn", task),
    parked: (waiter) => note("park", waiter.task, ` ${waiter.source.what}`),
    switched: (task, waiter) => {
      if (waiter !== undefined && task !== hub.root) waiters.push(waiter);
      note("switch", task, ` ${waiter?.source.what ?? "start"}`);
    },
    ended: (task) => note("end", task),
  };
  hub.tracer = tracer;
  return { log, waiters, [Symbol.dispose]: () => hub.tracer = undefined };
}

Deno.test("Tracer sees two greenlets hand over an item in the order it happens", async () => {
  using traced = trace();
  const queue = new Queue<number>();
  const getter = spawn(async function getter() {
    await queue.get();
  });
  const putter = spawn(async function putter() {
    await queue.put(1);
    await sleep();
  });
  await getter.join();
  await putter.join();
  assertEquals(traced.log, [
    "spawn getter",
    "spawn putter",
    "switch getter start",
    "park getter get",
    "switch putter start",
    "switch getter get",
    "end getter",
    "switch putter sleep",
    "end putter",
  ]);
});

Deno.test("Tracer.switched() names the wait that ended, of several", async () => {
  using traced = trace();
  const [first, second] = [new Queue<string>(), new Queue<string>()];
  const greenlet = spawn(async function both() {
    return await Promise.all([first.get(), second.get()]);
  });
  await sleep();
  const waits = greenlet.allWaits();
  assertEquals(waits.length, 2);
  second.putNowait("second");
  first.putNowait("first");
  assertEquals(await greenlet.get(), ["first", "second"]);
  assertStrictEquals(traced.waiters[0], waits[1]);
  assertStrictEquals(traced.waiters[1], waits[0]);
});

Deno.test("Tracer sees a kill as the end of the wait", async () => {
  using traced = trace();
  const victim = spawnWith({ name: "victim" }, () => sleep(60_000));
  await sleep();
  await victim.kill();
  assertEquals(
    traced.log,
    [
      "spawn Greenlet",
      "switch victim start",
      "park victim sleep",
      "switch victim sleep",
      "end victim",
    ].map((entry) => entry.replace("spawn Greenlet", traced.log[0]!)),
  );
});

Deno.test("Tracer sees no switch to a greenlet that is killed before its start", async () => {
  using traced = trace();
  const unborn: Greenlet<void> = spawn(function unborn() {});
  void unborn.kill(undefined, { block: false });
  await sleep();
  assertEquals(traced.log, ["spawn unborn", "end unborn"]);
});

Deno.test("Tracer sees no park where nobody has to wait", async () => {
  using traced = trace();
  const queue = new Queue<number>(Infinity, [1]);
  const greenlet = spawn(async function lucky() {
    await queue.get();
  });
  await greenlet.join();
  assertEquals(traced.log, ["spawn lucky", "switch lucky start", "end lucky"]);
});

/** Writes down what one of several tracers sees. */
function counting(log: string[], name: string): Tracer {
  return {
    spawned: (task) => log.push(`${name} spawned ${task.label}`),
    parked: () => log.push(`${name} parked`),
    woken: (waiter) => log.push(`${name} woken ${waiter.source.what}`),
    switched: () => log.push(`${name} switched`),
    detached: () => log.push(`${name} detached`),
    interrupted: () => log.push(`${name} interrupted`),
    callback: () => log.push(`${name} callback`),
    ended: () => log.push(`${name} ended`),
  };
}

Deno.test("attachTracer() attaches several, which leave in any order", () => {
  const hub = getHub();
  const log: string[] = [];
  const attached = ["a", "b", "c"].map((name) => attachTracer(hub, counting(log, name)));
  const said = (): string[] => {
    log.length = 0;
    hub.tracer?.ended(hub.root);
    return log;
  };
  assertEquals(said(), ["a ended", "b ended", "c ended"]);
  attached[1]![Symbol.dispose]();
  assertEquals(said(), ["a ended", "c ended"]);
  attached[1]![Symbol.dispose](); // once more does no harm
  attached[0]![Symbol.dispose]();
  assertEquals(said(), ["c ended"]);
  attached[2]![Symbol.dispose]();
  assertEquals([said(), hub.tracer], [[], undefined]);
});

Deno.test("attachTracer() tells every one of them everything", async () => {
  const hub = getHub();
  const logs: string[][] = [[], []];
  const attached = logs.map((log) => attachTracer(hub, counting(log, "it")));
  const silent: Tracer = { spawned() {}, parked() {}, switched() {}, ended() {} };
  attached.push(attachTracer(hub, silent)); // has none of the methods that may be left out
  const gate = Promise.withResolvers<void>();
  const g = spawnWith({ name: "g" }, async () => {
    await sleep(60_000).catch(() => {});
    await gate.promise;
  });
  hub.runCallback(() => {});
  await sleep();
  g.throw("up");
  await sleep();
  await turn();
  await turn();
  gate.resolve();
  await turn();
  for (const one of attached) one[Symbol.dispose]();
  assertEquals(logs[0], logs[1]);
  const kinds = new Set(logs[0]!.map((line) => line.split(" ")[1]));
  assertEquals([...kinds].toSorted(), [
    "callback",
    "detached",
    "ended",
    "interrupted",
    "parked",
    "spawned",
    "switched",
    "woken",
  ]);
});

Deno.test("attachTracer() keeps what was put into hub.tracer by hand", () => {
  const hub = getHub();
  const log: string[] = [];
  const own = counting(log, "own");
  hub.tracer = own;
  const attached = attachTracer(hub, counting(log, "other"));
  hub.tracer.ended(hub.root);
  attached[Symbol.dispose]();
  assertStrictEquals(hub.tracer, own);
  hub.tracer = undefined;
  assertEquals(log, ["own ended", "other ended"]);
});

Deno.test("Tracer.woken() comes when the outcome is fixed, while the waker holds the token", async () => {
  const hub = getHub();
  const seen: string[] = [];
  using _attached = attachTracer(hub, {
    spawned() {},
    parked() {},
    switched: (task) => seen.push(`switched ${task.label}`),
    ended() {},
    woken: (waiter) => seen.push(`${hub.holder?.label} woke ${waiter.task.label}`),
  });
  const queue = new Queue<number>();
  const getter = spawnWith({ name: "getter" }, () => queue.get());
  const putter = spawnWith({ name: "putter" }, () => queue.putNowait(1));
  await getter.join();
  await putter.join();
  const order = ["switched putter", "putter woke getter", "switched getter"].map((line) =>
    seen.indexOf(line)
  );
  assertEquals([order.includes(-1), seen.lastIndexOf("switched getter") > order[1]!, order[0]! < order[1]!], [
    false,
    true,
    true,
  ]);
});

Deno.test("attachTracer() detaches what it has attached, and no more", () => {
  const hub = getHub();
  const log: string[] = [];
  const tracer = counting(log, "it");
  const first = attachTracer(hub, tracer);
  first[Symbol.dispose]();
  const again = attachTracer(hub, tracer);
  first[Symbol.dispose](); // has nothing to detach any more
  assertStrictEquals(hub.tracer, tracer);
  const twice = attachTracer(hub, tracer);
  twice[Symbol.dispose]();
  assertStrictEquals(hub.tracer, tracer);
  again[Symbol.dispose]();
  assertEquals(hub.tracer, undefined);
});
