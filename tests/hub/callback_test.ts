import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { getCurrent, getHub, sleep, spawn } from "@verdant/green";
import { Callback, WaitList } from "../../hub/mod.ts";
import { captureErrors } from "../helpers.ts";

function makeCallback<A extends unknown[]>(fn: (...args: A) => void, ...args: A): Callback<A> {
  return new Callback(getHub(), fn, fn, args);
}

Deno.test("Callback runs once, however often it is queued", async () => {
  const log: string[] = [];
  const callback = makeCallback((word: string) => log.push(word), "ran");
  assert(callback.pending);
  callback.wake();
  callback.wake();
  await sleep();
  assertEquals([log, callback.pending], [["ran"], false]);
});

Deno.test("Callback.cancel() takes it out of the list it waits in, and may be repeated", () => {
  const list = new WaitList("join", {});
  const callback = makeCallback(() => {});
  callback.waitIn(list);
  assertEquals(list.size, 1);
  callback.cancel();
  callback.cancel();
  assertEquals([list.size, callback.pending], [0, false]);
});

Deno.test("Callback.cancel() also stops one that is queued, and harms no later entry of its list", async () => {
  const log: string[] = [];
  const list = new WaitList("join", {});
  const callback = makeCallback(() => log.push("never"));
  callback.waitIn(list);
  list.wakeAll(true);
  const next = makeCallback(() => log.push("next"));
  next.waitIn(list);
  callback.cancel(); // the list has forgotten it
  assertEquals(list.size, 1);
  list.wakeAll(true);
  await sleep();
  assertEquals(log, ["next"]);
});

Deno.test("Callback takes an error of its list for a call like any other", async () => {
  const log: unknown[] = [];
  const list = new WaitList("join", {});
  makeCallback((word: string) => log.push(word), "told").waitIn(list);
  list.failAll(() => new Error("the source failed"));
  await sleep();
  assertEquals(log, ["told"]);
});

Deno.test("Callback runs outside greenlets, whoever made it, and may spawn", async () => {
  const seen: unknown[] = [];
  const greenlet = spawn(async () => {
    const own = getCurrent();
    getHub().runCallback(() => {
      seen.push(getCurrent());
      seen.push(spawn(() => {}).spawner);
    });
    await sleep();
    return own !== undefined && getCurrent() === own;
  });
  assertEquals(await greenlet.get(), true);
  assertEquals(seen, [undefined, undefined]);
});

Deno.test("Callback that throws is reported with its context, and waiting is possible again", async () => {
  const hub = getHub();
  const { onError } = hub;
  const seen: unknown[] = [];
  hub.onError = (context, error) => seen.push(context, error);
  const failure = new Error("link is broken");
  const context = { label: "the server" };
  const fn = () => {
    throw failure;
  };
  try {
    hub.enqueue(new Callback(hub, context, fn, []));
    await sleep();
  } finally {
    hub.onError = onError;
  }
  assertStrictEquals(seen[0], context);
  assertStrictEquals(seen[1], failure);
  assertFalse(hub.inCallback);
});

Deno.test("Callback that throws does not keep the next from running", async () => {
  using errors = captureErrors();
  const log: number[] = [];
  for (const n of [1, 2, 3]) {
    getHub().runCallback(() => {
      log.push(n);
      if (n === 2) throw new Error("second");
    });
  }
  await sleep();
  assertEquals([log, errors.seen.length], [[1, 2, 3], 1]);
});
