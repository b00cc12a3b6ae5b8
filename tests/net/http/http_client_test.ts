import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  AsyncResult,
  BlockingSwitchOutError,
  explore,
  type FailedTry,
  getCurrent,
  getHub,
  type Greenlet,
  GreenletExit,
  HttpClient,
  type HttpClientOptions,
  type HttpRequestInit,
  HttpResponse,
  isKill,
  joinAll,
  simulate,
  sleep,
  spawn,
  Timeout,
  TooManyRedirectsError,
  until,
  withTimeout,
} from "@verdant/green";
import { type Slot, SlotTable } from "../../../net/http/client_slots.ts";
import { captureErrors, turn } from "../../helpers.ts";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";
import { Program } from "../program.ts";
import { assertIdle, bytes, calm, certificate, deadPort, eventually } from "../network.ts";

// ---- Servers -----------------------------------------------------------------------------------------

/** What a raw server does with a request: `send` writes text as it is, `close` ends the connection. */
type Script = (to: RawClient, head: string) => unknown;

/** A client of a raw server. */
class RawClient {
  constructor(readonly conn: Deno.Conn, readonly index: number) {}

  async send(text: string): Promise<void> {
    for (let left = bytes(text); left.length > 0;) left = left.subarray(await this.conn.write(left));
  }

  close(): void {
    this.conn.close();
  }
}

/** A server of our own words, which sees its sockets. */
class RawServer implements AsyncDisposable {
  /** What it was asked, in that order. */
  readonly heads: string[] = [];
  /** How many connections are open, and how many there have been. */
  open = 0;
  opened = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.Conn>();
  readonly #over: Promise<unknown>[] = [];
  readonly #script: Script;

  constructor(script: Script) {
    this.#script = script;
    this.#over.push(this.#accept());
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Waits until it has been asked so often. */
  async asked(times = 1): Promise<void> {
    await eventually(() => this.heads.length >= times);
  }

  /** Waits until all have gone. */
  async left(): Promise<void> {
    await eventually(() => this.open === 0);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.opened++;
      this.open++;
      this.#conns.add(conn);
      this.#over.push(this.#serve(new RawClient(conn, this.opened)));
    }
  }

  async #serve(client: RawClient): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let text = "";
    try {
      for (
        let count = await client.conn.read(buffer);
        count !== null;
        count = await client.conn.read(buffer)
      ) {
        text += new TextDecoder().decode(buffer.subarray(0, count));
        for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
          const head = text.slice(0, end);
          text = text.slice(end + 4);
          if (head === "0") continue; // the end of an empty stream
          this.heads.push(head);
          await this.#script(client, head);
        }
      }
    } catch {
      // The client or the script has closed it.
    } finally {
      this.open--;
      this.#conns.delete(client.conn);
      try {
        client.close();
      } catch {
        // The script did.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    while (this.#over.length > 0) await this.#over.pop();
  }
}

/** A response, as it is sent. */
function reply(body: string, status = "200 OK", ...headers: string[]): string {
  return [`HTTP/1.1 ${status}`, `content-length: ${body.length}`, ...headers, "", body].join("\r\n");
}

interface HttpTestServer extends AsyncDisposable {
  readonly origin: string;
}

/** A server of the platform. */
function serveHttp(handler: (request: Request) => Response | Promise<Response>): HttpTestServer {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** What a request was, as JSON. */
async function echo(request: Request): Promise<Response> {
  const { method, url, headers } = request;
  const { pathname, search } = new URL(url);
  return Response.json({
    method,
    path: pathname + search,
    headers: [...headers],
    text: await request.text(),
  });
}

/** Its answers wait until they are let go. */
class SlowServer implements AsyncDisposable {
  readonly #server: HttpTestServer;
  /** The paths that were asked for and not answered yet. */
  readonly pending = new Map<string, PromiseWithResolvers<void>>();
  /** The paths that were asked for, in that order. */
  readonly asked: string[] = [];
  most = 0;

  constructor() {
    this.#server = serveHttp(async ({ url }) => {
      const path = new URL(url).pathname;
      const gate = Promise.withResolvers<void>();
      this.pending.set(path, gate);
      this.asked.push(path);
      this.most = Math.max(this.most, this.pending.size);
      await gate.promise;
      this.pending.delete(path);
      return new Response(path);
    });
  }

  get origin(): string {
    return this.#server.origin;
  }

  letGo(path: string): void {
    this.pending.get(path)!.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gate of this.pending.values()) gate.resolve();
    await this.#server[Symbol.asyncDispose]();
  }
}

/** A client that does not try again, unless told so. */
function once(options: HttpClientOptions = {}): HttpClient {
  return new HttpClient({ retries: 0, ...options });
}

/** Time passes: a minute. */
function minutePasses(): void {
  getHub().timers.fireDue(getHub().now() + 60_000);
}
const MINUTE = 60_000;

/** Nothing of a call is left. */
function assertUnused(client: HttpClient): void {
  assertEquals([client.active, client.waiting], [0, 0]);
}

/** What a promise is rejected with. */
function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then((value) => `no error but ${value}`, (error) => error);
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

// ---- Asking ------------------------------------------------------------------------------------------

Deno.test("HttpClient.fetch() gives a Response that knows url, status, type and headers", async () => {
  await using server = serveHttp(() =>
    new Response("hello", {
      status: 201,
      headers: [["x-test", "yes"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]],
    })
  );
  using client = once();
  const response = await client.fetch(`${server.origin}/a?b=c`);
  assertInstanceOf(response, Response);
  assertInstanceOf(response, HttpResponse);
  assertEquals([response.status, response.statusText, response.ok], [201, "Created", true]);
  assertEquals([response.url, response.redirected], [`${server.origin}/a?b=c`, false]);
  assertEquals([response.type, response.headers.get("x-test")], ["basic", "yes"]);
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals([response.bodyUsed, await response.text(), response.bodyUsed], [false, "hello", true]);
  assertUnused(client);
});

Deno.test("HttpClient.get(), head(), delete(), post(), put() and patch() send their method and a body", async () => {
  await using server = serveHttp(echo);
  using client = once({ baseUrl: server.origin });
  const sent = async (asking: Promise<Response>) => {
    const { method, text, path } = await (await asking).json();
    return `${method} ${path} ${text}`;
  };
  assertEquals(await sent(client.get("/a?b")), "GET /a?b ");
  assertEquals(await sent(client.delete("/a")), "DELETE /a ");
  assertEquals(await sent(client.delete("/a", { body: "why" })), "DELETE /a why");
  assertEquals(await sent(client.post("/a", "text")), "POST /a text");
  assertEquals(await sent(client.post("/a")), "POST /a ");
  assertEquals(await sent(client.put("/a", bytes("text"))), "PUT /a text");
  assertEquals(await sent(client.patch("/a", new Blob(["text"]))), "PATCH /a text");
  const head = await client.head("/a");
  assertEquals([head.status, head.body, await head.text()], [200, null, ""]);
  assertEquals(await sent(client.fetch("/a", { method: "put", body: "text" })), "PUT /a text");
  assertUnused(client);
});

Deno.test("HttpClient.fetch() sends every kind of body", async () => {
  await using server = serveHttp(echo);
  using client = once();
  const form = new FormData();
  form.set("a", "1");
  form.set("b", new File(["two"], "b.txt"));
  const view = new DataView(bytes("[view]").buffer, 1, 4);
  const bodies: [body: BodyInit, text: string, type?: string][] = [
    ["text", "text", "text/plain;charset=UTF-8"],
    [bytes("bytes"), "bytes"],
    [bytes("buffer").buffer, "buffer"],
    [view, "view"],
    [new Blob(["blob"], { type: "x/y" }), "blob", "x/y"],
    [new URLSearchParams({ a: "1" }), "a=1", "application/x-www-form-urlencoded;charset=UTF-8"],
    [new Blob(["stream"]).stream(), "stream"],
    [form, 'filename="b.txt"', "multipart/form-data"],
  ];
  for (const [body, text, type] of bodies) {
    const got = await (await client.post(server.origin, body)).json();
    assertStringIncludes(got.text, text);
    assertStringIncludes(new Headers(got.headers).get("content-type") ?? "", type ?? "");
  }
});

Deno.test("HttpClient.fetch() sends a body as it was at the call, however long the call waits in line", async () => {
  await using server = serveHttp(echo);
  using client = once({ maxPerHost: 1 });
  const buffer = bytes("before");
  const bare = bytes("before").buffer;
  const form = new FormData();
  form.set("when", "before");
  const params = new URLSearchParams({ when: "before" });
  const first = await client.get(server.origin);
  const posting = [buffer, bare, form, params].map((body) => client.post(server.origin, body));
  buffer.fill(0);
  new Uint8Array(bare).fill(0);
  form.set("when", "after");
  params.set("when", "after");
  first.discard();
  for (const post of posting) {
    const { text } = await (await post).json();
    assert(text.includes("before") && !text.includes("after"), text);
  }
});

Deno.test("HttpClient.fetch() takes a Request, and what is said beside it comes first", async () => {
  await using server = serveHttp(echo);
  using client = once({ headers: { "x-from": "client", "x-client": "1" } });
  const make = () =>
    new Request(`${server.origin}/r`, { method: "POST", body: "body", headers: { "x-from": "request" } });
  const asIs = await (await client.fetch(make())).json();
  assertEquals([asIs.method, asIs.path, asIs.text], ["POST", "/r", "body"]);
  const headers = new Headers(asIs.headers);
  assertEquals([headers.get("x-from"), headers.get("x-client")], ["request", "1"]);
  assertEquals(headers.get("content-length"), "4"); // not a stream: the platform knows the body
  const init = { method: "PUT", body: "other", headers: { "x-from": "init" } };
  const changed = await (await client.fetch(make(), init)).json();
  assertEquals([changed.method, changed.text, new Headers(changed.headers).get("x-from")], [
    "PUT",
    "other",
    "init",
  ]);
  const used = make();
  await used.text();
  assertThrows(
    () => void client.fetch(used),
    TypeError,
    "Cannot fetch: the body is being read already, or was",
  );
  assertUnused(client);
});

Deno.test("HttpClient.fetch() sends the client's headers, and those of the call before them", async () => {
  await using server = serveHttp(echo);
  using client = once({ headers: new Headers({ "X-A": "client", "x-b": "client" }) });
  const sent = async (headers?: HeadersInit) => {
    const init = headers === undefined ? {} : { headers };
    const got = new Headers((await (await client.get(server.origin, init)).json()).headers);
    return [got.get("x-a"), got.get("x-b"), got.get("x-c")];
  };
  assertEquals(await sent(), ["client", "client", null]);
  assertEquals(await sent({ "x-b": "call", "x-c": "call" }), ["client", "call", "call"]);
  assertEquals(await sent([["X-C", "1"], ["x-c", "2"]]), ["client", "client", "1, 2"]);
  assertEquals(await sent(), ["client", "client", null]);
});

Deno.test("HttpClient.fetch() takes addresses relative to baseUrl", async () => {
  await using server = serveHttp(echo);
  using client = once({ baseUrl: `${server.origin}/v1/` });
  const path = async (address: string | URL) => (await (await client.get(address)).json()).path;
  assertEquals(await path("users"), "/v1/users");
  assertEquals(await path("/users"), "/users");
  assertEquals(await path("?q"), "/v1/?q");
  assertEquals(await path(`${server.origin}/other`), "/other");
  assertEquals(await path(new URL(`${server.origin}/url`)), "/url");
});

Deno.test("HttpClient.fetch() lets the other greenlets run, and knows its own when it is back", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once();
  const log: string[] = [];
  const fetching = spawn(async () => {
    const response = await client.get(server.origin);
    log.push(`${getCurrent() === fetching} ${await response.text()} ${getCurrent() === fetching}`);
  });
  await spawn(() => log.push("other")).join();
  assertEquals(log, ["other"]);
  await fetching.get();
  assertEquals(log, ["other", "true hello true"]);
});

Deno.test("HttpClient.fetch() that nobody awaits rejects quietly", async () => {
  using errors = captureErrors();
  using client = once();
  const greenlet = spawn(async () => {
    void client.get(`http://127.0.0.1:${deadPort()}/`);
    void client.get("http://127.0.0.1/", { timeout: 0 });
    void client.get("http://127.0.0.1/", { signal: AbortSignal.abort(new Error("no")) });
    await eventually(() => client.active === 0);
    return "unharmed";
  });
  assertEquals([await greenlet.get(), errors.seen], ["unharmed", []]);
  await turn(); // an unhandled rejection would have failed the test by now
});

Deno.test("HttpClient keeps connections open for the next request", async () => {
  await using server = new RawServer((to) => to.send(reply("hello")));
  using client = once();
  for (let i = 0; i < 5; i++) assertEquals(await (await client.get(server.origin)).text(), "hello");
  assertEquals([server.heads.length, server.opened], [5, 1]);
  client.close();
  await server.left();
});

Deno.test("HttpClient trusts the certificates it is given, and speaks to servers that others do not trust", async () => {
  const { cert, key } = await certificate();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    () => new Response("secret"),
  );
  const url = `https://localhost:${server.addr.port}/`;
  using client = once({ caCerts: [cert] });
  assertEquals(await (await client.get(url)).text(), "secret");
  using stranger = once();
  const error = await assertRejects(() => stranger.get(url), TypeError, `Cannot fetch ${url}: `);
  assertStringIncludes(error.message, "certificate");
  assertUnused(stranger);
});

Deno.test("HttpClient goes through a proxy", async () => {
  await using proxy = new RawServer((to) => to.send(reply("from the proxy")));
  using client = once({ proxy: { url: proxy.origin } });
  assertEquals(await (await client.get("http://example.invalid/page")).text(), "from the proxy");
  assertStringIncludes(proxy.heads[0]!, "GET http://example.invalid/page HTTP/1.1");
});

// ---- Errors at the call ------------------------------------------------------------------------------

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

// ---- One at a time -----------------------------------------------------------------------------------

Deno.test("HttpClient sends maxPerHost requests at a time, the others in the order of their calls", async () => {
  await using server = new SlowServer();
  using client = once({ baseUrl: server.origin, maxPerHost: 2 });
  const paths = ["/1", "/2", "/3", "/4", "/5"];
  const calls = paths.map((path) => spawn(async () => await (await client.get(path)).text()));
  await eventually(() => server.pending.size === 2);
  await calm();
  assertEquals([client.active, client.waiting, server.asked.toSorted()], [2, 3, ["/1", "/2"]]);
  for (const [gone, next] of [["/2", "/3"], ["/1", "/4"], ["/3", "/5"]] as const) {
    server.letGo(gone);
    await eventually(() => server.pending.has(next));
  }
  assertEquals([client.active, client.waiting], [2, 0]);
  server.letGo("/4");
  server.letGo("/5");
  assertEquals((await joinAll(calls)).length, 5);
  assertEquals([calls.map((call) => call.value), server.most], [paths, 2]);
  assertUnused(client);
});

Deno.test("HttpClient counts each origin by itself", async () => {
  await using one = new SlowServer();
  await using other = new SlowServer();
  using client = once({ maxPerHost: 1 });
  const calls = [one, one, other].map(({ origin }, index) => spawn(() => client.get(`${origin}/${index}`)));
  await eventually(() => one.pending.size + other.pending.size === 2);
  assertEquals([[...one.pending.keys()], [...other.pending.keys()]], [["/0"], ["/2"]]);
  assertEquals([client.active, client.waiting], [2, 1]);
  for (const call of calls) await call.kill();
  assertUnused(client);
});

Deno.test("HttpClient holds a slot until the body is read, cancelled or disposed of", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once({ maxPerHost: 1, baseUrl: server.origin });
  const ends: Record<string, (response: HttpResponse) => unknown> = {
    text: (response) => response.text(),
    json: (response) => assertRejects(() => response.json(), SyntaxError),
    bytes: (response) => response.bytes(),
    arrayBuffer: (response) => response.arrayBuffer(),
    blob: (response) => response.blob(),
    formData: (response) => assertRejects(() => response.formData(), TypeError),
    iteration: async (response) => {
      for await (const _chunk of response.body!);
    },
    "iteration left": async (response) => {
      for await (const _chunk of response.body!) break;
    },
    cancel: (response) => response.body!.cancel(),
    discard: (response) => response.discard(),
    dispose: (response) => response[Symbol.dispose](),
    clone: async (response) => {
      const copy = response.clone();
      assertEquals([await copy.text(), await response.text()], ["hello", "hello"]);
    },
  };
  for (const [name, end] of Object.entries(ends)) {
    const response = await client.get("/");
    const next = spawn(() => client.head("/"));
    await calm();
    assertEquals([client.active, client.waiting, next.ready], [1, 1, false], name);
    await end(response);
    assertEquals((await next.get()).status, 200, name);
    assertUnused(client);
  }
  {
    using _response = await client.get("/");
    assertEquals(client.active, 1);
  }
  assertUnused(client);
});

Deno.test("HttpClient holds no slot for an answer without a body", async () => {
  const answers: Record<string, string> = {
    "/empty": reply(""),
    "/204": "HTTP/1.1 204 No Content\r\n\r\n",
    "/304": "HTTP/1.1 304 Not Modified\r\n\r\n",
  };
  await using server = new RawServer((to, head) => to.send(answers[/ (\S+) /.exec(head)![1]!] ?? reply("")));
  using client = once({ maxPerHost: 1, baseUrl: server.origin });
  const responses = [await client.head("/head")];
  for (const path of Object.keys(answers)) responses.push(await client.get(path));
  assertUnused(client);
  assertEquals(await Promise.all(responses.map((response) => response.text())), ["", "", "", ""]);
  for (const response of responses) assertEquals([response.body, response.discard()], [null, undefined]);
  assertEquals(server.opened, 1);
});

Deno.test("HttpClient forgets those who wait in line and are killed, timed out or aborted", async () => {
  await using server = new SlowServer();
  using client = once({ baseUrl: server.origin, maxPerHost: 1 });
  const first = spawn(() => client.get("/first"));
  await eventually(() => server.pending.size === 1);
  const limit = new Timeout(MINUTE);
  const controller = new AbortController();
  const killed = spawn(() => client.get("/killed"));
  const late = spawn(() => errorOf(client.get("/late", { timeout: MINUTE })));
  const limited = spawn(() => errorOf(client.get("/limited", { timeout: limit })));
  const block = spawn(() => withTimeout(MINUTE, () => client.get("/block"), { value: "too late" }));
  const aborted = spawn(() => errorOf(client.get("/aborted", { signal: controller.signal })));
  const patient = spawn(async () => await (await client.get("/patient")).text());
  await calm();
  assertEquals([client.active, client.waiting], [1, 6]);
  await killed.kill();
  assert(String(killed.value).includes(`turn at ${server.origin}`), String(killed.value));
  controller.abort("changed my mind");
  assertEquals(await aborted.get(), "changed my mind");
  minutePasses();
  assertEquals(
    String(await late.get()),
    `Timeout: Timed out after 60000 ms: waiting for a turn at ${server.origin}`,
  );
  assertStrictEquals(await limited.get(), limit);
  assertEquals(await block.get(), "too late");
  assertEquals([client.active, client.waiting], [1, 1]);
  server.letGo("/first");
  (await first.get()).discard();
  await eventually(() => server.pending.has("/patient"));
  server.letGo("/patient");
  assertEquals([await patient.get(), server.asked], ["/patient", ["/first", "/patient"]]);
  assertUnused(client);
});

Deno.test("HttpClient remembers neither calls that are over nor their origins", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once();
  const call = async () => {
    const { signal } = new AbortController(); // held by the call
    await (await client.get(server.origin, { signal })).text();
    return new WeakRef(signal);
  };
  const signals = await Promise.all([call(), call()]);
  await eventually(() => {
    collectGarbage();
    return signals.every((signal) => signal.deref() === undefined);
  });
  const slots = new SlotTable(1, {});
  const first = slots.tryTake("here")!;
  first.give();
  assert(slots.tryTake("here") !== first);
});

Deno.test("HttpClient frees the slot of a response that is collected as garbage", async () => {
  await using server = new RawServer((to) =>
    to.send(reply("hello", "200 OK", "content-length: 10").replace("content-length: 5\r\n", ""))
  );
  using client = once({ maxPerHost: 1, baseUrl: server.origin });
  await spawn(async () => {
    assertEquals((await client.get("/")).status, 200);
  }).get();
  assertEquals(client.active, 1);
  const next = spawn(async () => void (await client.get("/")).discard());
  await eventually(() => {
    collectGarbage();
    return next.ready;
  });
  assertEquals([next.successful, server.heads.length], [true, 2]);
  assertUnused(client);
  await server.left();
});

Deno.test("HttpClient keeps reading a body whose response nobody holds any more", async () => {
  for (const read of [(r: Response) => r.text(), (r: Response) => new Response(r.body).text()]) {
    const gate = Promise.withResolvers<void>();
    await using server = new RawServer(async (to) => {
      await to.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst");
      await gate.promise;
      await to.send(" last");
    });
    using client = once();
    const reading = client.get(server.origin).then(read);
    await eventually(() => client.active === 1 && server.heads.length === 1);
    for (let i = 0; i < 5; i++) {
      await sleep(1);
      collectGarbage();
    }
    gate.resolve();
    assertEquals(await reading, "first last");
    assertUnused(client);
  }
});

Deno.test("HttpClient explored: no more slots than there are, none lost, whoever is killed or timed out", async () => {
  const report = await explore(async () => {
    const slots = new SlotTable(2, {});
    let inside = 0;
    const use = async (signal: AbortSignal) => {
      let slot: Slot | undefined;
      try {
        slot = await slots.take("here", signal);
        assert(++inside <= 2);
        await sleep();
      } finally {
        if (slot !== undefined) {
          inside--;
          slot.give();
        }
      }
    };
    const never = new AbortController().signal;
    const controller = new AbortController();
    const users = [never, never, never, controller.signal].map((signal) =>
      spawn(() =>
        use(signal).catch((error) => assert(isKill(error) || error === "abort" || error instanceof Timeout))
      )
    );
    await sleep();
    controller.abort("abort");
    await joinAll(users);
    assertEquals([slots.active, slots.waiting], [0, 0]);
  }, { runs: 300, inject: ["kill", "timeout"], victims: (greenlet: Greenlet) => greenlet.label !== "body" });
  assertEquals(report.runs, 300);
});

// ---- Ends at any moment --------------------------------------------------------------------------------

const HEAD_OF_TEN = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/** Where a server says no more. `body`: the head of the answer is complete. */
const phases: Record<string, { readonly said: string; readonly body: boolean }> = {
  "nothing was said": { said: "", body: false },
  "half the head": { said: "HTTP/1.1 200 OK\r\ncontent-le", body: false },
  "the head": { said: HEAD_OF_TEN, body: true },
  "half the body": { said: `${HEAD_OF_TEN}first`, body: true },
  "half a chunk": { said: `${CHUNKED}a\r\nfirst`, body: true },
};

/** How a call is ended, with `outcome` of its greenlet; `limited` is what the greenlet runs. */
interface Ending {
  readonly init?: HttpRequestInit;
  readonly around?: (work: () => Promise<unknown>) => Promise<unknown>;
  strike(greenlet: Greenlet, client: HttpClient): unknown;
  check(greenlet: Greenlet): void;
}

const endings: Record<string, () => Ending> = {
  "a kill": () => ({
    strike: (greenlet) => greenlet.kill(),
    check: (greenlet) => assertInstanceOf(greenlet.value, GreenletExit),
  }),
  "its timeout": () => ({
    init: { timeout: MINUTE },
    strike: minutePasses,
    check: ({ error }) =>
      assert(error instanceof Timeout && error.message.includes("GET http"), String(error)),
  }),
  "its timeout, a Duration": () => ({
    init: { timeout: Temporal.Duration.from({ minutes: 1 }) },
    strike: minutePasses,
    check: ({ error }) =>
      assert(error instanceof Timeout && error.message.includes("60000 ms"), String(error)),
  }),
  "its timeout, a Timeout": () => {
    const timeout = new Timeout(MINUTE);
    return {
      init: { timeout },
      strike: minutePasses,
      check: ({ error }) => assertStrictEquals(error, timeout),
    };
  },
  "its timeout, a Timeout that throws another error": () => {
    const error = new RangeError("too late");
    return {
      init: { timeout: new Timeout(MINUTE, { error }) },
      strike: minutePasses,
      check: (greenlet) => assertStrictEquals(greenlet.error, error),
    };
  },
  "withTimeout()": () => {
    const timeout = new Timeout(MINUTE);
    return {
      around: (work) => withTimeout(timeout, work),
      strike: minutePasses,
      check: ({ error }) => assertStrictEquals(error, timeout),
    };
  },
  "a Timeout that is running already": () => {
    const timeout = new Timeout(MINUTE);
    return {
      init: { timeout },
      around: async (work) => {
        using _running = timeout;
        timeout.start();
        return await work();
      },
      strike: minutePasses,
      check: ({ error }) => assertStrictEquals(error, timeout),
    };
  },
  "its signal": () => {
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    return {
      init: { signal: controller.signal },
      strike: () => controller.abort(reason),
      check: ({ error }) => assertStrictEquals(error, reason),
    };
  },
  "the closing of the client": () => ({
    strike: (_greenlet, client) => client.close(),
    check: ({ error }) => assert(error instanceof Deno.errors.BadResource, String(error)),
  }),
};

const readers: Record<string, (response: HttpResponse) => Promise<unknown>> = {
  text: (response) => response.text(),
  json: (response) => response.json(),
  bytes: (response) => response.bytes(),
  arrayBuffer: (response) => response.arrayBuffer(),
  blob: (response) => response.blob(),
  formData: (response) => response.formData(),
  clone: (response) => response.clone().text(),
  async iteration(response) {
    for await (const _chunk of response.body!);
  },
  async reader(response) {
    const reader = response.body!.getReader({ mode: "byob" });
    while (!(await reader.read(new Uint8Array(100))).done);
  },
};

for (const [phase, { said, body }] of Object.entries(phases)) {
  for (const [kind, makeEnding] of Object.entries(endings)) {
    Deno.test(`HttpClient leaves nothing when ${kind} comes after ${phase}`, async () => {
      using errors = captureErrors();
      await using server = new RawServer((to) => to.send(said));
      using client = new HttpClient({ maxPerHost: 1, baseUrl: server.origin, tryTimeout: 10 * MINUTE });
      for (const [name, read] of Object.entries(body ? readers : { text: readers.text! })) {
        if (client.closed) break;
        const { init, around = (work) => work(), strike, check } = makeEnding();
        const asked = server.heads.length;
        let got = false;
        const greenlet = spawn(() =>
          around(async () => {
            const response = await client.get("/", init);
            got = true;
            await read(response);
          })
        );
        await eventually(() => server.heads.length > asked && (got || !body));
        await calm();
        assertEquals([client.active, server.open, greenlet.ready], [1, 1, false], name);
        await strike(greenlet, client);
        await greenlet.join();
        check(greenlet);
        assertUnused(client);
        await server.left();
        assertIdle();
        assertEquals(server.heads.length, asked + 1, "it was tried again");
      }
      assert(errors.seen.length <= Object.keys(readers).length);
    });
  }
}

/** How a server breaks a connection. */
const breaks: Record<string, Script> = {
  "at once": (to) => to.close(),
  "after half the head": async (to) => {
    await to.send("HTTP/1.1 200 OK\r\ncontent-le");
    to.close();
  },
  "with garbage": (to) => to.send("what do you want\r\n\r\n"),
  "with two lengths": (to) => to.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
  "after the head": async (to) => {
    await to.send(HEAD_OF_TEN);
    to.close();
  },
  "after half the body": async (to) => {
    await to.send(`${HEAD_OF_TEN}first`);
    to.close();
  },
  "after half a chunk": async (to) => {
    await to.send(`${CHUNKED}a\r\nfirst`);
    to.close();
  },
  "with a bad chunk": (to) => to.send(`${CHUNKED}zz\r\nfirst`),
};

for (const [how, script] of Object.entries(breaks)) {
  Deno.test(`HttpClient leaves nothing when the server breaks the connection ${how}`, async () => {
    await using server = new RawServer(script);
    using client = once({ baseUrl: server.origin, maxPerHost: 1 });
    for (const read of Object.values(readers)) {
      await assertRejects(async () => await read(await client.get("/")), TypeError);
      assertUnused(client);
      await server.left();
    }
    assertIdle();
  });
}

Deno.test("HttpClient leaves nothing when the server resets the connection", async () => {
  // Closed with bytes that nobody has read, a connection is reset.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(1));
      conn.close();
    }
  })();
  using client = once();
  await assertRejects(() => client.get(`http://127.0.0.1:${listener.addr.port}/`), TypeError, "Cannot fetch");
  assertUnused(client);
  assertIdle();
  listener.close();
  await accepting;
});

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

interruptAnywhere("HttpClient in line, redirected, trying again and reading", () => {
  let busy = 0;
  const server = new RawServer((to, head) => {
    if (head.includes("/moved")) return to.send(reply("moved", "302 Found", "location: /busy"));
    return to.send(++busy % 2 === 1 ? reply("busy", "503 Service Unavailable") : reply("hello"));
  });
  const backoff = { initial: 1, max: 2 };
  const client = new HttpClient({ maxPerHost: 1, retries: 9, backoff, baseUrl: server.origin });
  const get = async () => {
    const response = await client.get("/moved", { timeout: MINUTE });
    assertEquals([await response.text(), response.redirected], ["hello", true]);
  };
  return {
    victim: get,
    others: [get, get],
    check: async () => {
      assertUnused(client);
      client.close();
      await until(server.left());
      await until(server[Symbol.asyncDispose]());
    },
  };
});

Deno.test("HttpClient leaves nothing whenever it is killed", async () => {
  await using server = new RawServer(async (to) => {
    await to.send(HEAD_OF_TEN);
    await turn();
    await to.send("12345");
    await turn();
    await to.send("67890");
  });
  using client = once({ maxPerHost: 2, baseUrl: server.origin });
  let finished = 0;
  let killed = 0;
  for (let turns = 0; finished < 10; turns += 15) {
    assert(turns < 100_000, "nobody comes to an end");
    const greenlets = [1, 2, 3].map(() => spawn(async () => await (await client.get("/")).text()));
    for (let i = 0; i < turns; i++) await turn();
    for (const greenlet of greenlets) void greenlet.kill("enough", { block: false });
    await joinAll(greenlets);
    for (const { value } of greenlets) {
      if (value === "1234567890") {
        finished++;
        continue;
      }
      assertInstanceOf(value as unknown, GreenletExit);
      killed++;
    }
    await calm(); // for those who are told of the end of a greenlet
    assertUnused(client);
  }
  assert(killed > 10, `${killed} were killed`);
  client.close();
  await server.left();
  assertIdle();
});

// ---- Closing -----------------------------------------------------------------------------------------

Deno.test("HttpClient.close() ends those who wait in line, pause, wait and read", async () => {
  await using server = new RawServer((to, head) => {
    if (head.includes("/busy")) return to.send(reply("busy", "503 Service Unavailable"));
    if (head.includes("/body")) return to.send(`${HEAD_OF_TEN}first`);
  });
  const client = new HttpClient({
    maxPerHost: 2,
    backoff: { initial: MINUTE, max: MINUTE },
    baseUrl: server.origin,
  });
  const unread = await client.get("/body");
  const pausing = spawn(() => errorOf(client.get("/busy")));
  await server.asked(2);
  await eventually(() => client.active === 1);
  const waiting = spawn(() => errorOf(client.get("/hang")));
  await server.asked(3);
  const inLine = spawn(() => errorOf(client.get("/hang")));
  await eventually(() => client.waiting === 1);
  client.close();
  client.close();
  client[Symbol.dispose]();
  for (const greenlet of [pausing, waiting, inLine]) {
    assertEquals(String(await greenlet.get()), "BadResource: The client was closed");
  }
  assertUnused(client);
  assertEquals(String(await errorOf(unread.text())), "BadResource: The client was closed");
  await server.left();
  const error = assertThrows(() => void client.get("/"), Deno.errors.BadResource);
  assertEquals([error.message, client.closed], ["Cannot fetch: the client is closed", true]);
  assertIdle();
});

// ---- Trying again ------------------------------------------------------------------------------------

/** Answers with the statuses in turn, then with 200 and how often it was asked. */
function failing(...answers: (number | Response | "break")[]): RawServer {
  let asked = 0;
  return new RawServer(async (to) => {
    const answer = answers[asked++] ?? 200;
    if (answer === "break") return to.close();
    const { status, headers } = typeof answer === "number" ? new Response(null, { status: answer }) : answer;
    await to.send(
      reply(`asked ${asked}`, `${status} X`, ...[...headers].map(([name, value]) => `${name}: ${value}`)),
    );
  });
}

const NO_JITTER = { initial: 100, factor: 2, max: 350, jitter: 0 };

Deno.test("HttpClient tries again after failures, with longer and longer pauses", async () => {
  await using server = failing("break", 502, 503, 504, 429);
  await simulate(async (world) => {
    using client = new HttpClient({ retries: 5, backoff: NO_JITTER });
    const pauses: number[] = [];
    let before = world.now;
    const retryOn = (_failed: FailedTry) => {
      pauses.push(world.now - before);
      before = world.now;
      return true;
    };
    const response = await client.get(server.origin, { retryOn });
    pauses.push(world.now - before);
    assertEquals([response.status, await response.text()], [200, "asked 6"]);
    assertEquals(pauses, [0, 100, 200, 350, 350, 350]);
  });
  assertEquals(server.heads.length, 6);
});

Deno.test("HttpClient lets a call change a part of the backoff", async () => {
  await using server = failing(503, 503);
  await simulate(async (world) => {
    using client = new HttpClient({ backoff: NO_JITTER });
    (await client.get(server.origin, { backoff: { initial: 300 } })).discard();
    assertEquals(world.now, 300 + 350);
  });
});

Deno.test("HttpClient leaves a part of each pause to chance, in a simulation to its seed", async () => {
  const pauseOf = async (seed: number, jitter: number) => {
    await using server = failing(503);
    return await simulate(async (world) => {
      using client = new HttpClient({ backoff: { initial: 1000, jitter } });
      (await client.get(server.origin)).discard();
      return world.now;
    }, { seed });
  };
  const pauses = [];
  for (let seed = 1; seed <= 5; seed++) pauses.push(await pauseOf(seed, 0.25));
  assert(pauses.every((pause) => pause > 750 && pause <= 1000), String(pauses));
  assert(new Set(pauses).size > 1, String(pauses));
  assertEquals([await pauseOf(1, 0.25), await pauseOf(1, 0)], [pauses[0], 1000]);
});

Deno.test("HttpClient holds no slot while it pauses", async () => {
  await using server = failing(503);
  await simulate(async () => {
    using client = new HttpClient({ maxPerHost: 1, backoff: NO_JITTER, baseUrl: server.origin });
    const call = spawn(async () => await (await client.get("/first")).text());
    await eventually(() => server.heads.length === 1 && client.active === 0);
    assertEquals(await (await client.get("/second")).text(), "asked 2");
    assertEquals(await call.get(), "asked 3");
  });
});

Deno.test("HttpClient returns the last answer, or throws the last error, when there are no tries left", async () => {
  await using server = failing(503, 502, 504, 503);
  using client = new HttpClient({ retries: 2, backoff: { initial: 1 } });
  const response = await client.get(server.origin);
  assertEquals([response.status, await response.text(), server.heads.length], [504, "asked 3", 3]);
  await using broken = failing("break", "break", "break");
  const error = await assertRejects(
    () => client.get(broken.origin),
    TypeError,
    `Cannot fetch ${broken.origin}/ in 3 tries: `,
  );
  assertStringIncludes((error.cause as Error).message, "connection closed");
  assertEquals(broken.heads.length, 3);
  assertUnused(client);
});

Deno.test("HttpClient sends once what must not be sent twice, though a kept connection breaks", async () => {
  let asked = 0;
  await using server = new RawServer(async (to, head) => {
    if (++asked % 2 === 0) return to.close();
    await to.send(reply(/^\w+/.exec(head)![0]));
  });
  const { origin } = server;
  using client = once();
  const ask = async (init: HttpRequestInit) => await (await client.fetch(origin, init)).text();
  for (const method of ["POST", "PATCH", "PURGE"]) {
    for (const makeBody of [() => null, () => "", () => new Blob([]).stream()]) {
      const before = asked;
      assertEquals(await ask({ method, body: makeBody() }), method);
      await assertRejects(() => ask({ method, body: makeBody() }), TypeError, "connection closed");
      assertEquals(asked, before + 2, method);
    }
  }
  const request = () => new Request(origin, { method: "POST" });
  assertEquals(await (await client.fetch(request())).text(), "POST");
  await assertRejects(() => client.fetch(request()), TypeError, "connection closed");
  assertEquals(asked, 20);
  assertUnused(client);
});

Deno.test("HttpClient tries again only what may be sent again", async () => {
  const stream = () => new Blob(["body"]).stream();
  const calls: [name: string, (client: HttpClient, url: string) => Promise<Response>, tries: number][] = [
    ["GET", (client, url) => client.get(url), 2],
    ["HEAD", (client, url) => client.head(url), 2],
    ["OPTIONS", (client, url) => client.fetch(url, { method: "options" }), 2],
    ["DELETE", (client, url) => client.delete(url), 2],
    ["PUT", (client, url) => client.put(url, ""), 2],
    ["PUT of a stream", (client, url) => client.put(url, stream()), 1],
    ["POST", (client, url) => client.post(url, ""), 1],
    ["PATCH", (client, url) => client.patch(url, ""), 1],
    ["another", (client, url) => client.fetch(url, { method: "PURGE" }), 1],
    ["Request to PUT", (client, url) => client.fetch(new Request(url, { method: "PUT" })), 2],
    [
      "Request to PUT a body",
      (client, url) => client.fetch(new Request(url, { method: "PUT", body: "x" })),
      1,
    ],
    ["Request to GET", (client, url) => client.fetch(new Request(url)), 2],
    ["POST if told so", (client, url) => client.post(url, "", { retryMethods: ["POST"] }), 2],
    ["GET if told otherwise", (client, url) => client.get(url, { retryMethods: ["POST"] }), 1],
    ["GET without retries", (client, url) => client.get(url, { retries: 0 }), 1],
  ];
  using client = new HttpClient({ retries: 3, backoff: { initial: 1 } });
  for (const [name, call, tries] of calls) {
    let asked = 0;
    await using server = serveHttp(async (request) => {
      await request.text();
      return new Response(null, { status: ++asked === 1 ? 503 : 200 });
    });
    const response = await call(client, server.origin);
    await response.body?.cancel();
    assertEquals([asked, response.status], [tries, tries === 1 ? 503 : 200], name);
  }
  assertUnused(client);
});

Deno.test("HttpClient sends the same body at every try", async () => {
  const form = new FormData();
  form.set("a", "text");
  const bodies: BodyInit[] = ["text", bytes("text"), bytes("text").buffer, new Blob(["text"]), form];
  bodies.push(new URLSearchParams({ a: "text" }));
  using client = new HttpClient({ backoff: { initial: 1 } });
  for (const body of bodies) {
    const texts: string[] = [];
    await using server = serveHttp(async (request) => {
      texts.push((await request.text()).replaceAll(/-{4,}\w*/g, ""));
      return new Response(null, { status: texts.length < 3 ? 503 : 200 });
    });
    (await client.put(server.origin, body)).discard();
    assertEquals(texts.length, 3);
    assert(texts[0]!.includes("text") && texts.every((text) => text === texts[0]), String(texts));
  }
});

Deno.test("HttpClient tries again what retryOn names, or says is worth it", async () => {
  using client = new HttpClient({ retries: 1, retryOn: [404], backoff: { initial: 1 } });
  const triesFor = async (answer: number | "break", init?: HttpRequestInit) => {
    await using server = failing(answer);
    await client.get(`${server.origin}/p`, init).then((response) => response.discard(), () => {});
    return server.heads.length;
  };
  assertEquals([await triesFor(404), await triesFor(503), await triesFor("break")], [2, 1, 2]);
  const failures: FailedTry[] = [];
  const retryOn = (failed: FailedTry) => {
    failures.push(failed);
    return failed.status === 500;
  };
  assertEquals(await Promise.all([500, 503, "break", 200].map((it) => triesFor(it as 500, { retryOn }))), [
    2,
    1,
    1,
    1,
  ]);
  assertEquals(failures.map(({ status, failures, method }) => `${method} ${status} ${failures}`).toSorted(), [
    "GET 500 1",
    "GET 503 1",
    "GET undefined 1",
  ]);
  const broken = failures.find(({ status }) => status === undefined)!;
  assert(broken.error instanceof TypeError && broken.headers === undefined);
  assert(failures.every(({ url }) => /^http:\/\/127.0.0.1:\d+\/p$/.test(url)));
  const failure = new Error("of retryOn");
  await using server = failing(500);
  const caught = await errorOf(client.get(server.origin, {
    retryOn: () => {
      throw failure;
    },
  }));
  assertStrictEquals(caught, failure);
  assertUnused(client);
});

Deno.test("HttpClient pauses as long as Retry-After says, within bounds", async () => {
  const date = new Date(Date.UTC(2030, 0, 1));
  const later = (seconds: number) => new Date(date.getTime() + seconds * 1000).toUTCString();
  const cases: [name: string, headers: Record<string, string>, pause: number | undefined][] = [
    ["seconds", { "retry-after": "30" }, 30_000],
    ["a second", { "retry-after": "1" }, 2_000],
    ["none", {}, 2_000],
    ["nothing", { "retry-after": "0" }, 2_000],
    ["a date by the server's clock", { "retry-after": later(45), date: date.toUTCString() }, 45_000],
    ["a date that is over", { "retry-after": later(-45), date: date.toUTCString() }, 2_000],
    ["nonsense", { "retry-after": "soon" }, 2_000],
    ["too long", { "retry-after": "61" }, undefined],
    ["too late", { "retry-after": later(61), date: date.toUTCString() }, undefined],
    ["very long", { "retry-after": "9".repeat(400) }, undefined],
  ];
  for (const [name, headers, pause] of cases) {
    await using server = failing(new Response(null, { status: 503, headers }));
    await simulate(async (world) => {
      using client = new HttpClient({ backoff: { initial: 2_000, jitter: 0, maxRetryAfter: 60_000 } });
      const response = await client.get(server.origin);
      response.discard();
      assertEquals([response.status, world.now], pause === undefined ? [503, 0] : [200, pause], name);
    });
  }
  // Without a clock of the server, by ours.
  await using server = failing(
    new Response(null, {
      status: 429,
      headers: { "retry-after": new Date(Date.now() + 20_000).toUTCString() },
    }),
  );
  await simulate(async (world) => {
    using client = new HttpClient({ backoff: NO_JITTER });
    (await client.get(server.origin)).discard();
    assert(world.now > 15_000 && world.now <= 20_000, String(world.now));
  });
});

Deno.test("HttpClient does not begin a pause that its timeout would end", async () => {
  await using server = failing("break", 503);
  await simulate(async (world) => {
    using client = new HttpClient({ timeout: 100, backoff: NO_JITTER });
    await assertRejects(() => client.get(server.origin), TypeError, "connection closed");
    const response = await client.get(server.origin);
    response.discard();
    assertEquals([response.status, world.now], [503, 0]);
    assertEquals(world.now, 0);
  });
});

Deno.test("HttpClient that is killed, timed out or aborted in a pause leaves nothing", async () => {
  await using server = new RawServer((to) => to.send(reply("busy", "503 Busy")));
  const controller = new AbortController();
  using client = new HttpClient({
    backoff: { initial: 10 * MINUTE, max: 10 * MINUTE },
    baseUrl: server.origin,
  });
  const killed = spawn(() => client.get("/"));
  const aborted = spawn(() => errorOf(client.get("/", { signal: controller.signal })));
  const block = spawn(() => withTimeout(MINUTE, () => client.get("/"), { value: "too late" }));
  await server.asked(3);
  await eventually(() => client.active === 0);
  await killed.kill();
  assert(String(killed.value).includes("pause before the next try"), String(killed.value));
  controller.abort("changed my mind");
  assertEquals(await aborted.get(), "changed my mind");
  minutePasses();
  assertEquals(await block.get(), "too late");
  assertUnused(client);
  client.close();
  await server.left();
  assertIdle();
});

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

// ---- Redirects ---------------------------------------------------------------------------------------

Deno.test("HttpClient follows redirects as browsers do: method, body and headers", async () => {
  await using server = serveHttp((request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/end") return echo(request);
    return new Response("moved", {
      status: Number(pathname.slice(1)),
      headers: { location: `end${search}` },
    });
  });
  using client = once({ baseUrl: server.origin });
  const expected: Record<string, Record<number, string>> = {
    GET: { 301: "GET", 302: "GET", 303: "GET", 307: "GET", 308: "GET" },
    POST: { 301: "GET", 302: "GET", 303: "GET", 307: "POST body", 308: "POST body" },
    PUT: { 301: "PUT body", 302: "PUT body", 303: "GET", 307: "PUT body", 308: "PUT body" },
    DELETE: { 301: "DELETE body", 302: "DELETE body", 303: "GET", 307: "DELETE body", 308: "DELETE body" },
  };
  for (const [method, outcomes] of Object.entries(expected)) {
    for (const [status, outcome] of Object.entries(outcomes)) {
      const body = method === "GET" ? null : "body";
      const headers = { "content-type": "x/y", "x-mine": "1", authorization: "secret" };
      const response = await client.fetch(`/${status}?q`, { method, body, headers });
      assertEquals([response.redirected, response.url], [true, `${server.origin}/end?q`]);
      const got = await response.json();
      assertEquals(`${got.method} ${got.text}`.trim(), outcome, `${method} ${status}`);
      const sent = new Headers(got.headers);
      assertEquals([sent.get("x-mine"), sent.get("authorization")], ["1", "secret"]);
      const dropped = method !== "GET" && !outcome.includes("body");
      assertEquals(sent.get("content-type"), dropped ? null : "x/y", `${method} ${status}`);
    }
  }
  const request = new Request(`${server.origin}/308`, { method: "DELETE" });
  assertEquals((await (await client.fetch(request)).json()).method, "DELETE");
  const head = await client.head("/303");
  assertEquals([head.status, head.redirected], [200, true]);
  assertUnused(client);
});

Deno.test("HttpClient tells no other origin what is for one only, not even back home", async () => {
  let origins: string[] = [];
  const seen: string[][] = [];
  const NAMES = ["authorization", "cookie", "proxy-authorization", "x-mine"];
  await using server = serveHttp((request) => {
    seen.push(NAMES.filter((name) => request.headers.has(name)));
    const { pathname } = new URL(request.url);
    const next: Record<string, string> = {
      "/same": `${origins[0]}/away`,
      "/away": `${origins[1]}/home`,
      "/home": `${origins[0]}/end`,
    };
    return pathname in next ? Response.redirect(next[pathname]!, 302) : new Response("end");
  });
  const { port } = new URL(server.origin);
  origins = [server.origin, `http://localhost:${port}`];
  using client = once({ headers: { authorization: "of the client" }, baseUrl: server.origin });
  const headers = { cookie: "a=b", "proxy-authorization": "c", "x-mine": "d" };
  const response = await client.get("/same", { headers });
  assertEquals([await response.text(), response.url], ["end", `${server.origin}/end`]);
  assertEquals(seen, [NAMES, NAMES, ["x-mine"], ["x-mine"]]);
});

Deno.test("HttpClient throws TooManyRedirectsError that names the way it went", async () => {
  await using server = serveHttp(({ url }) => {
    const { pathname, origin } = new URL(url);
    const n = Number(pathname.slice(1));
    const next = Number.isNaN(n) ? { "/a": "/b", "/b": "/a" }[pathname]! : `/${n + 1}`;
    return Response.redirect(origin + next, 302);
  });
  const { origin } = server;
  using client = once({ baseUrl: origin, maxPerHost: 1 });
  const urls = (...paths: (string | number)[]) => paths.map((path) => `${origin}/${path}`);
  const error = await assertRejects(() => client.get("/1", { maxRedirects: 2 }), TooManyRedirectsError);
  assertEquals(error.urls, urls(1, 2, 3, 4));
  assertEquals(error.message, `Cannot follow more than 2 redirects: ${urls(1, 2, 3, 4).join(" -> ")}`);
  const circle = await assertRejects(() => client.get("/a"), TooManyRedirectsError);
  assertEquals(circle.urls.length, 22);
  assertEquals(
    circle.message,
    `Cannot follow more than 20 redirects: ${urls("a", "b", "a").join(" -> ")} and so on, in circles`,
  );
  const none = await assertRejects(() => client.get("/1", { maxRedirects: 0 }), TooManyRedirectsError);
  assertEquals(none.urls, urls(1, 2));
  assertUnused(client);
  client.close();
});

Deno.test("HttpClient follows redirects only if redirect says so", async () => {
  await using server = serveHttp(({ url }) => Response.redirect(new URL("/next", url), 302));
  using client = once({ baseUrl: server.origin });
  const manual = await client.get("/", { redirect: "manual" });
  assertEquals([manual.status, manual.headers.get("location"), manual.redirected], [
    302,
    `${server.origin}/next`,
    false,
  ]);
  manual.discard();
  const refused = `Cannot fetch ${server.origin}/: it redirects to ${server.origin}/next`;
  await assertRejects(() => client.get("/", { redirect: "error" }), TypeError, refused);
  const request = new Request(server.origin, { redirect: "manual" });
  const asked = await client.fetch(request);
  assertEquals(asked.status, 302);
  asked.discard();
  assertUnused(client);
});

Deno.test("HttpClient follows no redirect that leads nowhere, out of HTTP or cannot be sent again", async () => {
  await using server = serveHttp((request) => {
    const { searchParams } = new URL(request.url);
    const location = searchParams.get("to");
    const status = Number(searchParams.get("status") ?? 302);
    return new Response("moved", { status, ...(location === null ? {} : { headers: { location } }) });
  });
  using client = once({ baseUrl: server.origin });
  const to = (location: string) => `/?to=${encodeURIComponent(location)}`;
  const stay = await client.get("/");
  assertEquals([stay.status, await stay.text()], [302, "moved"]);
  const refuse = (location: string, message: string) =>
    assertRejects(() => client.get(to(location)), TypeError, message);
  await refuse("http://", 'its location "http://" is no URL');
  await refuse("file:///etc/passwd", "file: is not followed");
  await refuse("data:,x", "data: is not followed");
  const body = new Blob(["x"]).stream();
  await assertRejects(
    () => client.post(`${to("/end")}&status=307`, body),
    TypeError,
    `Cannot follow the redirect (307) of POST ${server.origin}${
      to("/end")
    }&status=307: its body can be sent only once`,
  );
  assertUnused(client);
});

Deno.test("HttpClient gives up encryption for no redirect, unless it may", async () => {
  const { cert, key } = await certificate();
  await using plain = serveHttp(() => new Response("in the open"));
  await using secure = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    () => Response.redirect(`${plain.origin}/open`),
  );
  const url = `https://localhost:${secure.addr.port}/`;
  using client = once({ caCerts: [cert] });
  await assertRejects(
    () => client.get(url),
    TypeError,
    `Cannot follow the redirect (302) of GET ${url}: ${plain.origin}/open gives up encryption`,
  );
  const response = await client.get(url, { allowDowngrade: true });
  assertEquals([await response.text(), response.url], ["in the open", `${plain.origin}/open`]);
  assertUnused(client);
});

Deno.test("HttpClient that is redirected takes a slot of the other origin, and gives its own back", async () => {
  await using there = new SlowServer();
  await using here = serveHttp(() => Response.redirect(`${there.origin}/moved`));
  using client = once({ maxPerHost: 1 });
  const first = spawn(() => client.get(`${there.origin}/first`));
  await eventually(() => there.pending.size === 1);
  const moved = spawn(async () => await (await client.get(here.origin)).text());
  await eventually(() => client.waiting === 1);
  assertEquals(client.active, 1);
  there.letGo("/first");
  (await first.get()).discard();
  await eventually(() => there.pending.has("/moved"));
  there.letGo("/moved");
  assertEquals(await moved.get(), "/moved");
  assertUnused(client);
});

Deno.test("HttpClient tries again where it was redirected to", async () => {
  const paths: string[] = [];
  await using server = serveHttp(({ url }) => {
    paths.push(new URL(url).pathname);
    if (paths.length === 1) return Response.redirect(new URL("/b", url), 303);
    return new Response(null, { status: paths.length < 4 ? 503 : 204 });
  });
  using client = new HttpClient({ backoff: { initial: 1 }, baseUrl: server.origin });
  const response = await client.post("/a", "body"); // what follows is a GET
  assertEquals([response.status, paths], [204, ["/a", "/b", "/b", "/b"]]);
});

Deno.test("HttpClient uses a connection again after a redirect and a failure whose body has come", async () => {
  await using server: RawServer = new RawServer((to, head): Promise<void> => {
    if (head.includes("/moved")) return to.send(reply("moved", "302 Found", "location: /busy"));
    return to.send(server.heads.length === 2 ? reply("busy", "503 Busy") : reply("hello"));
  });
  using client = new HttpClient({ backoff: { initial: 1 } });
  assertEquals(await (await client.get(`${server.origin}/moved`)).text(), "hello");
  assertEquals([server.heads.length, server.opened], [3, 1]);
});

// ---- Responses ---------------------------------------------------------------------------------------

Deno.test("HttpResponse is read as text, JSON, bytes, buffer, blob or form, once", async () => {
  await using server = serveHttp(async (request) => {
    const type = new URL(request.url).searchParams.get("type") ?? "text/plain";
    return new Response(await request.text(), { headers: { "content-type": type } });
  });
  using client = once({ baseUrl: server.origin });
  const ask = (text: string, type = "text/plain") => client.post(`/?type=${encodeURIComponent(type)}`, text);
  for (const streamed of [false, true]) {
    const asked = async (text: string, type?: string) => {
      const response = await ask(text, type);
      if (streamed) assert(response.body instanceof ReadableStream); // whoever looks gets the slower way
      return response;
    };
    assertEquals(await (await asked("hello")).text(), "hello");
    assertEquals(await (await asked('{"a":1}')).json(), { a: 1 });
    assertEquals(await (await asked("hello")).bytes(), bytes("hello"));
    assertEquals(new Uint8Array(await (await asked("hello")).arrayBuffer()), bytes("hello"));
    const blob = await (await asked("hello", "x/y")).blob();
    assertEquals([blob.type, await blob.text()], ["x/y", "hello"]);
    const form = await (await asked("a=1&b=2", "application/x-www-form-urlencoded")).formData();
    assertEquals([...form], [["a", "1"], ["b", "2"]]);
    await assertRejects(async () => await (await asked("{")).json(), SyntaxError);
    const response = await asked("hello");
    assertEquals([await response.text(), response.bodyUsed], ["hello", true]);
    await assertRejects(() => response.text(), TypeError);
    assertThrows(() => response.clone(), TypeError);
    const locked = await asked("hello");
    const reader = locked.body!.getReader();
    await assertRejects(() => locked.text(), TypeError);
    assertEquals((await reader.read()).value, bytes("hello"));
    assertEquals((await reader.read()).done, true);
    if (!streamed) assertEquals((await response.body!.getReader().read()).done, true);
  }
  assertUnused(client);
});

Deno.test("HttpResponse.body is iterated, read into a buffer, and piped", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once({ baseUrl: server.origin });
  const chunks: number[] = [];
  for await (const chunk of (await client.get("/")).body!) chunks.push(...chunk);
  assertEquals(new Uint8Array(chunks), bytes("hello"));
  const reader = (await client.get("/")).body!.getReader({ mode: "byob" });
  assertEquals((await reader.read(new Uint8Array(3))).value, bytes("hel"));
  assertEquals((await reader.read(new Uint8Array(9))).value, bytes("lo"));
  assertEquals((await reader.read(new Uint8Array(9))).done, true);
  const piped = (await client.get("/")).body!.pipeThrough(new TextDecoderStream());
  assertEquals((await Array.fromAsync(piped)).join(""), "hello");
  assertUnused(client);
});

Deno.test("HttpResponse.clone() has the same head, and frees the slot when both are done", async () => {
  await using server = serveHttp(({ url }) =>
    url.endsWith("/") ? Response.redirect(`${url}hello`) : new Response("hello")
  );
  using client = once({ baseUrl: server.origin });
  const response = await client.get("/");
  const copy = response.clone();
  assertEquals([copy.status, copy.url, copy.redirected, copy.type], [
    200,
    `${server.origin}/hello`,
    true,
    "basic",
  ]);
  assertInstanceOf(copy, HttpResponse);
  copy.discard();
  assertEquals([client.active, await response.text(), client.active], [1, "hello", 0]);
  const other = await client.get("/");
  const another = other.clone();
  other.discard();
  assertEquals([client.active, await another.text(), client.active], [1, "hello", 0]);
  const both = await client.get("/");
  both.clone().discard();
  both.discard();
  assertUnused(client);
});

Deno.test("HttpResponse.discard() ends those who read, and those who come later", async () => {
  await using server = new RawServer((to) => to.send(`${HEAD_OF_TEN}first`));
  using client = once({ baseUrl: server.origin });
  for (const [name, read] of Object.entries(readers)) {
    if (name === "clone") continue; // it is the copy that is read
    const response = await client.get("/");
    const reading = spawn(() => errorOf(read(response)));
    await calm();
    assertEquals([client.active, reading.ready], [1, false], name);
    response.discard();
    assertUnused(client);
    const error = await reading.get({ timeout: 1_000 });
    assert(error instanceof DOMException && error.name === "AbortError", `${name}: ${error}`);
    await server.left();
    const later = await client.get("/");
    later.discard();
    assertStrictEquals((await errorOf(later.text()) as Error).name, "AbortError");
  }
  assertIdle();
});

Deno.test("HttpResponse knows statuses that no Response can be made with", async () => {
  for (const status of [299, 599, 600, 999]) {
    await using server = new RawServer((to) => to.send(reply("odd", `${status} Odd`, "x-odd: yes")));
    using client = once();
    const response = await client.get(server.origin);
    assertEquals([response.status, response.ok, response.headers.get("x-odd")], [
      status,
      status < 300,
      "yes",
    ]);
    assertEquals([response.clone().status, await response.text()], [status, "odd"]);
  }
});

Deno.test("HttpResponse can be the answer of a server", async () => {
  await using origin = serveHttp(echo);
  using client = once({ baseUrl: origin.origin, maxPerHost: 2 });
  await using proxy = serveHttp((request) => {
    const { pathname } = new URL(request.url);
    return spawn(() => client.fetch(pathname, { method: request.method, body: request.body })).get();
  });
  using browser = once({ baseUrl: proxy.origin });
  const posts = Array.from(
    { length: 8 },
    (_, n) => spawn(async () => await (await browser.put(`/${n}`, `${n}`)).json()),
  );
  const got = await Promise.all(posts.map((post) => post.get()));
  assertEquals(got.map(({ path, text }) => path + text), [0, 1, 2, 3, 4, 5, 6, 7].map((n) => `/${n}${n}`));
  await eventually(() => client.active === 0);
  assertUnused(browser);
});

Deno.test("HttpResponse whose reading nobody awaits yet rejects quietly", async () => {
  await using server = new RawServer((to) => to.send(`${HEAD_OF_TEN}first`));
  using client = once({ baseUrl: server.origin });
  for (const [name, read] of Object.entries(readers)) {
    if (name === "iteration" || name === "reader") continue; // promises of the platform
    let reading = false;
    const greenlet = spawn(async () => {
      const text = read(await client.get("/"));
      reading = true;
      await sleep(MINUTE);
      return await text;
    });
    await eventually(() => reading);
    await calm();
    await greenlet.kill();
    assertInstanceOf(greenlet.value as unknown, GreenletExit);
    await server.left(); // an unhandled rejection would have failed the test by now
  }
});
