import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { getCurrent, getHub, Greenlet, GreenletExit, sleep, spawn, spawnLater, until } from "@verdant/green";
import { captureErrors } from "../helpers.ts";

/** Records spawns until disposed. */
function debugging(): Disposable {
  const hub = getHub();
  const { debug } = hub;
  hub.debug = true;
  return { [Symbol.dispose]: () => void (hub.debug = debug) };
}

Deno.test("Greenlet.spawner is who spawned it, until that one ends", async () => {
  const parent = spawn(async () => {
    const children = [spawn(() => sleep(60_000)), spawnLater(60_000, () => {}), new Greenlet(() => {})];
    const known = children.map((child) => child.spawner === getCurrent());
    await sleep();
    return { children, known };
  });
  const { children, known } = await parent.get();
  assertEquals(known, [true, true, true]);
  assertEquals(children.map((child) => child.spawner), [undefined, undefined, undefined]);
  assertEquals(parent.spawner, undefined);
  for (const child of children) await child.kill();
});

Deno.test("Greenlet.spawner is undefined for one that the main flow or a link spawned", async () => {
  const parent = spawn(() => {});
  const spawners: unknown[] = [];
  const look = () => {
    const child: Greenlet = spawn(() => {});
    spawners.push(child.spawner);
  };
  look();
  parent.rawlink(look);
  parent.link(look);
  await parent.join();
  for (let i = 0; i < 3; i++) await sleep();
  assertEquals(spawners, [undefined, undefined, undefined]);
});

Deno.test("Greenlet.spawnStack tells who started it, recorded with hub.debug only", async () => {
  const greenlets: Greenlet[] = [];
  {
    using _debugging = debugging();
    const parent = spawn(function startsOthers() {
      const created = new Greenlet(() => {});
      greenlets.push(spawn(() => {}), spawnLater(0, () => {}), created);
      assertEquals(created.spawnStack, undefined);
      created.start();
    });
    await parent.join();
  }
  for (const { spawnStack } of greenlets) {
    assertStringIncludes(spawnStack!, "startsOthers");
    assertStringIncludes(spawnStack!, "greenlet_tree_test.ts");
    assert(!spawnStack!.includes("green/greenlet.ts"));
  }
  greenlets.push(spawn(() => {}));
  assertEquals(greenlets[3]!.spawnStack, undefined);
  for (const greenlet of greenlets) await greenlet.join();
});

Deno.test("Greenlet.treeLocals is one object for all greenlets of a tree, another for other trees", async () => {
  const root = spawn(async () => {
    getCurrent()!.treeLocals.user = "ann";
    const child = spawn(async () => {
      await sleep();
      getCurrent()!.treeLocals.role = "admin";
      return await spawn(() => getCurrent()!.treeLocals).get();
    });
    return await child.get();
  });
  const locals = await root.get();
  assertEquals(locals, { user: "ann", role: "admin" });
  assertStrictEquals(root.treeLocals, locals);
  const other = spawn(() => 1);
  assertEquals(other.treeLocals, {});
  await other.join();
});

Deno.test("Greenlet.treeLocals first used by a child belongs to the whole tree", async () => {
  const root = spawn(async () => {
    await spawn(() => getCurrent()!.treeLocals.by = "child").join();
    return getCurrent()!.treeLocals;
  });
  assertEquals(await root.get(), { by: "child" });
});

Deno.test("Greenlet.signal aborts at the kill with its reason, also if the kill is ignored", async () => {
  const killed = spawn(async () => {
    const { signal } = getCurrent()!;
    const caught = await sleep(60_000).catch((error) => error);
    return signal.aborted && signal.reason === caught && caught instanceof GreenletExit;
  });
  await sleep();
  await killed.kill(undefined, { block: false });
  assertEquals(await killed.get(), true);
});

Deno.test("Greenlet.signal aborts at the end, with what the greenlet ended with", async () => {
  using _errors = captureErrors();
  const failure = new Error("boom");
  const finished = spawn(() => "value");
  const failed = spawn(() => Promise.reject(failure));
  const unstarted = spawn(() => "never");
  const signals = [finished, failed, unstarted].map(({ signal }) => signal);
  assertEquals(signals.map(({ aborted }) => aborted), [false, false, false]);
  await unstarted.kill();
  assertEquals(signals[2]!.aborted, true);
  await finished.join();
  await failed.join();
  assertEquals(signals.map(({ aborted }) => aborted), [true, true, true]);
  assertEquals([signals[0]!.reason, signals[1]!.reason], ["value", failure]);
  assertInstanceOf(signals[2]!.reason, GreenletExit);
});

Deno.test("Greenlet.signal is one object, and aborted from the start if first asked for after the end", async () => {
  const greenlet = spawn(() => "value");
  await greenlet.join();
  const { signal } = greenlet;
  assertEquals([signal.aborted, signal.reason], [true, "value"]);
  assertStrictEquals(greenlet.signal, signal);
});

Deno.test("Greenlet.signal stops an operation that takes a signal", async () => {
  const stopped = Promise.withResolvers<unknown>();
  const operation = (signal: AbortSignal) =>
    signal.addEventListener("abort", () => stopped.resolve(signal.reason), { once: true });
  const greenlet = spawn(async () => {
    operation(getCurrent()!.signal);
    await sleep(60_000);
  });
  await sleep();
  await greenlet.kill();
  assertStrictEquals(await until(stopped.promise), greenlet.value as unknown);
});
