import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { getHub, lookup, sleep, spawn, Timeout } from "@verdant/green";
import { assertIdle } from "./network.ts";

Deno.test("lookup() finds this machine", async () => {
  const found = await lookup("localhost");
  assert(found.length > 0);
  for (const { address, family } of found) {
    assert(["127.0.0.1", "::1"].includes(address), `${address} ${family}`);
  }
  assertIdle();
});

Deno.test("lookup() returns an address as it is", async () => {
  assertEquals(await lookup("192.0.2.7"), [{ address: "192.0.2.7", family: 4 }]);
  assertEquals(await lookup("2001:db8::7"), [{ address: "2001:db8::7", family: 6 }]);
});

Deno.test("lookup() of one family leaves the other out", async () => {
  assertEquals((await lookup("localhost", { family: 4 })).map(({ family }) => family).includes(6), false);
  const error = await assertRejects(() => lookup("127.0.0.1", { family: 6 }), Deno.errors.NotFound);
  assertEquals(error.message, "Cannot look up host: 127.0.0.1 has no IPv6 address");
});

Deno.test("lookup() of a host that is not there throws NotFound and names it", async () => {
  const error = await assertRejects(() => lookup("no-such-host.invalid"), Deno.errors.NotFound);
  assertEquals(error.message, "Cannot look up host: there is no no-such-host.invalid");
  assert(error.cause instanceof Error);
});

Deno.test("lookup() lets the others run", async () => {
  let othersRan = false;
  spawn(() => othersRan = true);
  await lookup("localhost");
  assertEquals(othersRan, true);
});

Deno.test("lookup() that is killed ends at once; its answer goes nowhere", async () => {
  const victim = spawn(() => lookup("localhost"));
  await sleep();
  assertEquals(victim.waits?.source.what, "the addresses of localhost");
  await victim.kill();
  assertIdle();
  await lookup("localhost"); // the answer for the victim has come by now
});

Deno.test("lookup() limits its wait as it is told", async () => {
  const error = await assertRejects(() => lookup("localhost", { timeout: 0 }), Timeout);
  assertEquals(error.message, "Timed out after 0 ms: waiting for the addresses of localhost");
  const reason = new Error("enough");
  const aborted = lookup("localhost", { signal: AbortSignal.abort(reason) });
  assertStrictEquals(await aborted.catch((error) => error), reason);
  assertEquals(getHub().stats().foreignWaits, 0);
});
