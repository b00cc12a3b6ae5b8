import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { AsyncResult, fetch, GreenletExit, sleep, spawn, Timeout, until, withTimeout } from "@verdant/green";

/** A server whose answers can hang, and which tells when a client has gone. */
function startServer() {
  const gone = new Map<string, PromiseWithResolvers<void>>();
  const goneFrom = (path: string) =>
    gone.get(path) ?? gone.set(path, Promise.withResolvers<void>()).get(path)!;
  const reached = new Map<string, PromiseWithResolvers<void>>();
  const reach = (path: string) =>
    reached.get(path) ?? reached.set(path, Promise.withResolvers<void>()).get(path)!;
  const closing = Promise.withResolvers<void>();

  function answer(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    reach(pathname).resolve();
    if (pathname.startsWith("/hang")) {
      request.signal.addEventListener("abort", () => goneFrom(pathname).resolve());
      return closing.promise.then(() => new Response("too late"));
    }
    if (pathname.startsWith("/slow")) {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode("first ")),
        cancel: () => goneFrom(pathname).resolve(),
      });
      return new Response(body);
    }
    if (pathname === "/redirect") return Response.redirect(new URL("/text", request.url), 302);
    if (pathname === "/empty") return new Response(null, { status: 204 });
    if (pathname === "/echo") return new Response(request.body);
    if (pathname === "/json") return Response.json({ ok: true });
    if (pathname === "/missing") {
      return new Response("nothing here", { status: 404, statusText: "Not Found" });
    }
    return new Response("hello");
  }

  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, answer);
  return {
    url: (path: string) => `http://127.0.0.1:${server.addr.port}${path}`,
    /** Resolves when the client of that path has gone. */
    gone: (path: string) => goneFrom(path).promise,
    /** Resolves when a request for that path has come. */
    reached: (path: string) => reach(path).promise,
    async [Symbol.asyncDispose]() {
      closing.resolve();
      await server.shutdown();
    },
  };
}

Deno.test("fetch() gives a Response that knows url, status, type and redirects", async () => {
  await using server = startServer();
  const response = await fetch(server.url("/json"));
  assertInstanceOf(response, Response);
  assertEquals([response.status, response.ok, response.url], [200, true, server.url("/json")]);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(await response.json(), { ok: true });
  assert(response.bodyUsed);

  const redirected = await fetch(server.url("/redirect"));
  assertEquals([redirected.redirected, redirected.url], [true, server.url("/text")]);
  assertEquals(await redirected.text(), "hello");

  const missing = await fetch(server.url("/missing"));
  assertEquals([missing.status, missing.ok, missing.statusText], [404, false, "Not Found"]);
  assertEquals(new TextDecoder().decode(await missing.bytes()), "nothing here");
});

Deno.test("fetch() body can be cloned, iterated, cancelled, and is null where there is none", async () => {
  await using server = startServer();
  const response = await fetch(server.url("/text"));
  const copy = response.clone();
  assertEquals(copy.url, response.url);
  assertEquals([await copy.text(), await response.text()], ["hello", "hello"]);
  const chunks: number[] = [];
  for await (const chunk of (await fetch(server.url("/text"))).body!) chunks.push(chunk.length);
  assertEquals(chunks.reduce((a, b) => a + b), 5);
  assertEquals((await fetch(server.url("/empty"))).body, null);
  assertEquals((await fetch(server.url("/text"), { method: "HEAD" })).status, 200);
  await (await fetch(server.url("/slow/cancel"))).body!.cancel();
  await server.gone("/slow/cancel");
});

Deno.test("fetch() sends a body, also a stream", async () => {
  await using server = startServer();
  const echoed = await fetch(server.url("/echo"), { method: "POST", body: "ping" });
  assertEquals(await echoed.text(), "ping");
  const body = new Blob(["streamed"]).stream();
  assertEquals(await (await fetch(server.url("/echo"), { method: "POST", body })).text(), "streamed");
});

Deno.test("fetch() whose greenlet is killed while the headers are awaited closes the connection", async () => {
  await using server = startServer();
  const greenlet = spawn(() => fetch(server.url("/hang")));
  await until(server.reached("/hang"));
  await greenlet.kill();
  assert(greenlet.value as unknown instanceof GreenletExit);
  await until(server.gone("/hang"), { timeout: 10_000 });
});

Deno.test("fetch() whose greenlet is killed while it reads the body closes the connection", async () => {
  await using server = startServer();
  const readers: Record<string, (response: Response) => Promise<unknown>> = {
    text: (response) => response.text(),
    async stream(response) {
      for await (const _chunk of response.body!);
    },
  };
  for (const [name, read] of Object.entries(readers)) {
    const path = `/slow/${name}`;
    const reading = new AsyncResult<void>();
    const greenlet = spawn(async () => {
      const response = await fetch(server.url(path));
      reading.set();
      await read(response);
    });
    await reading.get();
    await sleep();
    await greenlet.kill();
    assert(greenlet.value as unknown instanceof GreenletExit, String(greenlet.error));
    await until(server.gone(path), { timeout: 10_000 });
  }
});

Deno.test("fetch() whose greenlet is killed before it read the body closes the connection", async () => {
  await using server = startServer();
  const got = new AsyncResult<void>();
  const greenlet = spawn(async () => {
    const response = await fetch(server.url("/slow/unread"));
    got.set();
    await sleep(60_000);
    return response;
  });
  await got.get();
  await greenlet.kill();
  await until(server.gone("/slow/unread"), { timeout: 10_000 });
});

Deno.test("fetch() of a greenlet that returned its response can still be read", async () => {
  await using server = startServer();
  const response = await spawn(() => fetch(server.url("/text"))).get();
  await sleep();
  assertEquals(await response.text(), "hello");
});

Deno.test("fetch() is limited by its timeout, by withTimeout and by its signal", async () => {
  await using server = startServer();
  await assertRejects(() => fetch(server.url("/hang/1"), { timeout: 5 }), Timeout, "waiting for fetch");
  await server.gone("/hang/1");
  await assertRejects(
    () => withTimeout(20, async () => await (await fetch(server.url("/slow/2"))).text()),
    Timeout,
  );
  await server.gone("/slow/2");
  const controller = new AbortController();
  const aborted = fetch(server.url("/hang/3"), { signal: controller.signal }).catch((reason) => reason);
  await until(server.reached("/hang/3"));
  controller.abort("changed my mind");
  assertEquals(await aborted, "changed my mind");
});

Deno.test("fetch() rejects with TypeError for a bad URL and an unreachable host", async () => {
  await assertRejects(() => fetch("not a url"), TypeError);
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  await assertRejects(() => fetch(`http://127.0.0.1:${port}/`), TypeError);
  await assertRejects(() => fetch("http://127.0.0.1/", { timeout: -1 }), RangeError, "-1");
});
