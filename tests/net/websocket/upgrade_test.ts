/** WebSockets on the platform's wire. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  connectWebSocket,
  getCurrent,
  getHub,
  Greenlet,
  sleep,
  spawn,
  upgrade,
  type UpgradeOptions,
  type WebSocketConn,
  WebSocketError,
} from "@verdant/green";
import type { WebSocketAdopter } from "../../../net/websocket/upgrade.ts";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, calm, eventually } from "../network.ts";
import { ANY_PORT, LIMIT, RawPeer, requestHead } from "./peers.ts";

type Handler = (ws: WebSocketConn) => unknown;

/** Serves with `Deno.serve()`. */
function serve(handler: Handler, options?: UpgradeOptions): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ ...ANY_PORT, onListen() {} }, (request) => upgrade(request, handler, options));
}

function urlOf(server: Deno.HttpServer<Deno.NetAddr>, path = "/"): string {
  return `ws://127.0.0.1:${server.addr.port}${path}`;
}

Deno.test("upgrade() runs the handler in a greenlet named after the path", async () => {
  const names: unknown[] = [];
  await using server = serve(async (ws) => {
    names.push(getCurrent()!.name, ws.url, ws.protocol);
    for await (const message of ws) await ws.send(message);
  }, { protocols: ["b", "c"] });
  await using ws = await connectWebSocket(urlOf(server, "/a/b?c=d"), {
    ...LIMIT,
    protocols: ["a", "c", "b"],
  });
  await ws.send("hello");
  assertEquals([await ws.receive(), ws.protocol], ["hello", "c"]);
  assertEquals(names, ["WebSocket /a/b", urlOf(server, "/a/b?c=d"), "c"]);
});

const refused: Record<string, [number, string, UpgradeOptions?]> = {
  "no Upgrade": [400, requestHead({ Upgrade: undefined, Connection: "keep-alive" })],
  "another Upgrade": [400, requestHead({ Upgrade: "h2c" })],
  "another Connection": [400, requestHead({ Connection: "close" })],
  "no key": [400, requestHead({ "Sec-WebSocket-Key": undefined })],
  "a bad key": [400, requestHead({ "Sec-WebSocket-Key": "abc" })],
  "a wrong version": [426, requestHead({ "Sec-WebSocket-Version": "8" })],
  "another method": [400, requestHead({ "Content-Length": "0" }, "POST / HTTP/1.1")],
  "a bad protocol": [400, requestHead({ "Sec-WebSocket-Protocol": "a b" })],
  "an origin that is refused": [403, requestHead({ Origin: "https://evil.example" }), {
    checkOrigin: (origin) => origin === "https://good.example",
  }],
};

for (const [name, [status, request, options]] of Object.entries(refused)) {
  Deno.test(`upgrade() answers ${status} to a request with ${name}`, async () => {
    using errors = captureErrors();
    await using server = serve(() => assert(false, "must not run"), options);
    using peer = await RawPeer.connect(server.addr.port);
    await peer.write(request);
    const head = await peer.head();
    assertEquals(head.slice(0, 12), `HTTP/1.1 ${status}`);
    assertEquals(/sec-websocket-version: 13/i.test(head), status === 426);
    assertEquals(errors.seen, []);
  });
}

Deno.test("upgrade() asks checkOrigin, and takes who is good", async () => {
  const seen: unknown[] = [];
  await using server = serve((ws) => ws.receive(), {
    checkOrigin(origin, request) {
      seen.push(origin, new URL(request.url).pathname);
      return true;
    },
  });
  await using _ws = await connectWebSocket(urlOf(server, "/x"), {
    headers: { Origin: "https://good.example" },
  });
  assertEquals(seen, ["https://good.example", "/x"]);
});

/** How a handler ends, and what its client is told. */
const endings: [string, Handler, number, number][] = [
  ["returns", () => {}, 1000, 0],
  [
    "throws",
    () => {
      throw new Error("expected");
    },
    1011,
    1,
  ],
  [
    "is killed",
    async () => {
      void getCurrent()!.kill(undefined, { block: false });
      await sleep(10_000);
    },
    1001,
    0,
  ],
  ["closes by itself", (ws) => ws.close(4000, "own"), 4000, 0],
];

for (const [name, handler, code, reports] of endings) {
  Deno.test(`upgrade(): a handler that ${name} closes with ${code}`, async () => {
    using errors = captureErrors();
    await using server = serve(handler);
    await using ws = await connectWebSocket(urlOf(server), LIMIT);
    assertEquals([await ws.receive(), ws.closeCode], [undefined, code]);
    await assertIdleSoonExcept(ws);
    assertEquals(errors.seen.length, reports);
  });
}

async function assertIdleSoonExcept(ws: WebSocketConn): Promise<void> {
  await ws.close();
  await assertIdleSoon();
}

Deno.test("upgrade() does not report that the client has gone", async () => {
  using errors = captureErrors();
  const done = Promise.withResolvers<unknown>();
  await using server = serve(async (ws) => {
    assertEquals(await ws.receive(), undefined);
    done.resolve(ws.closeCode);
    await ws.send("in vain");
  });
  const peer = await RawPeer.open(server.addr.port);
  peer.close();
  assertEquals(await done.promise, 1006);
  await assertIdleSoon();
  assertEquals(errors.seen, []);
});

Deno.test("upgrade() closes with 1009 who sends too much", async () => {
  const errors: unknown[] = [];
  await using server = serve((ws) => ws.receive().catch((error) => errors.push(error)), {
    maxMessageBytes: 1000,
  });
  for (const message of ["x".repeat(1001), "€".repeat(334), new Uint8Array(1001)]) {
    await using ws = await connectWebSocket(urlOf(server), LIMIT);
    await ws.send(message);
    assertEquals([await ws.receive(), ws.closeCode], [undefined, 1009]);
  }
  assertEquals(errors.map((error) => error instanceof WebSocketError && error.code), [1009, 1009, 1009]);
  await using ws = await connectWebSocket(urlOf(server), LIMIT);
  await ws.send("€".repeat(333));
  assertEquals([await ws.receive(), ws.closeCode], [undefined, 1000]);
});

Deno.test("upgrade() gives up a client that does not answer the close frame", async () => {
  const done = Promise.withResolvers<WebSocketConn>();
  await using server = serve(done.resolve, { closeTimeout: 10 });
  using peer = await RawPeer.open(server.addr.port);
  const ws = await done.promise;
  await eventually(() => ws.closeCode !== undefined);
  assertEquals([ws.closeCode, ws.closeReason], [1006, "The peer did not answer the close frame in time"]);
  await assertIdleSoon();
  peer.close(); // until then the platform keeps the connection
  await server.shutdown();
});

Deno.test("upgrade(): idleTimeout is the platform's: a silent client is lost", async () => {
  const done = Promise.withResolvers<unknown[]>();
  await using server = serve(async (ws) => {
    done.resolve([await ws.receive(), ws.closeCode]);
  }, { idleTimeout: 20 });
  using peer = await RawPeer.open(server.addr.port);
  assertEquals(await done.promise, [undefined, 1006]);
  await peer.frames();
});

Deno.test("upgrade(): a handler that is killed before the response has gone never runs, and its client is closed", async () => {
  let ran = false;
  const gate = Promise.withResolvers<void>();
  const adopter = new Adopter();
  await using server = Deno.serve({ ...ANY_PORT, onListen() {} }, async (request) => {
    const response = await adopter.upgrade(request, () => ran = true, { closeTimeout: 5 });
    await gate.promise;
    return response;
  });
  const opening = spawn(() => connectWebSocket(urlOf(server), LIMIT));
  await eventually(() => adopter.adopted.length === 1);
  const [[greenlet]] = adopter.adopted as [[Greenlet, WebSocketConn]];
  await calm();
  assertEquals(greenlet.ready, false);
  await greenlet.kill();
  gate.resolve();
  await using ws = await opening.get();
  assertEquals([await ws.receive(), ws.closeCode, ran], [undefined, 1001, false]);
  await ws.close();
  await assertIdleSoon();
});

/** Upgrades as in the greenlet of a request of a server. */
class Adopter {
  readonly adopted: [Greenlet, WebSocketConn][] = [];

  upgrade(request: Request, handler: Handler, options?: UpgradeOptions): Promise<Response> {
    const greenlet = new AdoptingGreenlet(() => upgrade(request, handler, options));
    greenlet.adopted = this.adopted;
    greenlet.start();
    return greenlet.get();
  }
}

class AdoptingGreenlet extends Greenlet<Response> implements WebSocketAdopter {
  adopted: [Greenlet, WebSocketConn][] = [];

  adoptWebSocket(greenlet: Greenlet, ws: WebSocketConn): void {
    this.adopted.push([greenlet, ws]);
  }
}

Deno.test("upgrade() tells the greenlet of the request whom it has spawned, so that it can end it", async () => {
  const seen: WebSocketConn[] = [];
  const adopter = new Adopter();
  await using server = Deno.serve(
    { ...ANY_PORT, onListen() {} },
    (request) =>
      adopter.upgrade(request, async (ws) => {
        seen.push(ws);
        await ws.receive();
      }),
  );
  for (const end of ["kill", "close"]) {
    await using ws = await connectWebSocket(urlOf(server), LIMIT);
    await eventually(() => seen.length > 0);
    const [greenlet, conn] = adopter.adopted.pop()!;
    assertStrictEquals(conn, seen.pop());
    if (end === "kill") void greenlet.kill(undefined, { block: false });
    else void conn.close(1001, "The server stops");
    assertEquals([await ws.receive(), ws.closeCode], [undefined, 1001]);
    await greenlet.join();
  }
});

Deno.test("upgrade(): a handler that is killed before it has begun leaves no WebSocket open", async () => {
  let ran = false;
  const adopter = new Adopter();
  adopter.adopted.push = ([greenlet]) => {
    void greenlet!.kill(undefined, { block: false });
    return 0;
  };
  await using server = Deno.serve(
    { ...ANY_PORT, onListen() {} },
    (request) => adopter.upgrade(request, () => ran = true),
  );
  await using ws = await connectWebSocket(urlOf(server), LIMIT);
  assertEquals([await ws.receive(), ws.closeCode, ran], [undefined, 1001, false]);
  await ws.close();
  await eventually(() => getHub().stats().timers === 0); // the server's end has heard it, too
  await assertIdleSoon();
});

Deno.test("upgrade(): closing before it is open", async () => {
  let ran = false;
  const adopter = new Adopter();
  await using server = Deno.serve({ ...ANY_PORT, onListen() {} }, async (request) => {
    const response = await adopter.upgrade(request, () => ran = true);
    for (const [, ws] of adopter.adopted) void ws.close(4001, "too early");
    return response;
  });
  await using ws = await connectWebSocket(urlOf(server), LIMIT);
  assertEquals([await ws.receive(), ws.closeCode, ws.closeReason], [undefined, 4001, "too early"]);
  await ws.close();
  await assertIdleSoon();
  assertEquals(ran, false);
});

Deno.test("upgrade(): the address of the client, if it is given", async () => {
  const seen = Promise.withResolvers<unknown[]>();
  await using server = Deno.serve(
    { ...ANY_PORT, onListen() {} },
    (request, { remoteAddr }) =>
      upgrade(request, (ws) => {
        seen.resolve([ws.remoteAddr, String(ws)]);
      }, { remoteAddr }),
  );
  await using ws = await connectWebSocket(urlOf(server), LIMIT);
  await ws.receive();
  const [address, name] = await seen.promise as [Deno.NetAddr, string];
  assertEquals([address.hostname, name], ["127.0.0.1", `WebSocket of 127.0.0.1:${address.port}`]);
});

Deno.test("upgrade() refuses bad input at the call", () => {
  const request = new Request("http://a/");
  assertThrows(
    () => upgrade(request, 5 as unknown as Handler),
    TypeError,
    "handler must be a function, received 5",
  );
  assertThrows(() => upgrade(request, () => {}, { maxQueued: 0 }), RangeError, "maxQueued");
  assertThrows(() => upgrade(request, () => {}, { protocols: ["a", "a"] }), TypeError, "a twice");
  assertEquals(upgrade(request, () => {}).status, 400);
});

Deno.test("upgrade(): 200 at a time", async () => {
  let running = 0;
  await using server = serve(async (ws) => {
    running++;
    for await (const message of ws) await ws.send(message);
    running--;
  });
  const clients = Array.from({ length: 200 }, (_, i) =>
    spawn(async () => {
      await using ws = await connectWebSocket(urlOf(server), LIMIT);
      for (let k = 0; k < 5; k++) {
        await ws.send(`${i} ${k}`);
        assertEquals(await ws.receive(), `${i} ${k}`);
      }
    }));
  for (const client of clients) await client.get();
  await eventually(() => running === 0);
  await assertRejects(() => connectWebSocket(urlOf(server), { timeout: 0 }));
});
