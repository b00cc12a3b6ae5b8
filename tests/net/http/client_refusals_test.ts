/** What `HttpClient` refuses at the call, and what it says of an answer that does not come. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  AsyncResult,
  BlockingSwitchOutError,
  getCurrent,
  getHub,
  GreenletExit,
  HttpClient,
  type HttpClientOptions,
  type HttpRequestInit,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { assertIdle, deadPort } from "../network.ts";
import { assertUnused, errorOf, once, RawServer, reply } from "./client_servers.ts";

Deno.test("HttpClient refuses bad options at the call, with their value", () => {
  const creating: [HttpClientOptions, typeof RangeError | typeof TypeError, string][] = [
    [{ maxPerHost: 0 }, RangeError, "maxPerHost must be a positive integer or Infinity, received 0"],
    [{ maxPerHost: 1.5 }, RangeError, "received 1.5"],
    [{ timeout: -1 }, RangeError, "timeout must be 0 or more milliseconds, received -1"],
    [{ timeout: 0 }, RangeError, "timeout must be more than 0 ms, received 0"],
    [{ timeout: "1" as never }, TypeError, "received 1"],
    [{ tryTimeout: NaN }, RangeError, "tryTimeout must be 0 or more milliseconds, received NaN"],
    [{ tryTimeout: 0 }, RangeError, "tryTimeout must be more than 0 ms, received 0"],
    [{ retries: -1 }, RangeError, "retries must be a non-negative integer, received -1"],
    [{ retries: Infinity }, RangeError, "received Infinity"],
    [{ backoff: { initial: -1 } }, RangeError, "backoff.initial must be 0 or more milliseconds, received -1"],
    [{ backoff: { factor: 0.5 } }, RangeError, "backoff.factor must be 1 or more and finite, received 0.5"],
    [{ backoff: { factor: Infinity } }, RangeError, "received Infinity"],
    [{ backoff: { max: NaN } }, RangeError, "backoff.max must be 0 or more milliseconds, received NaN"],
    [{ backoff: { jitter: 2 } }, RangeError, "backoff.jitter must be from 0 to 1, received 2"],
    [{ backoff: { maxRetryAfter: -5 } }, RangeError, "backoff.maxRetryAfter must be 0 or more"],
    [{ retryOn: [200] }, RangeError, "retryOn must name statuses of 400 or more, received 200"],
    [{ retryOn: 503 as never }, TypeError, "retryOn must be a function, received 503"],
    [{ maxRedirects: -1 }, RangeError, "maxRedirects must be a non-negative integer, received -1"],
    [{ retryMethods: "GET" as never }, TypeError, 'retryMethods must be an array of methods, received "GET"'],
  ];
  const made: [HttpClientOptions, string][] = [
    [{ baseUrl: "nowhere" }, 'baseUrl must be an absolute address of http: or https:, received "nowhere"'],
    [{ baseUrl: "file:///tmp/" }, 'received "file:///tmp/"'],
    [{ headers: { "a b": "c" } }, "a b"],
    [{ cert: "cert" }, "Cannot create HTTP client: cert and key must be given together"],
  ];
  for (const [options, Class, message] of creating) {
    assertThrows(() => new HttpClient(options), Class, message);
  }
  for (const [options, message] of made) assertThrows(() => new HttpClient(options), TypeError, message);
  using client = new HttpClient();
  for (const [options, Class, message] of creating) {
    if (options.maxPerHost !== undefined || options.timeout === 0) continue;
    assertThrows(() => void client.get("http://127.0.0.1/", options as HttpRequestInit), Class, message);
  }
  assertUnused(client);
  assertIdle();
});

Deno.test("HttpClient.fetch() refuses what makes no sense at the call, and asks nobody", () => {
  using client = new HttpClient();
  using based = new HttpClient({ baseUrl: "http://127.0.0.1/" });
  const url = "http://127.0.0.1/";
  const refused: [() => unknown, string][] = [
    [() => client.get("nowhere"), 'URL must be an absolute address of http: or https:, received "nowhere"'],
    [() => client.get("file:///etc/passwd"), 'received "file:///etc/passwd"'],
    [() => based.get("data:,x"), 'or relative to http://127.0.0.1/, received "data:,x"'],
    [() => client.get(undefined as never), 'received "undefined"'],
    [
      () => client.fetch(url, { method: "a b" }),
      'method must be a token other than CONNECT, TRACE and TRACK, received "a b"',
    ],
    [() => client.fetch(url, { method: "trace" }), 'received "trace"'],
    [() => client.fetch(url, { method: 5 as never }), "received 5"],
    [() => client.fetch(url, { body: "x" }), "a GET request has no body, received a string"],
    [() => client.head(url, { body: new Blob([]) }), "a HEAD request has no body, received a Blob"],
    [() => client.get(url, { headers: { "a b": "c" } }), "a b"],
    [
      () => client.get(url, { redirect: "maybe" as never }),
      'redirect must be "follow", "manual" or "error", received "maybe"',
    ],
  ];
  for (const [call, message] of refused) assertThrows(call, TypeError, message);
  const locked = new Blob(["x"]).stream();
  locked.getReader();
  assertThrows(
    () => void client.post(url, locked),
    TypeError,
    "Cannot fetch: the body is being read already",
  );
  assertUnused(client);
  assertIdle();
});

Deno.test("HttpClient.fetch() throws at the call in a callback of the hub", async () => {
  using client = new HttpClient();
  const names: string[] = [];
  getHub().runCallback(() => {
    names.push(assertThrows(() => void client.get("http://127.0.0.1/"), BlockingSwitchOutError).name);
  });
  await sleep();
  assertEquals([names.length, client.active], [1, 0]);
});

Deno.test("HttpClient.fetch() with a timeout of 0, an aborted signal or a kill that is due asks nobody", async () => {
  await using server = new RawServer((to) => to.send(reply("hello")));
  using client = once();
  await assertRejects(() => client.get(server.origin, { timeout: 0 }), Timeout, `GET ${server.origin}/`);
  const reason = new Error("no");
  const signal = AbortSignal.abort(reason);
  assertStrictEquals(await errorOf(client.get(server.origin, { signal })), reason);
  assertStrictEquals(await errorOf(client.fetch(new Request(server.origin, { signal }))), reason);
  const greenlet = spawn(async () => {
    void getCurrent()!.kill("enough", { block: false });
    await client.get(server.origin);
  });
  await greenlet.join();
  assertInstanceOf(greenlet.value as unknown, GreenletExit);
  assertEquals([server.opened, client.active], [0, 0]);
  for (const init of [{ timeout: 0 }, { signal }]) {
    const cancelled = new AsyncResult<unknown>();
    const body = new ReadableStream({ cancel: (why) => cancelled.set(why) });
    const error = await errorOf(client.post(server.origin, body, init));
    assertStrictEquals(await cancelled.get({ timeout: 5_000 }), error);
  }
  const unbound = await client.fetch(new Request(server.origin, { signal }), { signal: null });
  assertEquals(await unbound.text(), "hello");
});

Deno.test("HttpClient.fetch() says where and why there is no answer, but no password", async () => {
  using client = once();
  const port = deadPort();
  const error = await assertRejects(
    () => client.get(`http://user:secret@127.0.0.1:${port}/x?y`),
    TypeError,
    `Cannot fetch http://127.0.0.1:${port}/x?y: `,
  );
  assertStringIncludes(error.message, "refused");
  assert(!error.message.includes("secret"));
  assert(error.cause instanceof Error && !error.cause.message.includes("secret"));
  const limit = await errorOf(client.get("http://user:secret@127.0.0.1/", { timeout: 0 }));
  assert(!String(limit).includes("secret"));
});
