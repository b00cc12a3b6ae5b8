import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  connectWebSocket,
  Event,
  getCurrent,
  getHub,
  listen,
  Pool,
  sleep,
  spawn,
  StreamServer,
  type UpgradeRequest,
  type WebSocketConn,
  WebSocketError,
  type WebSocketHandler,
  WebSocketServer,
  type WebSocketServerOptions,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, bytes, calm, certificate, eventually, unixPlace } from "../network.ts";
import {
  ACCEPT,
  ANY_PORT,
  CLOSE,
  closePayload,
  dial,
  echo,
  frame,
  portOf,
  RawPeer,
  requestHead,
  startServer,
  TEXT,
  urlOf,
} from "./peers.ts";

const never: WebSocketHandler = () => new Event().wait();

/** Sends a request, and yields the answer and what followed it. */
async function ask(
  server: WebSocketServer,
  request: string | Uint8Array,
): Promise<[string, Map<string, string>]> {
  using peer = await RawPeer.connect(portOf(server));
  await peer.write(request);
  const [status, ...lines] = (await peer.head()).split("\r\n");
  const fields = new Map(
    lines.map((line) => [line.split(": ")[0]!.toLowerCase(), line.split(": ")[1] ?? ""]),
  );
  if (!status!.includes("101")) assertEquals(await peer.frame(), undefined); // the end
  return [status!, fields];
}

async function statusOf(server: WebSocketServer, request: string | Uint8Array): Promise<number> {
  return Number((await ask(server, request))[0].split(" ")[1]);
}

Deno.test("WebSocketServer answers a proper request", async () => {
  await using server = await startServer(never, { protocols: ["b", "a"], stopTimeout: 0 });
  const [status, fields] = await ask(server, requestHead({ "Sec-WebSocket-Protocol": "x, a, b" }));
  assertEquals(status, "HTTP/1.1 101 Switching Protocols");
  assertEquals([fields.get("upgrade"), fields.get("connection")], ["websocket", "Upgrade"]);
  assertEquals([fields.get("sec-websocket-accept"), fields.get("sec-websocket-protocol")], [ACCEPT, "a"]);
  const liberal = requestHead({ "Upgrade": "h2c, WebSocket", "Connection": "keep-alive, UPGRADE" });
  assertEquals(await statusOf(server, liberal), 101);
  const [, none] = await ask(server, requestHead({ "Sec-WebSocket-Protocol": "x" }));
  assertEquals(none.has("sec-websocket-protocol"), false);
  const [, other] = await ask(server, requestHead({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
  assertEquals(other.has("sec-websocket-extensions"), false);
});

const refused: Record<string, [number, string]> = {
  "no Upgrade": [400, requestHead({ Upgrade: undefined })],
  "another Upgrade": [400, requestHead({ Upgrade: "h2c" })],
  "no Connection": [400, requestHead({ Connection: undefined })],
  "another Connection": [400, requestHead({ Connection: "keep-alive" })],
  "no key": [400, requestHead({ "Sec-WebSocket-Key": undefined })],
  "a short key": [400, requestHead({ "Sec-WebSocket-Key": "c2hvcnQ=" })],
  "a key that is not base64": [400, requestHead({ "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!==" })],
  "two keys": [400, requestHead({ "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" })],
  "no version": [426, requestHead({ "Sec-WebSocket-Version": undefined })],
  "version 8": [426, requestHead({ "Sec-WebSocket-Version": "8" })],
  "no Host": [400, requestHead({ Host: undefined })],
  "two Hosts": [400, requestHead({ host: "b" })],
  "a Host that is none": [400, requestHead({ Host: "a b/c" })],
  "a Host with a path": [400, requestHead({ Host: "a/b" })],
  POST: [400, requestHead({}, "POST / HTTP/1.1")],
  "HTTP/1.0": [400, requestHead({}, "GET / HTTP/1.0")],
  "HTTP/2": [400, requestHead({}, "GET / HTTP/2")],
  "a path without a slash": [400, requestHead({}, "GET * HTTP/1.1")],
  "a blank in the path": [400, requestHead({}, "GET /a b HTTP/1.1")],
  "a body": [400, requestHead({ "Content-Length": "5" })],
  "a chunked body": [400, requestHead({ "Transfer-Encoding": "chunked" })],
  "a protocol that is none": [400, requestHead({ "Sec-WebSocket-Protocol": "a b" })],
  "a folded line": [400, requestHead({ "X-A": "b\r\n c" })],
  "a field that is none": [400, requestHead({ "no colon\r\nX": "y" })],
  "garbage": [400, "\x16\x03\x01\x02\0garbage\r\n\r\n"],
  "nothing but an end": [400, "\r\n\r\n"],
};

for (const [name, [status, request]] of Object.entries(refused)) {
  Deno.test(`WebSocketServer answers ${status} to a request with ${name}`, async () => {
    using errors = captureErrors();
    await using server = await startServer(never);
    const [line, fields] = await ask(server, request);
    assertEquals([line.slice(0, 12), fields.get("connection"), fields.get("content-length")], [
      `HTTP/1.1 ${status}`,
      "close",
      "0",
    ]);
    assertEquals(fields.get("sec-websocket-version"), status === 426 ? "13" : undefined);
    await eventually(() => server.running === 0);
    assertEquals(errors.seen, []);
  });
}

Deno.test("WebSocketServer answers 431 to a head beyond 64 KiB, and the answer arrives", async () => {
  using errors = captureErrors();
  await using server = await startServer(never, { stopTimeout: 0 });
  assertEquals(await statusOf(server, requestHead({ "X-Long": "x".repeat(70_000) })), 431);
  assertEquals(await statusOf(server, requestHead({ "X-Long": "x".repeat(30_000_000) })), 431);
  assertEquals(
    await statusOf(server, requestHead({ "X-Long": "x".repeat(65_000) })),
    101,
  );
  assertEquals(errors.seen, []);
});

Deno.test("WebSocketServer answers 404 to another path than its own, whatever the query", async () => {
  await using server = await startServer(never, { path: "/chat", stopTimeout: 0 });
  const ask = (target: string) => statusOf(server, requestHead({}, `GET ${target} HTTP/1.1`));
  assertEquals(await Promise.all(["/", "/chat/", "/chatter", "/other?/chat"].map(ask)), [404, 404, 404, 404]);
  assertEquals(await Promise.all(["/chat", "/chat?a=b", "http://any/chat"].map(ask)), [101, 101, 101]);
});

Deno.test("WebSocketServer answers 403 to an origin that is refused", async () => {
  const seen: [string | undefined, string][] = [];
  await using server = await startServer(never, {
    stopTimeout: 0,
    async checkOrigin(origin, { path }) {
      await sleep(); // it may wait
      seen.push([origin, path]);
      return origin === "https://good.example";
    },
  });
  assertEquals(await statusOf(server, requestHead({ Origin: "https://evil.example" })), 403);
  assertEquals(await statusOf(server, requestHead()), 403);
  assertEquals(
    await statusOf(server, requestHead({ Origin: "https://good.example" }, "GET /a HTTP/1.1")),
    101,
  );
  assertEquals(seen, [["https://evil.example", "/"], [undefined, "/"], ["https://good.example", "/a"]]);
});

Deno.test("WebSocketServer reports an error of checkOrigin, and goes on", async () => {
  using errors = captureErrors();
  const failure = new Error("broken check");
  let broken = true;
  await using server = await startServer(never, {
    stopTimeout: 0,
    checkOrigin() {
      if (broken) throw failure;
      return true;
    },
  });
  {
    using peer = await RawPeer.connect(portOf(server));
    await peer.write(requestHead());
    await assertRejects(() => peer.head(), Error, "ended");
  }
  assertEquals(errors.seen, [failure]);
  broken = false;
  assertEquals(await statusOf(server, requestHead()), 101);
});

Deno.test("WebSocketServer answers 408 to a client that does not finish its request in time", async () => {
  using errors = captureErrors();
  await using server = await startServer(never, { handshakeTimeout: 20 });
  for (const part of ["", "GET / HT", requestHead().slice(0, -2)]) {
    assertEquals(await statusOf(server, part), 408);
  }
  assertEquals(errors.seen, []);
});

Deno.test("WebSocketServer does not mind clients that come and go", async () => {
  using errors = captureErrors();
  await using server = await startServer(echo);
  for (const part of ["", "GET / HT", requestHead().slice(0, -2), requestHead()]) {
    for (let i = 0; i < 10; i++) {
      using peer = await RawPeer.connect(portOf(server));
      await peer.write(part);
    }
  }
  await eventually(() => server.running === 0);
  assertEquals(errors.seen, []);
});

Deno.test("WebSocketServer shows its handler the request", async () => {
  const seen = Promise.withResolvers<UpgradeRequest>();
  await using server = await startServer((_ws, request) => seen.resolve(request));
  const url = `${urlOf(server)}room/a%20b?x=1`;
  await using ws = await connectWebSocket(url, {
    headers: { "x-a": "1", cookie: "c=d" },
    protocols: ["p", "q"],
  });
  const request = await seen.promise;
  const { method, path, headers, protocols, remoteAddr } = request;
  assertEquals([method, path, request.url, ws.url], ["GET", "/room/a%20b", url, url]);
  assertEquals([headers.get("X-A"), headers.get("cookie"), headers.get("upgrade")], [
    "1",
    "c=d",
    "websocket",
  ]);
  assertEquals([protocols, (remoteAddr as Deno.NetAddr).hostname], [["p", "q"], "127.0.0.1"]);
});

/** How a handler ends, and what its client is told. */
const endings: [string, WebSocketHandler, number, number][] = [
  ["returns", () => {}, 1000, 0],
  ["returns after a while", async (ws) => void await ws.receive(), 1000, 0],
  [
    "throws",
    () => {
      throw new Error("expected");
    },
    1011,
    1,
  ],
  [
    "throws after a while",
    async (ws) => {
      await ws.receive();
      throw new Error("expected");
    },
    1011,
    1,
  ],
  ["is killed", () => void getCurrent()!.kill(undefined, { block: false }), 1000, 0],
  [
    "is killed while it waits",
    async () => {
      void getCurrent()!.kill(undefined, { block: false });
      await sleep(10_000);
    },
    1001,
    0,
  ],
  ["closes by itself", (ws) => ws.close(4000), 4000, 0],
];

for (const [name, handler, code, reports] of endings) {
  Deno.test(`WebSocketServer: a handler that ${name} closes with ${code}`, async () => {
    using errors = captureErrors();
    await using server = await startServer(handler);
    const ws = await dial(server);
    await ws.send("go").catch(() => {});
    while (await ws.receive() !== undefined);
    assertEquals(ws.closeCode, code);
    await ws.close();
    await eventually(() => server.running === 0);
    assertEquals(errors.seen.length, reports);
  });
}

Deno.test("WebSocketServer does not report what the client did", async () => {
  using errors = captureErrors();
  const outcomes: unknown[] = [];
  const handler: WebSocketHandler = async (ws) => {
    try {
      for (;;) {
        if (await ws.receive() === undefined) await ws.send("are you there?");
      }
    } catch (error) {
      outcomes.push(error);
      throw error;
    }
  };
  await using server = await startServer(handler);
  {
    using bad = await RawPeer.open(portOf(server));
    await bad.write(frame(3, "x"));
    assertEquals(await bad.closeCode(), 1002);
  }
  {
    using gone = await RawPeer.open(portOf(server));
    await gone.write(frame(CLOSE, closePayload(1000)));
    assertEquals(await gone.closeCode(), 1000);
  }
  await eventually(() => server.running === 0);
  assertEquals(outcomes.map((error) => error instanceof WebSocketError && error.code), [1002, 1000]);
  assertEquals(errors.seen, []);
});

Deno.test("WebSocketServer.stop() closes with 1001 what does not end by itself", async () => {
  const cleanUps: string[] = [];
  const server = await startServer(async (ws) => {
    try {
      for await (const message of ws) await ws.send(message);
    } finally {
      cleanUps.push("done");
    }
  });
  const clients = await Promise.all([1, 2, 3].map(() => dial(server)));
  const ends = clients.map((ws) => spawn(() => ws.receive()));
  await server.stop({ timeout: 1 });
  for (const end of ends) assertEquals(await end.get(), undefined);
  assertEquals(clients.map(({ closeCode }) => closeCode), [1001, 1001, 1001]);
  assertEquals([cleanUps.length, server.running], [3, 0]);
  for (const client of clients) await client.close();
  await assertIdleSoon();
});

Deno.test("WebSocketServer.stop() in every phase of a connection leaves nothing", async () => {
  using errors = captureErrors();
  const phases: [string, (server: WebSocketServer) => Promise<RawPeer>][] = [
    ["before the request", (server) => RawPeer.connect(portOf(server))],
    ["in the request", async (server) => {
      const peer = await RawPeer.connect(portOf(server));
      await peer.write("GET / HTTP/1.1\r\nHo");
      return peer;
    }],
    ["while it is refused", async (server) => {
      const peer = await RawPeer.connect(portOf(server));
      await peer.write(requestHead({ Host: undefined }));
      return peer;
    }],
    ["in the handler", (server) => RawPeer.open(portOf(server))],
    ["in the middle of a frame", async (server) => {
      const peer = await RawPeer.open(portOf(server));
      await peer.write(frame(TEXT, "half of it").subarray(0, 9));
      return peer;
    }],
    ["while the client does not read", async (server) => {
      const peer = await RawPeer.open(portOf(server));
      await peer.write(frame(TEXT, "flood"));
      return peer;
    }],
    ["while it is closed by the handler", async (server) => {
      const peer = await RawPeer.open(portOf(server));
      await peer.write(frame(TEXT, "return"));
      await peer.frame();
      return peer;
    }],
    ["after a violation", async (server) => {
      const peer = await RawPeer.open(portOf(server));
      await peer.write(frame(3, "x"));
      await peer.frame();
      return peer;
    }],
  ];
  for (const [_name, reach] of phases) {
    const server = await startServer(async (ws) => {
      for await (const message of ws) {
        if (message === "return") return;
        while (message === "flood") await ws.send(new Uint8Array(1_000_000));
      }
    }, { closeTimeout: 300 });
    using peer = await reach(server);
    await eventually(() => server.running === 1);
    await calm();
    await server.stop({ timeout: 1 });
    assertEquals(server.running, 0);
    peer.close();
    await assertIdleSoon();
  }
  assertEquals(errors.seen, []);
});

Deno.test("WebSocketServer.stop() does not wait long for clients that do not answer, whatever closeTimeout is", async () => {
  using errors = captureErrors();
  const server = await startServer(never, { closeTimeout: 60_000 });
  using peer = await RawPeer.open(portOf(server));
  await server.stop({ timeout: 0 });
  assertEquals([server.running, errors.seen], [0, []]);
  assertEquals(await peer.closeCode(), 1001);
  await assertIdleSoon();
});

Deno.test("WebSocketServer.stop() lets handlers finish that do so in time", async () => {
  const server = await startServer(async (ws) => {
    await ws.receive();
    await ws.send("goodbye");
  });
  const ws = await dial(server);
  const stopping = spawn(() => server.stop({ timeout: 10_000 }));
  await calm();
  await assertRejects(() => dial(server));
  await ws.send("now");
  assertEquals([await ws.receive(), await ws.receive()], ["goodbye", undefined]);
  await stopping.get();
  assertEquals(ws.closeCode, 1000);
  await ws.close();
});

Deno.test("WebSocketServer with TLS", async () => {
  const { cert, key } = await certificate();
  await using server = await startServer(echo, { tls: { cert, key } });
  const url = `wss://localhost:${portOf(server)}/secret`;
  await using ws = await connectWebSocket(url, { caCerts: [cert], timeout: 5_000 });
  for (const message of ["hello", new Uint8Array(500_000).fill(1)]) {
    await ws.send(message);
    assertEquals(await ws.receive(), message);
  }
  await ws.ping();
  using errors = captureErrors();
  await assertRejects(() => connectWebSocket(url, { timeout: 5_000 }), Deno.errors.InvalidData);
  await eventually(() => errors.seen.length === 1);
});

Deno.test("WebSocketServer on a listener, also on a Unix socket", async () => {
  using place = unixPlace();
  await using server = new WebSocketServer(listen({ path: place.path }), echo);
  await server.start();
  using conn = await Deno.connect({ transport: "unix", path: place.path });
  await conn.write(bytes(requestHead()));
  const buffer = new Uint8Array(1000);
  await conn.read(buffer);
  await conn.write(frame(TEXT, "hi"));
  assertEquals(buffer.subarray(0, await conn.read(buffer) ?? 0), frame(TEXT, "hi", { masked: false }));
  await conn.write(frame(CLOSE));
});

Deno.test("WebSocketServer runs its handlers in a pool, and accepts nobody while it is full", async () => {
  const pool = new Pool(1);
  const gate = new Event();
  await using server = await startServer(() => gate.wait(), { spawn: pool });
  await using first = await dial(server);
  const second = spawn(() => dial(server));
  await calm();
  assertEquals([server.running, second.ready], [1, false]);
  gate.set();
  assertEquals(await first.receive(), undefined);
  await using _second = await second.get();
});

Deno.test("WebSocketServer refuses bad options", () => {
  const make = (options: unknown, handler: unknown = echo) => () =>
    new WebSocketServer(ANY_PORT, handler as WebSocketHandler, options as WebSocketServerOptions);
  assertThrows(make({}, null), TypeError, "handler must be a function, received null");
  const bad: [unknown, typeof Error, string][] = [
    [{ maxMessageBytes: 0 }, RangeError, "maxMessageBytes must be a positive integer, received 0"],
    [{ maxBuffered: -1 }, RangeError, "maxBuffered must be a non-negative integer, received -1"],
    [{ maxQueued: 1.5 }, RangeError, "maxQueued must be a positive integer, received 1.5"],
    [{ idleTimeout: 0 }, RangeError, "idleTimeout must be positive, received 0"],
    [{ idleTimeout: "soon" }, TypeError, "soon"],
    [{ closeTimeout: NaN }, RangeError, "NaN"],
    [{ handshakeTimeout: -1 }, RangeError, "-1"],
    [{ protocols: "chat" }, TypeError, "chat"],
    [{ protocols: ["a b"] }, TypeError, '"a b"'],
    [{ protocols: ["a", "a"] }, TypeError, "a twice"],
    [{ checkOrigin: true }, TypeError, "checkOrigin must be a function, received true"],
    [{ path: "chat" }, TypeError, '"chat"'],
    [{ spawn: 0 }, RangeError, "0"],
  ];
  for (const [options, Class, message] of bad) assertThrows(make(options), Class, message);
  assertThrows(() => new WebSocketServer(-1, echo), RangeError, "-1");
  assert(new WebSocketServer(ANY_PORT, echo) instanceof StreamServer);
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("WebSocketServer: a client that breaks the protocol does not disturb the others", async () => {
  await using server = await startServer(echo);
  await using good: WebSocketConn = await dial(server);
  for (let i = 0; i < 20; i++) {
    using bad = await RawPeer.open(portOf(server));
    await bad.write(frame(TEXT, [0xff]), frame(TEXT, "more"));
    await good.send(`${i}`);
    assertEquals([await good.receive(), await bad.closeCode()], [`${i}`, 1007]);
  }
});
