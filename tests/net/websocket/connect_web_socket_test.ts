import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { connectWebSocket, type ConnectWebSocketOptions, spawn, WebSocketError } from "@verdant/green";
import { assertIdleSoon, deadPort } from "../network.ts";
import { acceptHead, echo, LIMIT, RawServer, startServer, urlOf } from "./peers.ts";

Deno.test("connectWebSocket() asks as RFC 6455 says", async () => {
  using server = new RawServer();
  const url = `http://name:pass%20word@127.0.0.1:${server.port}/a%20b?c=d`;
  const headers = { "X-Own": "1" };
  const opening = spawn(() => connectWebSocket(url, { headers, protocols: ["p", "q"] }));
  const peer = await server.accept();
  const request = await peer.head();
  const [line, ...fields] = request.split("\r\n");
  assertEquals(line, "GET /a%20b?c=d HTTP/1.1");
  const key = fields.find((field) => field.startsWith("Sec-WebSocket-Key: "))!.slice(19);
  assertEquals(atob(key).length, 16);
  assertEquals(fields.filter((field) => !field.includes(key)), [
    `Host: 127.0.0.1:${server.port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: p, q",
    "Authorization: Basic bmFtZTpwYXNzIHdvcmQ=",
    "x-own: 1",
  ]);
  await peer.write(await acceptHead(request, ["Sec-WebSocket-Protocol: q"]));
  const ws = await opening.get();
  assertEquals([ws.protocol, ws.url], ["q", `ws://127.0.0.1:${server.port}/a%20b?c=d`]);
  await ws.close(1000, "", { timeout: 0 });
});

/** How a server can answer, and what the client makes of it. */
const answers: Record<string, [(good: string) => string, string, number?]> = {
  "404": [() => "HTTP/1.1 404 Not Found\r\n\r\n", "the server answered 404 Not Found", 404],
  "200 without a text": [() => "HTTP/1.1 200\r\n\r\n", "the server answered 200", 200],
  "302": [() => "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "302 Found", 302],
  "101 without Upgrade": [(good) => good.replace("Upgrade: websocket\r\n", ""), "another protocol"],
  "101 without Connection": [(good) => good.replace("Connection: Upgrade\r\n", ""), "another protocol"],
  "101 to something else": [(good) => good.replace("Upgrade: websocket", "Upgrade: h2c"), "another protocol"],
  "a wrong accept": [(good) => good.replace(/Accept: ../, "Accept: xx"), "Sec-WebSocket-Accept is wrong"],
  "no accept": [(good) => good.replace("-Accept", "-Except"), "Sec-WebSocket-Accept is wrong"],
  "a protocol": [(good) => good.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: z\r\n\r\n"), "offered: z"],
  "an extension": [
    (good) => good.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
    "offered: permessage-deflate",
  ],
  garbage: [() => "SSH-2.0-OpenSSH\r\n\r\n", "not HTTP/1.1"],
  "HTTP/2": [(good) => good.replace("/1.1", "/2"), "not HTTP/1.1"],
  "a bad field": [(good) => good.replace("\r\n\r\n", "\r\nbad\r\n\r\n"), "not HTTP/1.1"],
  "a head without an end": [
    () => "HTTP/1.1 101 x\r\n" + "A: b\r\n".repeat(20_000),
    "longer than 65536 bytes",
  ],
};

for (const [name, [change, message, status]] of Object.entries(answers)) {
  Deno.test(`connectWebSocket() rejects if the server answers with ${name}`, async () => {
    using server = new RawServer();
    const answering = (async () => {
      const peer = await server.accept();
      await peer.write(change(await acceptHead(await peer.head()))).catch(() => {});
      return await peer.frames();
    })();
    const error = await assertRejects(() => connectWebSocket(server.url, LIMIT), WebSocketError, message);
    assertInstanceOf(error, WebSocketError);
    assertEquals([error.status, error.code], [status, undefined]);
    assertEquals(await answering, []); // it was closed
    await assertIdleSoon();
  });
}

Deno.test("connectWebSocket() rejects if the server hangs up before or in its answer", async () => {
  for (const part of ["", "HTTP/1.1 101 Sw"]) {
    using server = new RawServer();
    const answering = (async () => {
      const peer = await server.accept();
      await peer.head();
      await peer.write(part);
      peer.close();
    })();
    await assertRejects(() => connectWebSocket(server.url, LIMIT), WebSocketError, "before it had answered");
    await answering;
  }
  await assertIdleSoon();
});

Deno.test("connectWebSocket() does not show name and password in its errors", async () => {
  await using server = await startServer(echo, { path: "/other" });
  const url = urlOf(server).replace("//", "//name:secret@");
  const error = await assertRejects(() => connectWebSocket(url, LIMIT), WebSocketError, "404");
  assertEquals((error as Error).message.includes("secret"), false);
});

Deno.test("connectWebSocket() rejects where nobody listens", async () => {
  await assertRejects(() => connectWebSocket(`ws://127.0.0.1:${deadPort()}`), Deno.errors.ConnectionRefused);
  await assertIdleSoon();
});

Deno.test("connectWebSocket() finds a server by name and by IPv6", async () => {
  await using server = await startServer(echo);
  await using ws = await connectWebSocket(urlOf(server).replace("127.0.0.1", "localhost"), LIMIT);
  await ws.send("by name");
  assertEquals(await ws.receive(), "by name");
  const { WebSocketServer } = await import("@verdant/green");
  await using six = new WebSocketServer({ hostname: "::1", port: 0 }, echo);
  await six.start();
  await using other = await connectWebSocket(`ws://[::1]:${(six.address as Deno.NetAddr).port}`, LIMIT);
  await other.send("by number");
  assertEquals(await other.receive(), "by number");
});

Deno.test("connectWebSocket() refuses bad input at the call", () => {
  const urls: [unknown, string][] = [
    ["not a URL", '"not a URL" is no URL'],
    ["", '"" is no URL'],
    [undefined, '"undefined" is no URL'],
    ["ftp://127.0.0.1/", "received ftp://127.0.0.1/"],
    ["ws://127.0.0.1/#a", "fragment"],
    ["ws://127.0.0.1/#", "fragment"],
  ];
  for (const [url, message] of urls) {
    assertThrows(() => void connectWebSocket(url as string), TypeError, message);
  }
  const bad: [unknown, typeof Error, string][] = [
    [{ timeout: -1 }, RangeError, "-1"],
    [{ protocols: ["a", "b", "a"] }, TypeError, "a twice"],
    [{ protocols: [""] }, TypeError, '""'],
    [{ protocols: "a" }, TypeError, "a"],
    [{ headers: { "a b": "c" } }, TypeError, ""],
    [{ headers: { a: "b\r\nc: d" } }, TypeError, ""],
    [{ headers: { Host: "a" } }, TypeError, "the header host"],
    [{ headers: { "Sec-WebSocket-Key": "a" } }, TypeError, "the header sec-websocket-key"],
    [{ headers: { Connection: "close" } }, TypeError, "the header connection"],
    [{ maxMessageBytes: -1 }, RangeError, "-1"],
    [{ idleTimeout: 0 }, RangeError, "0"],
  ];
  for (const [options, Class, message] of bad) {
    const call = () => void connectWebSocket("ws://127.0.0.1:1/", options as ConnectWebSocketOptions);
    assertThrows(call, Class, message);
  }
});
