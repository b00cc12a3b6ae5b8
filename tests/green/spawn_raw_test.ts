import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AsyncResult,
  Event,
  getCurrent,
  getHub,
  type Greenlet,
  GreenletExit,
  Local,
  sleep,
  spawn,
  spawnRaw,
  withTimeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";

Deno.test("spawnRaw() starts in the order of the spawns, at the caller's next wait", async () => {
  const log: string[] = [];
  const push = (word: string) => void log.push(word);
  spawn(push, "first");
  assertEquals(spawnRaw(push, "second"), undefined);
  spawn(push, "third");
  assertEquals(log, []);
  await sleep();
  assertEquals(log, ["first", "second", "third"]);
});

Deno.test("spawnRaw() runs a body that may wait, be timed out and have locals", async () => {
  const result = new AsyncResult<unknown[]>();
  const id = new Local<number>();
  const never = new Event();
  spawnRaw(async (n: number) => {
    id.set(n);
    await sleep();
    const late = await withTimeout(1, () => never.wait(), { value: "late" });
    result.set([id.get(), late]);
  }, 5);
  assertEquals(await result.get(), [5, "late"]);
  assertEquals(id.get(), undefined);
});

Deno.test("spawnRaw() reports an error of its body; GreenletExit is none", async () => {
  using errors = captureErrors();
  const failures = [new Error("at once"), new Error("later")];
  spawnRaw(() => {
    throw failures[0];
  });
  spawnRaw(async () => {
    await sleep();
    throw failures[1];
  });
  spawnRaw(() => {
    throw new GreenletExit();
  });
  for (let i = 0; i < 3; i++) await sleep();
  assertEquals(errors.seen, failures);
});

Deno.test("spawnRaw() makes no greenlet: nobody is current in it, and nobody spawned what it spawns", async () => {
  const seen = new AsyncResult<unknown[]>();
  spawnRaw(async () => {
    const child: Greenlet<unknown> = spawn(() => child.spawner);
    seen.set([getCurrent(), child.spawner, await child.get()]);
  });
  assertEquals(await seen.get(), [undefined, undefined, undefined]);
});

Deno.test("spawnRaw() counts among the greenlets of the hub until it ends", async () => {
  const gate = new Event();
  const { greenlets } = getHub().stats();
  spawnRaw(() => gate.wait());
  await sleep();
  assertEquals(getHub().stats().greenlets, greenlets + 1);
  gate.set();
  await sleep();
  assertEquals(getHub().stats().greenlets, greenlets);
});

Deno.test("spawnRaw() throws TypeError with the value for a non-function, and spawns nothing", () => {
  const { greenlets, runnable } = getHub().stats();
  assertThrows(() => spawnRaw({} as never), TypeError, "received [object Object]");
  assert(getHub().stats().greenlets === greenlets && getHub().stats().runnable === runnable);
});
