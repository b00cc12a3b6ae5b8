/** The `tryTimeout` option of `HttpClient`, and ends that are none of a try. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { getHub, HttpClient, type HttpResponse, spawn, Timeout, withTimeout } from "@verdant/green";
import { assertIdle, calm, eventually } from "../network.ts";
import {
  assertUnused,
  errorOf,
  HEAD_OF_TEN,
  MINUTE,
  minutePasses,
  once,
  RawServer,
  SlowServer,
} from "./client_servers.ts";

Deno.test("HttpClient limits each try by tryTimeout, and tries again", async () => {
  await using server = new RawServer(async (to, head) => {
    if (head.includes("/never") || server.heads.length < 3) return;
    await to.send(`${HEAD_OF_TEN}first`);
  });
  using client = new HttpClient({ tryTimeout: MINUTE, backoff: { initial: 0 }, baseUrl: server.origin });
  const call = spawn(() => client.get("/"));
  for (const tries of [1, 2]) {
    await server.asked(tries);
    await eventually(() => server.open === 1); // that of the try before is gone
    minutePasses();
    await eventually(() => server.heads.length > tries);
  }
  await call.join();
  minutePasses(); // it is no limit for the body
  await calm();
  await eventually(() => server.open === 1);
  assertEquals([client.active, getHub().stats().timers], [1, 0]);
  (call.value as HttpResponse).discard();
  await server.left();

  const never = spawn(() => errorOf(client.get("/never", { retries: 1, timeout: 10 * MINUTE })));
  for (const tries of [4, 5]) {
    await server.asked(tries);
    minutePasses();
  }
  const error = await never.get();
  assert(error instanceof Timeout);
  assertEquals(
    error.message,
    `Timed out after 60000 ms: waiting for the answer to GET ${server.origin}/never`,
  );
  const posting = spawn(() => errorOf(client.post("/never")));
  await server.asked(6);
  minutePasses();
  assert(await posting.get() instanceof Timeout);
  assertUnused(client);
  await server.left();
  assertIdle();
});

Deno.test("HttpClient with tryTimeout counts no time that is spent in line", async () => {
  await using server = new SlowServer();
  using client = once({ tryTimeout: MINUTE, maxPerHost: 1, baseUrl: server.origin });
  const first = await (async () => {
    const call = spawn(() => client.get("/first"));
    await eventually(() => server.pending.size === 1);
    server.letGo("/first");
    return await call.get();
  })();
  const second = spawn(async () => await (await client.get("/second")).text());
  await calm();
  minutePasses();
  await calm();
  assertEquals([client.waiting, second.ready], [1, false]);
  first.discard();
  await eventually(() => server.pending.size === 1);
  server.letGo("/second");
  assertEquals(await second.get(), "/second");
});

Deno.test("HttpClient passes the reason of a signal on as it is, though it looks like a broken connection", async () => {
  await using server = new RawServer(() => {});
  using client = new HttpClient({ backoff: { initial: 0 }, baseUrl: server.origin });
  for (const retries of [0, 2]) {
    const asked = server.heads.length;
    const controller = new AbortController();
    const reason = new TypeError("mine", { cause: new Error("also mine") });
    const call = spawn(() => errorOf(client.get("/", { signal: controller.signal, retries })));
    await server.asked(asked + 1);
    controller.abort(reason);
    assertStrictEquals(await call.get(), reason);
    assertEquals([reason.message, server.heads.length], ["mine", asked + 1]);
  }
  assertUnused(client);
});

Deno.test("HttpClient lets time-outs that are not its own pass its tries", async () => {
  await using server = new RawServer(() => {});
  using client = new HttpClient({ tryTimeout: 10 * MINUTE, backoff: { initial: 0 }, baseUrl: server.origin });
  const outer = new Timeout(MINUTE);
  const call = spawn(() => errorOf(withTimeout(outer, () => client.get("/"))));
  await server.asked();
  minutePasses();
  assertStrictEquals(await call.get(), outer);
  assertEquals(server.heads.length, 1);
  assertUnused(client);
});
