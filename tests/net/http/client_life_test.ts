/** How long a call of `HttpClient` and the body of its answer live. */
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  AsyncResult,
  getHub,
  GreenletExit,
  type HttpResponse,
  sleep,
  spawn,
  Timeout,
  until,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdle, bytes, calm, eventually } from "../network.ts";
import { Program } from "../program.ts";
import {
  assertUnused,
  errorOf,
  HEAD_OF_TEN,
  MINUTE,
  minutePasses,
  once,
  RawServer,
  serveHttp,
} from "./client_servers.ts";

Deno.test("HttpClient whose greenlet ends in another way than to return frees what it did not read", async () => {
  using errors = captureErrors();
  await using server = new RawServer((to) => to.send(`${HEAD_OF_TEN}first`));
  using client = once({ baseUrl: server.origin, maxPerHost: 1 });
  const failure = new Error("did not like the headers");
  let response: HttpResponse | undefined;
  const failing = spawn(async () => {
    response = await client.get("/");
    throw failure;
  });
  await failing.join();
  assertEquals(errors.seen, [failure]);
  await calm();
  assertUnused(client);
  await server.left();
  await assertRejects(() => response!.text());

  const sleeping = spawn(async () => {
    response = await client.get("/");
    await sleep(MINUTE);
  });
  await eventually(() => client.active === 1 && server.heads.length === 2);
  await calm();
  await sleeping.kill();
  assertUnused(client);
  await server.left();
  assertIdle();
});

Deno.test("HttpClient whose greenlet returned a response lets others read it", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once();
  const response = await spawn(() => client.get(server.origin)).get();
  await calm();
  assertEquals([client.active, await response.text(), client.active], [1, "hello", 0]);
});

Deno.test("HttpClient whose greenlet sends a stream and is killed ends the stream and the connection", async () => {
  for (const inLine of [false, true]) {
    await using server = new RawServer(() => {});
    using client = once({ maxPerHost: 1, baseUrl: server.origin });
    const before = inLine ? spawn(() => client.get("/")) : undefined;
    if (inLine) await server.asked();
    const cancelled = new AsyncResult<unknown>();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes("begun ")),
      cancel: (reason) => cancelled.set(reason),
    });
    const greenlet = spawn(() => client.post("/", body));
    if (inLine) await eventually(() => client.waiting === 1);
    else await server.asked();
    await greenlet.kill();
    assertInstanceOf(greenlet.value as unknown, GreenletExit);
    await cancelled.get({ timeout: 5_000 });
    await before?.kill();
    await server.left();
    assertUnused(client);
  }
});

Deno.test("HttpClient limits the body by the timeout of the call even if nobody is reading", async () => {
  await using server = new RawServer((to) => to.send(`${HEAD_OF_TEN}first`));
  using client = once({ baseUrl: server.origin });
  const response = await client.get("/", { timeout: MINUTE });
  assertEquals([client.active, getHub().stats().timers], [1, 1]);
  minutePasses();
  assertUnused(client);
  await server.left();
  const error = await assertRejects(() => response.text(), Timeout);
  assertEquals(error.message, `Timed out after 60000 ms: reading the answer to GET ${server.origin}/`);
});

Deno.test("HttpClient does not keep a process alive for a body that nobody reads", async () => {
  await using server = new RawServer((to) => to.send(`${HEAD_OF_TEN}first`));
  await using program = Program.evaluate(`
    import { HttpClient } from "@verdant/green";
    const client = new HttpClient();
    console.log((await client.get("${server.origin}", { timeout: ${10 * MINUTE} })).status);
  `);
  assertEquals(await until(program.readAll()), ["200"]);
  assertEquals([(await until(program.status)).success, await until(program.errors)], [true, ""]);
});

Deno.test("HttpClient has a timeout for all calls, which a call can change", async () => {
  await using server = new RawServer(() => {});
  using client = once({ baseUrl: server.origin, timeout: MINUTE });
  const timers = () => getHub().stats().timers;
  const call = spawn(() => errorOf(client.get("/")));
  await server.asked();
  assertEquals(timers(), 1);
  minutePasses();
  assertEquals(
    String(await call.get()),
    `Timeout: Timed out after 60000 ms: waiting for the answer to GET ${server.origin}/`,
  );
  const unlimited = spawn(() => client.get("/", { timeout: Infinity }));
  await server.asked(2);
  assertEquals(timers(), 0);
  await unlimited.kill();
});

Deno.test("HttpClient whose body was read leaves no timer, listener or link", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once({ timeout: MINUTE });
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = function (...args: Parameters<typeof addEventListener>) {
    listeners++;
    addEventListener.apply(this, args);
  };
  signal.removeEventListener = function (...args: Parameters<typeof removeEventListener>) {
    listeners--;
    removeEventListener.apply(this, args);
  };
  const read = new AsyncResult<void>();
  const greenlet = spawn(async () => {
    await (await client.get(server.origin, { signal })).text();
    read.set();
    await sleep(MINUTE);
  });
  await read.get();
  assertEquals([greenlet.links?.size ?? 0, listeners, getHub().stats().timers], [0, 0, 1]); // its sleep
  await greenlet.kill();
});
