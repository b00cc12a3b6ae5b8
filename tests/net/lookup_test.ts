import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { getHub, lookup, sleep, spawn, Timeout } from "@verdant/green";
import { FakeLookup } from "./fake_lookup.ts";
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
  assertEquals(await lookup("[2001:db8::7]"), [{ address: "2001:db8::7", family: 6 }]);
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

Deno.test("lookup() returns all addresses in the order of the system", async () => {
  using system = new FakeLookup();
  const looking = lookup("example.com");
  assertEquals(system.asked, ["example.com"]);
  system.answer("2001:db8::1", "192.0.2.1", "2001:db8::2");
  assertEquals(await looking, [
    { address: "2001:db8::1", family: 6 },
    { address: "192.0.2.1", family: 4 },
    { address: "2001:db8::2", family: 6 },
  ]);
});

Deno.test("lookup() passes on what keeps the system from answering", async () => {
  using system = new FakeLookup();
  const looking = lookup("example.com");
  system.fail("EAI_AGAIN");
  const error = await assertRejects(() => looking, Error, "EAI_AGAIN");
  assertEquals(error instanceof Deno.errors.NotFound, false);
});

Deno.test("lookup() that is killed ends at once; its answer goes nowhere", async () => {
  for (const answer of ["192.0.2.1", undefined]) {
    using system = new FakeLookup();
    const victim = spawn(() => lookup("example.com"));
    await sleep();
    assertEquals(victim.waits?.source.what, "the addresses of example.com");
    await victim.kill();
    assertIdle();
    if (answer === undefined) system.fail("ENOTFOUND");
    else system.answer(answer);
    await sleep();
    assertIdle();
  }
});

Deno.test("lookup() limits its wait as it is told", async () => {
  const error = await assertRejects(() => lookup("localhost", { timeout: 0 }), Timeout);
  assertEquals(error.message, "Timed out after 0 ms: waiting for the addresses of localhost");
  const reason = new Error("enough");
  const aborted = lookup("localhost", { signal: AbortSignal.abort(reason) });
  assertStrictEquals(await aborted.catch((error) => error), reason);
  assertEquals(getHub().stats().foreignWaits, 0);
});
