/** Options of `HttpServer`, its life from start to end, and the places where it listens. */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  connect,
  Event,
  getHub,
  HttpServer,
  type HttpServerOptions,
  listen,
  Pool,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, certificate, unixPlace } from "../network.ts";
import { ANY_PORT, isRefused, never, portOf } from "../servers.ts";
import { askOnce, begin, get, post, RawClient, startHttp, urlOf } from "./http_servers.ts";

const hello = () => new Response("hello");

Deno.test("HttpServer refuses options that make no sense at the call, naming the value", () => {
  const cases: [options: Record<string, unknown>, type: typeof Error, message: string][] = [
    [{ spawn: 0 }, RangeError, "spawn must be a positive integer or Infinity, received 0"],
    [{ spawn: 1.5 }, RangeError, "received 1.5"],
    [{ spawn: NaN }, RangeError, "received NaN"],
    [{ spawn: "many" }, TypeError, 'spawn must be "default", a number or a Pool, received many'],
    [{ spawn: hello }, TypeError, "spawn must be"],
    [{ maxQueued: -1 }, RangeError, "maxQueued must be a non-negative integer or Infinity, received -1"],
    [{ maxQueued: 0.5 }, RangeError, "received 0.5"],
    [{ maxQueued: NaN }, RangeError, "received NaN"],
    [
      { maxBodyBytes: -1 },
      RangeError,
      "maxBodyBytes must be a non-negative integer or Infinity, received -1",
    ],
    [{ maxBodyBytes: "10" }, RangeError, "received 10"],
    [{ requestTimeout: -1 }, RangeError, "requestTimeout must be 0 or more milliseconds, received -1"],
    [{ requestTimeout: NaN }, RangeError, "received NaN"],
    [{ requestTimeout: "5" }, TypeError, "requestTimeout must be a number of milliseconds"],
    [{ timeoutStatus: 500 }, RangeError, "timeoutStatus must be 503 or 504, received 500"],
    [{ stopTimeout: -1 }, RangeError, "stopTimeout must be 0 or more milliseconds, received -1"],
    [{ stopTimeout: null }, TypeError, "received null"],
    [{ onError: "log" }, TypeError, "onError must be a function, received log"],
    [{ accessLog: "combined" }, TypeError, "accessLog must be a function, received combined"],
    [{ accessLog: null }, TypeError, "received null"],
    [{ redact: "x-token" }, TypeError, "redact must be names of headers, received x-token"],
    [{ redact: ["x-token", 5] }, TypeError, "received x-token,5"],
  ];
  for (const [options, type, message] of cases) {
    const error = assertThrows(() => new HttpServer(ANY_PORT, hello, options as HttpServerOptions), type);
    assert(error instanceof type, `${error}`);
    assertStringIncludes(error.message, "Cannot create server: ");
    assertStringIncludes(error.message, message);
  }
});

Deno.test("HttpServer refuses addresses and handlers that make no sense at the call, naming the value", async () => {
  const { cert, key } = await certificate();
  const cases: [address: unknown, handler: unknown, type: typeof Error, message: string][] = [
    [-1, hello, RangeError, "received -1"],
    [65_536, hello, RangeError, "received 65536"],
    ["somewhere", hello, TypeError, 'received "somewhere"'],
    [null, hello, TypeError, "received null"],
    [{}, hello, TypeError, "received neither"],
    [{ port: 0, path: "/tmp/s" }, hello, TypeError, "received both"],
    [{ port: 0, hostname: "" }, hello, TypeError, 'received ""'],
    [{ port: 0, backlog: -1 }, hello, RangeError, "backlog must be a non-negative integer, received -1"],
    [{ path: "/tmp/s", tls: { cert, key } }, hello, TypeError, "TLS needs a port, received a path"],
    [{ port: 0, tls: { cert } }, hello, TypeError, "tls.key must be PEM text, received undefined"],
    [{ port: 0, tls: { cert: 5, key } }, hello, TypeError, "tls.cert must be PEM text, received 5"],
    [{ port: 0, tls: null }, hello, TypeError, "received undefined"],
    [0, undefined, TypeError, "handler must be a function, received undefined"],
    [0, "hello", TypeError, "handler must be a function, received hello"],
  ];
  for (const [address, handler, type, message] of cases) {
    const error = assertThrows(() => new HttpServer(address as number, handler as typeof hello), type);
    assert(error instanceof type, `${error}`);
    assertStringIncludes(error.message, message);
  }
});

Deno.test("HttpServer takes every kind of good option", async () => {
  const options: HttpServerOptions = {
    spawn: new Pool(3),
    maxQueued: Infinity,
    maxBodyBytes: Infinity,
    requestTimeout: Temporal.Duration.from({ seconds: 5 }),
    timeoutStatus: 504,
    stopTimeout: Temporal.Duration.from({ seconds: 5 }),
    accessLog: false,
    redact: ["X-Token"],
    onError: undefined,
  };
  await using server = await startHttp(hello, options);
  assertEquals((await askOnce(server)).body, "hello");
});

Deno.test("HttpServer.address has the real port of port 0, and stays after the stop", async () => {
  const server = new HttpServer("127.0.0.1:0", hello);
  assertEquals([server.address, server.started, server.closed], [undefined, false, false]);
  assertEquals(String(server), "HttpServer");
  await server.start();
  const { hostname, port } = server.address as Deno.NetAddr;
  assert(hostname === "127.0.0.1" && port > 0);
  assertEquals([server.started, String(server)], [true, `HttpServer on 127.0.0.1:${port}`]);
  await server.stop();
  assertEquals([server.started, server.closed, portOf(server)], [false, true, port]);
});

Deno.test("HttpServer.start() called again does nothing", async () => {
  await using server = await startHttp(hello);
  const port = portOf(server);
  await server.start();
  await Promise.all([server.start(), server.start()]);
  assertEquals([portOf(server), (await askOnce(server)).body], [port, "hello"]);
});

Deno.test("HttpServer.start() throws AddrInUse that names the place, and can be tried again", async () => {
  const other = listen(ANY_PORT);
  const port = portOf(other);
  await using server = new HttpServer(`127.0.0.1:${port}`, hello);
  const error = assertThrows(() => server.start(), Deno.errors.AddrInUse);
  assertStringIncludes(error.message, `Cannot serve HTTP on 127.0.0.1:${port}`);
  assertEquals([server.started, server.closed, server.address], [false, false, undefined]);
  other.close();
  await server.start();
  assertEquals((await askOnce(server)).status, 200);
});

Deno.test("HttpServer.start() is refused after the end, however it came to that", async () => {
  const stopped = await startHttp(hello);
  await stopped.stop();
  const closed = await startHttp(hello);
  closed.close();
  const fresh = new HttpServer(ANY_PORT, hello);
  await fresh.stop();
  await fresh.stop();
  for (const server of [stopped, closed, fresh]) {
    assertThrows(() => server.start(), Error, "Cannot start server: it is closed");
    assertEquals([server.started, server.closed], [false, true]);
  }
  await closed.stop();
});

Deno.test("HttpServer.close() stops accepting, the handlers go on", async () => {
  const [begun, go] = [new Event(), new Event()];
  const server = await startHttp(async () => {
    begun.set();
    await go.wait();
    return new Response("done");
  });
  using client = await begin(server);
  await begun.wait();
  server.close();
  server.close();
  assertEquals([server.started, server.closed, server.running], [false, true, 1]);
  assert(await isRefused(portOf(server)));
  go.set();
  assertEquals((await client.receive()).body, "done");
  await server.stop();
});

Deno.test("HttpServer is stopped at the end of an await using block, clean-up of handlers included", async () => {
  const log: string[] = [];
  const begun = new Event();
  let client: RawClient;
  {
    await using server = await startHttp(async () => {
      begun.set();
      try {
        await never();
        return hello();
      } finally {
        await sleep(1);
        log.push("clean-up");
      }
    }, { stopTimeout: 5 });
    client = await begin(server);
    await begun.wait();
  }
  assertEquals([log, (await client.receive()).status], [["clean-up"], 503]);
  client.leave();
  await assertIdleSoon();
});

Deno.test("HttpServer.serveForever() starts, and ends when the stop is over", async () => {
  const server = new HttpServer(ANY_PORT, hello);
  const log: string[] = [];
  const serving = spawn(async () => {
    await server.serveForever(); // it would be a leak if it went on listening to signals
    log.push("over");
  });
  await sleep();
  assertEquals((await askOnce(server)).body, "hello");
  await server.stop();
  await serving.get();
  assertEquals([log, server.closed], [["over"], true]);
});

Deno.test("HttpServer.serveForever() stops at a signal, and requests finish", async () => {
  const begun = new Event();
  const server = new HttpServer(ANY_PORT, async () => {
    begun.set();
    await sleep(20);
    return hello();
  });
  const serving = spawn(() => server.serveForever({ signals: ["SIGUSR2"], stopTimeout: 5_000 }));
  await sleep();
  using client = await begin(server);
  await begun.wait();
  Deno.kill(Deno.pid, "SIGUSR2");
  assertEquals((await client.receive()).body, "hello");
  await serving.get();
  assert(server.closed);
});

Deno.test("HttpServer.serveForever() that is killed stops the server", async () => {
  const begun = new Event();
  const log: string[] = [];
  const server = new HttpServer(ANY_PORT, async () => {
    begun.set();
    try {
      await never();
      return hello();
    } finally {
      await sleep();
      log.push("clean-up");
    }
  }, { stopTimeout: 1 });
  const serving = spawn(() => server.serveForever({ signals: [] }));
  await sleep();
  using client = await begin(server);
  await begun.wait();
  await serving.kill();
  assertEquals([log, server.closed, (await client.receive()).status], [["clean-up"], true, 503]);
});

Deno.test("HttpServer.stop() and serveForever() refuse to wait in a callback of the hub, and do nothing", async () => {
  await using server = await startHttp(hello);
  const called = new Event();
  getHub().runCallback(() => {
    assertThrows(() => server.stop(), BlockingSwitchOutError, "Cannot stop server here");
    assertThrows(() => server.serveForever(), BlockingSwitchOutError, "Cannot serve here");
    called.set();
  });
  using errors = captureErrors();
  await sleep();
  assertEquals([errors.seen, called.isSet, server.started], [[], true, true]);
});

// ---- Where it listens ------------------------------------------------------------------------------

Deno.test("HttpServer listens on a Unix socket, which is gone after the stop", async () => {
  using place = unixPlace();
  const server = new HttpServer(
    { path: place.path },
    (request, { remoteAddr }) => new Response(`${new URL(request.url).pathname} ${remoteAddr.transport}`),
  );
  await server.start();
  assertEquals(String(server), `HttpServer on ${place.path}`);
  assertEquals((await askOnce(server, get("/a"))).body, "/a unix");
  await server.stop();
  await assertRejects(() => connect({ path: place.path }));
});

Deno.test("HttpServer listens on IPv6, with or without brackets", async () => {
  for (const address of ["[::1]:0", { hostname: "::1", port: 0 }, { hostname: "[::1]", port: 0 }]) {
    await using server = new HttpServer(address, hello);
    await server.start();
    assertEquals(await (await fetch(`http://[::1]:${portOf(server)}/`)).text(), "hello");
    const taken = new HttpServer(`[::1]:${portOf(server)}`, hello);
    const error = assertThrows(() => taken.start(), Deno.errors.AddrInUse);
    assertStringIncludes(error.message, `Cannot serve HTTP on [::1]:${portOf(server)}`);
  }
});

Deno.test("HttpServer asks the platform for room for a burst of clients", async () => {
  const { serve } = Deno;
  const backlogs: unknown[] = [];
  Deno.serve = ((options: Deno.ServeTcpOptions, handler: Deno.ServeHandler) => {
    backlogs.push(options.tcpBacklog);
    return serve(options, handler);
  }) as typeof Deno.serve;
  try {
    for (const address of [ANY_PORT, { ...ANY_PORT, backlog: 7 }]) {
      await using server = new HttpServer(address, hello);
      await server.start();
    }
  } finally {
    Deno.serve = serve;
  }
  assertEquals(backlogs, [4_096, 7]);
});

Deno.test("HttpServer takes a burst of clients", async () => {
  await using server = await startHttp(hello);
  const clients = await Promise.all(Array.from({ length: 600 }, () => RawClient.connect(server)));
  const answers = await Promise.all(clients.map((client) => client.ask(get())));
  for (const client of clients) client.leave();
  assertEquals(answers.filter(({ body }) => body === "hello").length, 600);
});

for (
  const [protocol, kind] of [["HTTP/1.1", { http1: true, http2: false }], ["HTTP/2", {
    http2: true,
  }]] as const
) {
  Deno.test(`HttpServer speaks ${protocol} over TLS, with the same limits`, async () => {
    const { cert, key } = await certificate();
    await using server = new HttpServer(
      { ...ANY_PORT, tls: { cert, key } },
      async (request) => new Response(`${request.method} ${await request.text()}`),
      { maxBodyBytes: 10 },
    );
    await server.start();
    using client = Deno.createHttpClient({ caCerts: [cert], ...kind });
    const url = `https://localhost:${portOf(server)}/`;
    const ask = async (init: RequestInit) => {
      const response = await fetch(url, { ...init, client });
      return [response.status, await response.text()];
    };
    assertEquals(await ask({}), [200, "GET "]);
    assertEquals(await ask({ method: "POST", body: "0123456789" }), [200, "POST 0123456789"]);
    assertEquals(await ask({ method: "POST", body: "0123456789a" }), [413, "Content Too Large\n"]);
    const stream = ReadableStream.from(["0123456789", "a"]).pipeThrough(new TextEncoderStream());
    assertEquals(await ask({ method: "POST", body: stream }), [413, "Content Too Large\n"]);
    assertEquals(await ask({}), [200, "GET "]);
  });
}

Deno.test("HttpServer with a certificate that is none says so at the start", async () => {
  const server = new HttpServer({ ...ANY_PORT, tls: { cert: "no", key: "no" } }, hello);
  assertThrows(() => server.start(), Error);
  assertEquals([server.started, server.address], [false, undefined]);
  await server.stop();
});

Deno.test("HttpServer serves fetch() and keeps connections alive", async () => {
  const ports = new Set<number>();
  await using server = await startHttp(async (request, { remoteAddr }) => {
    ports.add((remoteAddr as Deno.NetAddr).port);
    return new Response(await request.text());
  });
  assertEquals(
    await (await fetch(urlOf(server), { method: "POST", body: "with fetch" })).text(),
    "with fetch",
  );
  using client = await RawClient.connect(server);
  for (const body of ["one", "two", "three"]) assertEquals((await client.ask(post(body))).body, body);
  assertEquals(ports.size, 2);
});
