import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { getHub, sleep, Timeout, withTimeout } from "@verdant/green";

Deno.test("withTimeout() stops the work at its wait and throws the Timeout", async () => {
  const log: string[] = [];
  const limit = new Timeout(1);
  const caught = await withTimeout(limit, async () => {
    try {
      await sleep(60_000);
    } finally {
      log.push("cleaned up");
    }
  }).catch((error) => error);
  assertStrictEquals(caught, limit);
  assertEquals([log, getHub().stats().timers], [["cleaned up"], 0]);
});

Deno.test("withTimeout() returns its value, or undefined for a silent Timeout", async () => {
  assertEquals(await withTimeout(1, () => sleep(60_000), { value: "default" }), "default");
  assertEquals(await withTimeout(1, () => sleep(60_000), { value: undefined }), undefined);
  assertEquals(await withTimeout(new Timeout(1, { silent: true }), () => sleep(60_000)), undefined);
});

Deno.test("withTimeout() with a value lets a foreign Timeout and other errors pass", async () => {
  const outer = Timeout.start(1);
  const caught = await withTimeout(60_000, () => sleep(60_000), { value: "no" }).catch((error) => error);
  assertStrictEquals(caught, outer);
  await assertRejects(
    () => withTimeout(60_000, () => Promise.reject(new Error("own")), { value: "no" }),
    Error,
    "own",
  );
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("withTimeout() of null is no limit, of 0 ends at the first wait that lasts", async () => {
  assertEquals(await withTimeout(null, async () => (await sleep(1), "done")), "done");
  assertEquals(await withTimeout(0, () => "at once"), "at once");
  assertEquals(await withTimeout(0, () => sleep(60_000), { value: "over" }), "over");
});

Deno.test("withTimeout() throws at the call for a pending Timeout", () => {
  using pending = Timeout.start(60_000);
  assertThrows(() => withTimeout(pending, () => {}), Error, "pending");
  assert(pending.pending);
});

Deno.test("withTimeout() inside another: the outer limit passes through the inner one", async () => {
  const log: string[] = [];
  const result = await withTimeout(1, async () => {
    await withTimeout(60_000, () => sleep(60_000), { value: "inner" });
    log.push("never");
  }, { value: "outer" });
  assertEquals([result, log], ["outer", []]);
});
