/** The greenlet of a request. */
import { AsyncLocalStorage } from "node:async_hooks";
import { assert, assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "@std/assert";
import {
  Event,
  getCurrent,
  type Greenlet,
  type HttpServer,
  joinAll,
  Local,
  local,
  shield,
  sleep,
  spawn,
} from "@verdant/green";
import { dump } from "../../../hub/mod.ts";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { never } from "../servers.ts";
import { askOnce, begin, get, post, RawClient, startHttp } from "./http_servers.ts";

Deno.test("HttpServer runs each request in a greenlet of its own", async () => {
  const seen: (Greenlet | undefined)[] = [];
  await using server = await startHttp(async () => {
    seen.push(getCurrent());
    await sleep();
    seen.push(getCurrent());
    return new Response();
  });
  using client = await RawClient.connect(server);
  await client.ask(get("/a"));
  await client.ask(get("/b"));
  const [a, a2, b, b2] = seen;
  assert(a !== undefined && b !== undefined && a !== b);
  assertEquals([a === a2, b === b2, a.ready, b.ready], [true, true, true, true]);
});

Deno.test("HttpServer names the greenlets in reports by method and path, without the query", async () => {
  const begun = new Event();
  let count = 0;
  await using server = await startHttp(async () => {
    if (++count === 3) begun.set();
    await never();
    return new Response();
  }, { stopTimeout: 0 });
  using _first = await begin(server, get("/first?token=secret"));
  using _second = await begin(server, post("x"));
  using _star = await begin(server, "OPTIONS * HTTP/1.1\r\nhost: example.org\r\n\r\n");
  await begun.wait();
  const report = dump({ headline: "Now" });
  assertMatch(report, /#\d+ GET \/first waits for Event wait/);
  assertMatch(report, /#\d+ POST \/body waits for Event wait/);
  assertMatch(report, /#\d+ OPTIONS .* waits for Event wait/);
  assert(!report.includes("secret"), report);
});

Deno.test("HttpServer keeps a name that the handler gives its greenlet", async () => {
  const begun = new Event();
  await using server = await startHttp(async () => {
    getCurrent()!.name = "checkout of order 17";
    begun.set();
    await never();
    return new Response();
  }, { stopTimeout: 0 });
  using _client = await begin(server);
  await begun.wait();
  assertMatch(dump({ headline: "Now" }), /#\d+ checkout of order 17 waits for Event wait/);
});

Deno.test("HttpServer gives each request Locals of its own", async () => {
  const user = new Local<string>();
  const inherited = new Local<string>({ inherit: true });
  const state = local<{ path?: string }>();
  inherited.set("of the main flow");
  await using server = await startHttp(async (request) => {
    const before = [user.get(), state.path];
    const { pathname } = new URL(request.url);
    user.set(pathname);
    inherited.set(pathname);
    state.path = pathname;
    await sleep(1);
    const child = await spawn(() => [user.get(), inherited.get()]).get();
    return Response.json([before, user.get(), state.path, child]);
  });
  const paths = Array.from({ length: 20 }, (_, index) => `/${index}`);
  const answers = await Promise.all(paths.map((path) => askOnce(server, get(path))));
  const expected = (path: string) => [[null, null], path, path, [null, path]];
  assertEquals(answers.map(({ body }) => JSON.parse(body)), paths.map(expected));
  assertEquals([user.get(), inherited.get()], [undefined, "of the main flow"]);
  inherited.delete();
});

Deno.test("HttpServer started by a greenlet serves after its end, and is not that greenlet's child", async () => {
  const storage = new AsyncLocalStorage<string>();
  let server: HttpServer;
  const starter = spawn(async () => {
    server = await startHttp(async () => {
      const { spawner } = getCurrent()!;
      await sleep();
      return Response.json([spawner?.name ?? null, storage.getStore() ?? null]);
    }, { spawn: 2 });
    await shield(() => sleep(20));
    await never();
  });
  await sleep(1);
  void starter.kill(undefined, { block: false }); // delivered when the shield is down
  assertEquals((await askOnce(server!)).body, "[null,null]");
  await starter.join();
  assertEquals((await askOnce(server!)).body, "[null,null]");
  await server!.stop();
});

Deno.test("HttpServer hands request and info of the platform to the handler", async () => {
  let completed = 0;
  await using server = await startHttp((request, info) => {
    assertInstanceOf(request, Request);
    void info.completed.then(() => completed++);
    const { hostname, port } = info.remoteAddr as Deno.NetAddr;
    return Response.json([request.method, request.url, request.headers.get("x-word"), hostname, typeof port]);
  });
  const { body } = await askOnce(server, get("/path?a=1&b=%20", "x-word: green"));
  assertEquals(JSON.parse(body), [
    "GET",
    "http://example.org/path?a=1&b=%20",
    "green",
    "127.0.0.1",
    "number",
  ]);
  await eventually(() => completed === 1);
});

Deno.test("HttpServer takes handlers that return, that promise, and that return something like a promise", async () => {
  await using server = await startHttp((request) => {
    const response = new Response(new URL(request.url).pathname);
    switch (new URL(request.url).pathname) {
      case "/at-once":
        return response;
      case "/promise":
        return Promise.resolve(response);
      case "/later":
        return sleep(1).then(() => response);
      default:
        // deno-lint-ignore no-explicit-any -- a thenable of the simplest kind
        return { then: (resolve: any) => resolve(response) } as unknown as PromiseLike<Response>;
    }
  });
  using client = await RawClient.connect(server);
  for (const path of ["/at-once", "/promise", "/later", "/thenable"]) {
    assertEquals((await client.ask(get(path))).body, path);
  }
});

Deno.test("HttpServer handles requests side by side", async () => {
  const all = new Event();
  let here = 0;
  await using server = await startHttp(async () => {
    if (++here === 50) all.set();
    await all.wait();
    return new Response();
  });
  const answers = await Promise.all(Array.from({ length: 50 }, () => askOnce(server)));
  assertEquals(answers.filter(({ status }) => status === 200).length, 50);
});

Deno.test("HttpServer answers while greenlets are busy all the time", async () => {
  await using server = await startHttp(async () => {
    await sleep();
    return new Response("hello");
  });
  let over = false;
  const busy = spawn(async () => {
    while (!over) await sleep();
  });
  for (let i = 0; i < 20; i++) assertEquals((await askOnce(server)).body, "hello");
  over = true;
  await busy.get();
});

Deno.test("HttpServer.running counts the handlers and streams that have not ended", async () => {
  const go = new Event();
  let controller: ReadableStreamDefaultController<Uint8Array>;
  await using server = await startHttp(async (request) => {
    if (request.url.endsWith("/stream")) {
      return new Response(new ReadableStream({ start: (given) => void (controller = given) }));
    }
    await go.wait();
    return new Response();
  });
  assertEquals([server.running, server.queued], [0, 0]);
  using waiting = await begin(server);
  await eventually(() => server.running === 1);
  using streaming = await begin(server, get("/stream"));
  await eventually(() => server.running === 2);
  go.set();
  await waiting.receive();
  await eventually(() => server.running === 1);
  controller!.close();
  assert((await streaming.receive()).complete);
  await eventually(() => server.running === 0);
});

Deno.test("HttpServer answers pipelined requests one after the other, in order", async () => {
  const log: string[] = [];
  await using server = await startHttp(async (request) => {
    const { pathname } = new URL(request.url);
    log.push(`begin ${pathname}`);
    await sleep(pathname === "/1" ? 10 : 1);
    log.push(`end ${pathname}`);
    return new Response(pathname);
  });
  using client = await begin(server, get("/1") + get("/2") + get("/3"));
  for (const path of ["/1", "/2", "/3"]) assertEquals((await client.receive()).body, path);
  assertEquals(log, ["begin /1", "end /1", "begin /2", "end /2", "begin /3", "end /3"]);
});

Deno.test("HttpServer leaves nothing behind: no greenlet, no timer, no wait", async () => {
  using errors = captureErrors();
  const server = await startHttp(async (request) => {
    await sleep(1);
    return new Response(await request.text());
  }, { spawn: 2, requestTimeout: 60_000, accessLog: () => {} });
  const clients = Array.from({ length: 10 }, () => spawn(() => askOnce(server, post("some text"))));
  assertEquals(
    (await joinAll(clients)).map((client) => (client.value as { body: string }).body).join(),
    Array(10).fill("some text").join(),
  );
  await server.stop();
  await assertIdleSoon();
  assertEquals(errors.seen, []);
});

Deno.test("HttpServer kills the greenlet of a request like any other: the client gets 503", async () => {
  const victim = new Event();
  let greenlet: Greenlet;
  await using server = await startHttp(async () => {
    greenlet = getCurrent()!;
    victim.set();
    await never();
    return new Response();
  });
  using client = await begin(server);
  await victim.wait();
  using errors = captureErrors();
  await greenlet!.kill();
  const { status, body } = await client.receive();
  assertEquals([status, body, errors.seen], [503, "Service Unavailable\n", []]);
  assertStringIncludes(String(greenlet!.value), "GET /");
});
