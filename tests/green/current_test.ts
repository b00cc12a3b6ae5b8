import { assertEquals, assertStrictEquals } from "@std/assert";
import { AsyncResult, getCurrent, getHub, Greenlet, joinAll, sleep, spawn, until } from "@verdant/green";
import { turn } from "../helpers.ts";

Deno.test("getCurrent() is undefined outside greenlets, also after a wait there", async () => {
  assertEquals(getCurrent(), undefined);
  await sleep();
  assertEquals(getCurrent(), undefined);
  await spawn(() => {}).join();
  assertEquals(getCurrent(), undefined);
});

Deno.test("getCurrent() is the greenlet from its first to its last statement", async () => {
  const greenlet: Greenlet<unknown[]> = spawn(async () => {
    const seen: unknown[] = [getCurrent()];
    await null;
    seen.push(getCurrent());
    try {
      await sleep();
    } finally {
      seen.push(getCurrent());
    }
    return seen;
  });
  assertEquals((await greenlet.get()).map((who) => who === greenlet), [true, true, true]);
});

Deno.test("getCurrent() is exact after a foreign await, in a timer callback and in a then", async () => {
  const greenlet: Greenlet<unknown[]> = spawn(async () => {
    await turn();
    const afterForeign = getCurrent();
    const inTimer = await until(new Promise((resolve) => setTimeout(() => resolve(getCurrent()), 1)));
    const inThen = await Promise.resolve().then(() => getCurrent());
    return [afterForeign, inTimer, inThen];
  });
  const other = spawn(async () => {
    while (!greenlet.ready) await sleep();
  });
  const seen = await greenlet.get();
  assertEquals(seen.map((who) => who === greenlet), [true, true, true]);
  await other.join();
});

Deno.test("getCurrent() tells greenlets apart that run in turns", async () => {
  const greenlets: Greenlet<boolean>[] = [0, 1, 2].map((i) =>
    spawn(async () => {
      for (let k = 0; k < 3; k++) {
        if (getCurrent() !== greenlets[i]) return false;
        await sleep();
      }
      return true;
    })
  );
  await joinAll(greenlets);
  assertEquals(greenlets.map((greenlet) => greenlet.value), [true, true, true]);
});

Deno.test("getCurrent() is undefined in callbacks of the hub, whoever registered them", async () => {
  const seen: unknown[] = [];
  const other = spawn(() => {});
  const greenlet = spawn(async () => {
    getHub().runCallback(() => seen.push(getCurrent()));
    other.rawlink(() => seen.push(getCurrent()));
    await sleep();
    await sleep();
  });
  await greenlet.join();
  assertEquals(seen, [undefined, undefined]);
});

Deno.test("getCurrent() is undefined in what an ended greenlet left behind", async () => {
  const left = new AsyncResult<unknown>();
  const gate = Promise.withResolvers<void>();
  const greenlet = spawn(() => {
    gate.promise.then(() => left.set(getCurrent()));
  });
  await greenlet.join();
  gate.resolve();
  assertEquals(await left.get(), undefined);
});

Deno.test("getCurrent() is the instance of the subclass", async () => {
  class Job extends Greenlet<unknown> {
    protected override run(): unknown {
      return getCurrent();
    }
  }
  const job = new Job();
  job.start();
  assertStrictEquals(await job.get(), job);
});
