import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  fetch,
  getCurrent,
  getHub,
  GreenletExit,
  shield,
  sleep,
  spawn,
  Timeout,
  until,
  withTimeout,
} from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";
import { startServer } from "./fetch_server.ts";

Deno.test("fetch() gives a Response that knows url, status, type and redirects", async () => {
  await using server = startServer();
  const response = await fetch(server.url("/json"));
  assertInstanceOf(response, Response);
  assertEquals([response.status, response.ok, response.url], [200, true, server.url("/json")]);
  assertEquals([response.redirected, response.bodyUsed], [false, false]);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals([await response.json(), response.bodyUsed], [{ ok: true }, true]);

  const redirected = await fetch(server.url("/redirect"));
  assertEquals([redirected.redirected, redirected.url], [true, server.url("/text")]);
  assertEquals(await redirected.text(), "hello");

  const missing = await fetch(server.url("/missing"));
  assertEquals([missing.status, missing.ok, missing.statusText], [404, false, "Not Found"]);
  assertEquals(new TextDecoder().decode(await missing.bytes()), "nothing here");

  const platform = await globalThis.fetch("data:,plain");
  const ours = await fetch("data:,plain");
  assertEquals([ours.type, await ours.text()], [platform.type, await platform.text()]);
});

/** A server of one connection at a time that says `head` and "hello", and tells when the client has gone. */
function startOddServer(
  head: string,
): AsyncDisposable & { readonly url: string; readonly gone: Promise<void> } {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const gone = Promise.withResolvers<void>();
  let client: Deno.Conn | undefined;
  const serving = (async () => {
    for await (const conn of listener) {
      using _closed = client = conn;
      const request = new Uint8Array(4096);
      while (await conn.read(request).catch(() => null) !== null) {
        await conn.write(new TextEncoder().encode(`HTTP/1.1 ${head}\r\n\r\nhello`));
      }
      gone.resolve();
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    gone: gone.promise,
    async [Symbol.asyncDispose]() {
      listener.close();
      client?.[Symbol.dispose]();
      await serving;
    },
  };
}

Deno.test("fetch() gives statuses that no Response can be made with", async () => {
  for (const status of [599, 600, 999]) {
    await using server = startOddServer(
      `${status} Odd\r\nx-odd: yes\r\ncontent-length: 5\r\nconnection: close`,
    );
    const greenlet = spawn(async () => {
      const response = await fetch(server.url);
      for (const { status, statusText, ok, headers } of [response, response.clone()]) {
        assertEquals([status, statusText, ok, headers.get("x-odd")], [response.status, "", false, "yes"]);
      }
      return [response.status, await response.text()];
    });
    assertEquals(await greenlet.get(), [status, "hello"]);
    await until(server.gone);
  }
});

Deno.test("fetch() with such a status closes the connection if the greenlet that reads the body is killed", async () => {
  await using server = startOddServer("999 Odd\r\ncontent-length: 100");
  const response = await fetch(server.url);
  const greenlet = spawn(() => response.text());
  await sleep();
  await greenlet.kill();
  assertInstanceOf(greenlet.value as unknown, GreenletExit);
  await until(server.gone);
});

Deno.test("fetch() takes a URL and a Request, and what the platform's takes with them", async () => {
  await using server = startServer();
  const init = { method: "PUT", body: "ping", headers: { "content-type": "text/x-test" } };
  for (const input of [server.url("/echo"), new URL(server.url("/echo")), new Request(server.url("/echo"))]) {
    const response = await fetch(input, init);
    assertEquals([response.headers.get("x-method"), await response.text()], ["PUT", "ping"]);
  }
  const request = new Request(server.url("/echo"), { method: "POST", body: "of the request" });
  assertEquals(await (await fetch(request)).text(), "of the request");
  const manual = await fetch(server.url("/redirect"), { redirect: "manual" });
  assertEquals([manual.status, manual.redirected], [302, false]);
  await manual.body?.cancel();
});

Deno.test("fetch() has no body where there is none", async () => {
  await using server = startServer();
  const empty = await fetch(server.url("/empty"));
  assertEquals([empty.status, empty.body, await empty.text()], [204, null, ""]);
  const head = await fetch(server.url("/text"), { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});

Deno.test("fetch() sends a body, also a stream", async () => {
  await using server = startServer();
  const body = new Blob(["streamed"]).stream();
  assertEquals(await (await fetch(server.url("/echo"), { method: "POST", body })).text(), "streamed");
});

Deno.test("fetch() lets the other greenlets run, and knows its own when it is back", async () => {
  await using server = startServer();
  const log: string[] = [];
  const fetching = spawn(async () => {
    const response = await fetch(server.url("/text"));
    log.push(`${getCurrent() === fetching} ${await response.text()} ${getCurrent() === fetching}`);
  });
  const other = spawn(() => log.push("other"));
  await other.join();
  assertEquals(log, ["other"]);
  await fetching.get();
  assertEquals(log, ["other", "true hello true"]);
});

Deno.test("fetch() whose greenlet is killed while the headers are awaited closes the connection", async () => {
  await using server = startServer();
  const greenlet = spawn(() => fetch(server.url("/hang")));
  await until(server.reached("/hang"));
  await greenlet.kill();
  assertInstanceOf(greenlet.value as unknown, GreenletExit);
  assert(String(greenlet.value).includes("while it waited for fetch"));
  await until(server.gone("/hang"));
});

Deno.test("fetch() whose greenlet is killed while it sends a stream closes the connection, and the stream", async () => {
  await using server = startServer();
  const cancelled = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("begun ")),
    cancel: () => cancelled.resolve(),
  });
  const greenlet = spawn(() => fetch(server.url("/drain"), { method: "POST", body }));
  await until(server.reached("/drain"));
  await greenlet.kill();
  assertInstanceOf(greenlet.value as unknown, GreenletExit);
  await until(server.gone("/drain"));
  await until(cancelled.promise);
});

Deno.test("fetch() in a shield ends before the kill arrives", async () => {
  await using server = startServer();
  const log: string[] = [];
  const greenlet = spawn(async () => {
    log.push(await shield(async () => await (await fetch(server.url("/text"))).text()));
    await sleep();
    log.push("never");
  });
  await sleep();
  await greenlet.kill();
  assertEquals(log, ["hello"]);
});

Deno.test("fetch() is limited by its timeout, which closes the connection", async () => {
  await using server = startServer();
  const limit = new Timeout(60_000);
  for (const timeout of [60_000, Temporal.Duration.from({ minutes: 1 }), limit]) {
    const path = `/hang/${typeof timeout}/${timeout === limit}`;
    const fetching = spawn(() => fetch(server.url(path), { timeout }).catch((error) => error));
    await until(server.reached(path));
    getHub().timers.fireDue(getHub().now() + 60_000);
    const error = await fetching.get();
    if (timeout === limit) assertStrictEquals(error, limit);
    else assertEquals(String(error), "Timeout: Timed out after 60000 ms: waiting for fetch");
    await until(server.gone(path));
  }
});

Deno.test("fetch() with a timeout of 0 asks nobody", async () => {
  const asked: unknown[] = [];
  const platform = globalThis.fetch;
  globalThis.fetch = (input) => (asked.push(input), platform(input));
  try {
    await assertRejects(() => fetch("data:,x", { timeout: 0 }), Timeout);
    assertEquals(asked, []);
  } finally {
    globalThis.fetch = platform;
  }
});

Deno.test("fetch() has no limit for its body in its timeout", async () => {
  await using server = startServer();
  const response = await fetch(server.url("/text"), { timeout: 60_000 });
  assertEquals(getHub().stats().timers, 0);
  assertEquals(await response.text(), "hello");
});

Deno.test("fetch() is stopped by withTimeout() while the headers are awaited", async () => {
  await using server = startServer();
  const fetching = spawn(() => withTimeout(60_000, () => fetch(server.url("/hang")), { value: "too slow" }));
  await until(server.reached("/hang"));
  getHub().timers.fireDue(getHub().now() + 60_000);
  assertEquals(await fetching.get(), "too slow");
  await until(server.gone("/hang"));
});

Deno.test("fetch() ends with the reason of its signal, be it in the options or in the Request", async () => {
  await using server = startServer();
  const fetches: Record<string, (url: string, signal: AbortSignal) => Promise<Response>> = {
    options: (url, signal) => fetch(url, { signal }),
    request: (url, signal) => fetch(new Request(url, { signal })),
    both: (url, signal) => fetch(new Request(url, { signal: new AbortController().signal }), { signal }),
  };
  for (const [name, start] of Object.entries(fetches)) {
    const path = `/hang/${name}`;
    const controller = new AbortController();
    const aborted = start(server.url(path), controller.signal).catch((reason) => reason);
    await until(server.reached(path));
    controller.abort(`changed my mind about ${name}`);
    assertEquals(await aborted, `changed my mind about ${name}`);
    await until(server.gone(path));
  }
  const reason = new Error("no");
  const caught = await assertRejects(() => fetch(server.url("/text"), { signal: AbortSignal.abort(reason) }));
  assertStrictEquals(caught, reason);
});

Deno.test("fetch() with a signal of null takes none, not even that of the Request", async () => {
  await using server = startServer();
  const request = new Request(server.url("/text"), { signal: AbortSignal.abort() });
  assertEquals(await (await fetch(request, { signal: null })).text(), "hello");
});

Deno.test("fetch() rejects with TypeError for a bad URL and a refused connection", async () => {
  await assertRejects(() => fetch("not a url"), TypeError);
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  await assertRejects(() => fetch(`http://127.0.0.1:${port}/`), TypeError);
  assertEquals(getHub().stats().foreignWaits, 0);
});

Deno.test("fetch() throws at the call for a bad timeout", () => {
  assertThrows(
    () => void fetch("data:,x", { timeout: -1 }),
    RangeError,
    "Cannot fetch: timeout must be 0 or more milliseconds, received -1",
  );
  assertThrows(() => void fetch("data:,x", { timeout: NaN }), RangeError, "received NaN");
  assertThrows(() => void fetch("data:,x", { timeout: "1" as never }), TypeError, "received 1");
  assertEquals(getHub().stats().foreignWaits, 0);
});

Deno.test("fetch() throws at the call in a callback of the hub", async () => {
  const names: string[] = [];
  getHub().runCallback(() => {
    names.push(assertThrows(() => void fetch("data:,x"), BlockingSwitchOutError).name);
  });
  await sleep();
  assertEquals(names.length, 1);
});

Deno.test("fetch() that nobody awaits rejects quietly", async () => {
  using errors = captureErrors();
  const greenlet = spawn(async () => {
    void fetch("not a url");
    void fetch("data:,x", { timeout: 0 });
    void fetch("data:,x", { signal: AbortSignal.abort(new Error("no")) });
    await turn();
    return "unharmed";
  });
  assertEquals([await greenlet.get(), errors.seen], ["unharmed", []]);
  await turn(); // an unhandled rejection would have failed the test by now
});

Deno.test("fetch() does not begin while a kill is due", async () => {
  await using server = startServer();
  const greenlet = spawn(async () => {
    void getCurrent()!.kill("enough", { block: false });
    await fetch(server.url("/text"));
  });
  await greenlet.join();
  assertInstanceOf(greenlet.value as unknown, GreenletExit);
  assertEquals(getHub().stats().foreignWaits, 0);
});
