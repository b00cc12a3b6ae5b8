/** Our ends against the platform's. */
import { assertEquals } from "@std/assert";
import { connectWebSocket, spawn, type WebSocketConn } from "@verdant/green";
import { ANY_PORT, echo, LIMIT, startServer, urlOf } from "./peers.ts";

const MESSAGES: (string | Uint8Array<ArrayBuffer>)[] = [
  "",
  "hello",
  "grün €𝄞\0",
  "x".repeat(125),
  "x".repeat(126),
  "x".repeat(65_535),
  "x".repeat(65_536),
  "€".repeat(100_000),
  new Uint8Array(0),
  new Uint8Array(1_000_000).fill(7),
];

/** What happens to a WebSocket of the platform. */
class PlatformPeer {
  readonly socket: WebSocket;
  readonly #events: (string | Uint8Array | CloseEvent)[] = [];
  #wake = Promise.withResolvers<void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#add(typeof data === "string" ? data : new Uint8Array(data));
    socket.onclose = (event) => this.#add(event);
  }

  opened(): Promise<unknown> {
    return new Promise((resolve) => this.socket.onopen = resolve);
  }

  async next(): Promise<string | Uint8Array | CloseEvent> {
    while (this.#events.length === 0) await this.#wake.promise;
    this.#wake = Promise.withResolvers();
    return this.#events.shift()!;
  }

  async closed(): Promise<[number, string, boolean]> {
    const { code, reason, wasClean } = await this.next() as CloseEvent;
    return [code, reason, wasClean];
  }

  #add(event: string | Uint8Array | CloseEvent): void {
    this.#events.push(event);
    this.#wake.resolve();
  }
}

Deno.test("WebSocketServer serves the platform's client", async () => {
  await using server = await startServer(echo, { protocols: ["two"] });
  const peer = new PlatformPeer(new WebSocket(urlOf(server, "/path"), ["one", "two"]));
  await peer.opened();
  assertEquals(peer.socket.protocol, "two");
  for (const message of MESSAGES) {
    peer.socket.send(message);
    assertEquals(await peer.next(), message);
  }
  peer.socket.close(3333, "enough");
  assertEquals(await peer.closed(), [3333, "", true]); // we answer with the code
});

Deno.test("WebSocketServer ends the platform's client with its own code and reason", async () => {
  await using server = await startServer((ws) => ws.close(4321, "grün"));
  const peer = new PlatformPeer(new WebSocket(urlOf(server)));
  assertEquals(await peer.closed(), [4321, "grün", true]);
});

/** Serves with the platform alone. */
function servePlatform(use: (peer: PlatformPeer) => unknown): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ ...ANY_PORT, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "two", idleTimeout: 0 });
    const peer = new PlatformPeer(socket);
    socket.onopen = () => use(peer);
    return response;
  });
}

function dial({ addr }: Deno.HttpServer<Deno.NetAddr>): Promise<WebSocketConn> {
  return connectWebSocket(`ws://127.0.0.1:${addr.port}/`, { ...LIMIT, protocols: ["two"] });
}

Deno.test("connectWebSocket() talks to the platform's server", async () => {
  const ended = Promise.withResolvers<unknown>();
  await using server = servePlatform(async (peer) => {
    for (;;) {
      const event = await peer.next();
      if (event instanceof CloseEvent) return ended.resolve([event.code, event.reason, event.wasClean]);
      peer.socket.send(event as string);
    }
  });
  await using ws = await dial(server);
  assertEquals(ws.protocol, "two");
  const sending = spawn(async () => {
    for (const message of MESSAGES) await ws.send(message);
  });
  for (const message of MESSAGES) assertEquals(await ws.receive(), message);
  await sending.get();
  await ws.ping();
  await ws.close(1000, "done");
  assertEquals([await ended.promise, ws.closeCode], [[1000, "done", true], 1000]);
});

Deno.test("connectWebSocket() hears the code of the platform's server", async () => {
  await using server = servePlatform(({ socket }) => socket.close(3456, "why"));
  await using ws = await dial(server);
  assertEquals([await ws.receive(), ws.closeCode, ws.closeReason], [undefined, 3456, "why"]);
});
