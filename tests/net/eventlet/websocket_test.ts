import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  connectWebSocket,
  eventlet,
  getHub,
  sleep,
  Timeout,
  type WebSocketConn,
  WebSocketError,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { get } from "../http/http_servers.ts";
import { type App, askOnce, dial, type Serving, startWsgi } from "./wsgi_servers.ts";

type Socket = eventlet.websocket.RFC6455WebSocket;

const { WebSocketWSGI } = eventlet.websocket;

/** As in eventlet's documentation. */
const echo: App = WebSocketWSGI(async (ws) => {
  for (;;) {
    const message = await ws.wait();
    if (message === null) break;
    await ws.send(message);
  }
});

function open(serving: Serving, path = "/", protocols: string[] = []): Promise<WebSocketConn> {
  return connectWebSocket(`${serving.url.replace("http", "ws")}${path}`, { protocols, timeout: 10_000 });
}

Deno.test("WebSocketWSGI() serves a WebSocket with a loop of wait() and send()", async () => {
  await using serving = await startWsgi(echo);
  await using ws = await open(serving);
  for (const message of ["text", new Uint8Array([0, 255]), ""]) {
    await ws.send(message);
    assertEquals(await ws.receive(), message);
  }
});

Deno.test("WebSocketWSGI() makes an application that others can call", async () => {
  const dispatch: App = (environ, startResponse) => {
    if (environ.PATH_INFO === "/data") return echo(environ, startResponse);
    startResponse("200 OK", [["Content-Type", "text/plain"]]);
    return ["a page"];
  };
  await using serving = await startWsgi(dispatch);
  assertEquals((await askOnce(serving, get("/"))).body, "a page");
  await using ws = await open(serving, "/data");
  await ws.send("hello");
  assertEquals(await ws.receive(), "hello");
});

Deno.test("RFC6455WebSocket tells path, environment, origin and protocol", async () => {
  const seen: unknown[] = [];
  const app = WebSocketWSGI((ws) => {
    const { path, environ, origin, protocol, socket } = ws;
    seen.push(
      path,
      environ.QUERY_STRING,
      environ.REMOTE_ADDR,
      origin,
      protocol,
      String(socket).split(":")[0],
    );
  }, { supportedProtocols: ["one", "two"] });
  await using serving = await startWsgi(app);
  await using ws = await open(serving, "/a%20b?query", ["three", "two", "one"]);
  assertEquals([await ws.receive(), ws.protocol], [undefined, "two"]);
  assertEquals(seen, ["/a b", "query", "127.0.0.1", undefined, "two", "WebSocket of 127.0.0.1"]);
  await using plain = await open(serving);
  assertEquals([await plain.receive(), plain.protocol, seen[10]], [undefined, "", undefined]);
});

Deno.test("RFC6455WebSocket.wait() gives null at the end, however it came", async () => {
  const seen: unknown[] = [];
  const serving = await startWsgi(WebSocketWSGI(async (ws) => {
    seen.push(await ws.wait(), ws.websocketClosed, await ws.wait());
  }));
  const ws = await open(serving);
  await ws.close();
  await eventually(() => seen.length === 3);
  assertEquals(seen.splice(0), [null, true, null]);
  // A message of the wrong length breaks a limit.
  const small = await startWsgi(WebSocketWSGI(async (ws) => seen.push(await ws.wait(), await ws.wait()), {
    maxFrameLength: 3,
  }));
  const loud = await open(small);
  await loud.send("abc");
  await loud.send("abcd");
  assertEquals(await loud.receive(), undefined);
  assertEquals(loud.closeCode, 1009);
  await eventually(() => seen.length === 2);
  assertEquals(seen, ["abc", null]);
  for (const { greenlet } of [serving, small]) await greenlet.kill();
  await assertIdleSoon();
});

Deno.test("RFC6455WebSocket.wait() can be limited, and loses no message", async () => {
  const seen: unknown[] = [];
  await using serving = await startWsgi(WebSocketWSGI(async (ws) => {
    seen.push(await ws.wait({ timeout: 1 }).catch((error) => error));
    await ws.send("go on");
    seen.push(await ws.wait());
  }));
  await using ws = await open(serving);
  assertEquals(await ws.receive(), "go on");
  await ws.send("message");
  assertEquals(await ws.receive(), undefined);
  assertInstanceOf(seen[0], Timeout);
  assertEquals(seen[1], "message");
});

Deno.test("RFC6455WebSocket.close() takes code and reason", async () => {
  const closings: Parameters<Socket["close"]>[] = [[], [[4000]], [[4001, "reason"]]];
  const app = WebSocketWSGI(async (ws) => {
    await ws.close(...closings.shift()!);
    await assertRejects(() => ws.send("late"), WebSocketError);
    await ws.close([1000]);
  });
  await using serving = await startWsgi(app);
  for (const expected of [[1000, ""], [4000, ""], [4001, "reason"]]) {
    await using ws = await open(serving);
    assertEquals(await ws.receive(), undefined);
    assertEquals([ws.closeCode, ws.closeReason], expected);
  }
});

Deno.test("WebSocketWSGI() closes with 1011 if the handler throws, and reports that", async () => {
  using errors = captureErrors();
  await using serving = await startWsgi(WebSocketWSGI(() => {
    throw new RangeError("broken");
  }));
  await using ws = await open(serving);
  assertEquals([await ws.receive(), ws.closeCode], [undefined, 1011]);
  await eventually(() => errors.seen.length === 1);
  assertInstanceOf(errors.seen[0], RangeError);
});

Deno.test("WebSocketWSGI() reports no handler that sends to a client that has gone", async () => {
  using errors = captureErrors();
  let ended = false;
  await using serving = await startWsgi(WebSocketWSGI(async (ws) => {
    try {
      for (;;) {
        await ws.send("tick");
        await sleep(1);
      }
    } finally {
      ended = true;
    }
  }));
  const ws = await open(serving);
  await ws.receive();
  await ws.close();
  await eventually(() => ended);
  await sleep();
  assertEquals(errors.seen, []);
});

Deno.test("WebSocketWSGI() answers what is no request for a WebSocket", async () => {
  const app = WebSocketWSGI(() => {}, { originChecker: (host, origin) => origin === `http://${host}` });
  await using serving = await startWsgi(app);
  const good = ["upgrade: websocket", "connection: upgrade", "sec-websocket-key: d9MXuOzlVQ0h+qRllvSCIg=="];
  const origin = "origin: http://example.org";
  const requests: [number, string[]][] = [
    [400, []],
    [400, [...good.slice(1), "sec-websocket-version: 13", origin]],
    [400, [...good.slice(0, 2), "sec-websocket-version: 13", origin]],
    [426, [...good, "sec-websocket-version: 8", origin]],
    [403, [...good, "sec-websocket-version: 13"]],
    [403, [...good, "sec-websocket-version: 13", "origin: http://evil.example"]],
  ];
  for (const [status, lines] of requests) {
    assertEquals([lines, (await askOnce(serving, get("/", ...lines))).status], [lines, status]);
  }
  using client = await dial(serving);
  await client.send(get("/", ...good, "sec-websocket-version: 13", origin));
  const head = await client.until("\r\n\r\n");
  assertEquals(head!.split("\r\n")[0], "HTTP/1.1 101 Switching Protocols");
  assertEquals(/sec-websocket-accept: (.*)/i.exec(head!)?.[1], "ywSyWXCPNsDxLrQdQrn5RFNRfBU=");
});

Deno.test("WebSocketWSGI() is ended by the end of the server: 1001, and the handler is waited for", async () => {
  const log: unknown[] = [];
  const serving = await startWsgi(WebSocketWSGI(async (ws) => {
    log.push("begun");
    log.push(await ws.wait());
    await sleep(5);
    log.push("done");
  }));
  const ws = await open(serving);
  await eventually(() => log.length === 1);
  const killed = serving.greenlet.kill();
  assertEquals([await ws.receive(), ws.closeCode], [undefined, 1001]);
  await killed;
  assertEquals([log, getHub().stats().greenlets], [["begun", null, "done"], 0]);
});

Deno.test("WebSocketWSGI() refuses bad arguments at the call", () => {
  const never = () => {};
  assertThrows(() => WebSocketWSGI(1 as never), TypeError, "handler must be a function, received 1");
  for (const maxFrameLength of [0, -1, 1.5]) {
    const message = `maxFrameLength must be a positive integer, received ${maxFrameLength}`;
    assertThrows(() => WebSocketWSGI(never, { maxFrameLength }), RangeError, message);
  }
  assertThrows(() => WebSocketWSGI(never, { supportedProtocols: ["a b"] }), TypeError, '"a b"');
  assertThrows(
    () => WebSocketWSGI(never, { originChecker: "*" as never }),
    TypeError,
    "originChecker must be",
  );
});

Deno.test("WebSocketWSGI() takes messages of 8 MiB if nothing else is said", async () => {
  const { DEFAULT_MAX_FRAME_LENGTH } = eventlet.websocket;
  await using serving = await startWsgi(WebSocketWSGI(async (ws) => {
    const message = await ws.wait() as Uint8Array;
    await ws.send(String(message.length));
    await ws.wait();
  }));
  await using ws = await open(serving);
  await ws.send(new Uint8Array(DEFAULT_MAX_FRAME_LENGTH));
  assertEquals(await ws.receive(), String(8 << 20));
  await ws.send(new Uint8Array(DEFAULT_MAX_FRAME_LENGTH + 1)).catch(() => {});
  assertEquals([await ws.receive().catch(() => undefined), ws.closeCode], [undefined, 1009]);
});
