/** Servers, clients, and peers that have nothing to do with the library: they write bytes, and say what came back. */
import { assertEquals } from "@std/assert";
import {
  connectWebSocket,
  type ConnectWebSocketOptions,
  upgrade,
  type UpgradeOptions,
  type WebSocketConn,
  type WebSocketHandler,
  WebSocketServer,
  type WebSocketServerOptions,
} from "@verdant/green";
import { CLOSE } from "../../../net/websocket/frame.ts";
import { bytes } from "../network.ts";

export { BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT } from "../../../net/websocket/frame.ts";

export const ANY_PORT = { hostname: "127.0.0.1", port: 0 };
/** Far above what anything here takes (ms). */
export const LIMIT = { timeout: 10_000 };

/** Of RFC 6455, section 1.3. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** Starts a server on any free port. */
export async function startServer(
  handler: WebSocketHandler,
  options?: WebSocketServerOptions,
): Promise<WebSocketServer> {
  const server = new WebSocketServer(ANY_PORT, handler, options);
  await server.start();
  return server;
}

/** Serves each message back. */
export const echo: WebSocketHandler = async (ws) => {
  for await (const message of ws) await ws.send(message);
};

export function portOf({ address }: WebSocketServer): number {
  return (address as Deno.NetAddr).port;
}

export function urlOf(server: WebSocketServer, path = "/"): string {
  return `ws://127.0.0.1:${portOf(server)}${path}`;
}

export function dial(server: WebSocketServer, options?: ConnectWebSocketOptions): Promise<WebSocketConn> {
  return connectWebSocket(urlOf(server), { ...LIMIT, ...options });
}

/** Both ends of a WebSocket, of one kind or the other. */
export interface Ends extends AsyncDisposable {
  readonly client: WebSocketConn;
  readonly server: WebSocketConn;
}

/** The handler of the server stays until the end. */
export async function openEnds(
  clientOptions?: ConnectWebSocketOptions,
  serverOptions?: WebSocketServerOptions,
): Promise<Ends> {
  const opened = Promise.withResolvers<WebSocketConn>();
  const over = Promise.withResolvers<void>();
  const server = await startServer((ws) => {
    opened.resolve(ws);
    return over.promise;
  }, serverOptions);
  const client = await dial(server, clientOptions);
  return {
    client,
    server: await opened.promise,
    async [Symbol.asyncDispose]() {
      await client.close(1000, "", { timeout: 0 });
      over.resolve();
      await server.stop();
    },
  };
}

/** The same with the platform's WebSocket on the server's side. */
export async function openUpgraded(
  clientOptions?: ConnectWebSocketOptions,
  serverOptions?: UpgradeOptions,
): Promise<Ends> {
  const opened = Promise.withResolvers<WebSocketConn>();
  const over = Promise.withResolvers<void>();
  const server = Deno.serve({ ...ANY_PORT, onListen() {} }, (request) =>
    upgrade(request, (ws) => {
      opened.resolve(ws);
      return over.promise;
    }, serverOptions));
  const client = await connectWebSocket(`ws://127.0.0.1:${server.addr.port}/`, {
    ...LIMIT,
    ...clientOptions,
  });
  return {
    client,
    server: await opened.promise,
    async [Symbol.asyncDispose]() {
      await client.close(1000, "", { timeout: 0 });
      over.resolve();
      await server.shutdown();
    },
  };
}

/** A request for a WebSocket, with some fields replaced, or left out if they are `undefined`. */
export function requestHead(
  fields: Record<string, string | undefined> = {},
  line = "GET / HTTP/1.1",
): string {
  const all: Record<string, string | undefined> = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    ...fields,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined).map(([name, value]) =>
    `${name}: ${value}`
  );
  return [line, ...lines, "", ""].join("\r\n");
}

/** How a frame of a raw peer differs from a good one. */
export interface FrameOptions {
  /** Whether more frames of the message follow. */
  readonly more?: boolean;
  /** Set besides. */
  readonly reserved?: number;
  /** Whether it is masked, as a client's. */
  readonly masked?: boolean;
}

/** A frame of a raw peer. */
export function frame(
  opcode: number,
  payload: string | Uint8Array | number[] = "",
  { more = false, reserved = 0, masked = true }: FrameOptions = {},
): Uint8Array<ArrayBuffer> {
  const data = typeof payload === "string" ? bytes(payload) : Uint8Array.from(payload);
  const { length } = data;
  const lengthBytes = length < 126
    ? [length]
    : length < 65536
    ? [126, length >> 8, length & 255]
    : [127, 0, 0, 0, 0, length >>> 24, length >> 16 & 255, length >> 8 & 255, length & 255];
  lengthBytes[0]! |= masked ? 0x80 : 0;
  const key = [0x12, 0x34, 0x56, 0x78];
  const head = [(more ? 0 : 0x80) | reserved << 4 | opcode, ...lengthBytes, ...(masked ? key : [])];
  const result = new Uint8Array(head.length + length);
  result.set(head);
  for (let i = 0; i < length; i++) result[head.length + i] = data[i]! ^ (masked ? key[i & 3]! : 0);
  return result;
}

/** The payload of a close frame. */
export function closePayload(code: number, reason = ""): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(code >> 8, code & 255, ...bytes(reason));
}

/** A frame that came to a raw peer. */
export interface Seen {
  readonly opcode: number;
  readonly final: boolean;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** A peer that writes what it is told. */
export class RawPeer implements Disposable {
  readonly conn: Deno.TcpConn;
  #come = new Uint8Array(0);
  #closed = false;

  constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  /** Connects to a port of this machine. */
  static async connect(port: number): Promise<RawPeer> {
    return new RawPeer(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Connects, and asks for a WebSocket. */
  static async open(port: number, head: string = requestHead()): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    await peer.write(head);
    const answer = await peer.head();
    assertEquals(answer.split("\r\n")[0], "HTTP/1.1 101 Switching Protocols");
    return peer;
  }

  async write(...pieces: (string | Uint8Array)[]): Promise<void> {
    for (const piece of pieces) {
      let rest = typeof piece === "string" ? bytes(piece) : piece;
      while (rest.length > 0) rest = rest.subarray(await this.conn.write(rest));
    }
  }

  /** Everything up to the empty line, without it. */
  async head(): Promise<string> {
    for (;;) {
      const text = String.fromCharCode(...this.#come);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#come = this.#come.slice(end + 4);
        return text.slice(0, end);
      }
      if (!await this.#more()) throw new Error(`The connection ended after ${JSON.stringify(text)}`);
    }
  }

  /** The next frame; `undefined` at the end. */
  async frame(): Promise<Seen | undefined> {
    for (;;) {
      const found = parseFrame(this.#come);
      if (found !== undefined) {
        this.#come = this.#come.slice(found.size);
        return found.seen;
      }
      if (!await this.#more()) return undefined;
    }
  }

  /** The frames up to the end. */
  async frames(): Promise<Seen[]> {
    const frames: Seen[] = [];
    for (let next = await this.frame(); next !== undefined; next = await this.frame()) frames.push(next);
    return frames;
  }

  /** The code of the close frame that comes before the end; waits for the end. */
  async closeCode(): Promise<number | undefined> {
    return codeOf((await this.frames()).find(({ opcode }) => opcode === CLOSE));
  }

  /** The same without waiting for the end. */
  async closeFrame(): Promise<number | undefined> {
    for (let next = await this.frame(); next !== undefined; next = await this.frame()) {
      if (next.opcode === CLOSE) return codeOf(next);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.conn.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65536);
    let count: number | null;
    try {
      count = await this.conn.read(buffer);
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      return false;
    }
    if (count === null) return false;
    const come = new Uint8Array(this.#come.length + count);
    come.set(this.#come);
    come.set(buffer.subarray(0, count), this.#come.length);
    this.#come = come;
    return true;
  }
}

function codeOf(close: Seen | undefined): number | undefined {
  if (close === undefined) return undefined;
  const { payload } = close;
  return payload.length === 0 ? 1005 : payload[0]! << 8 | payload[1]!;
}

function parseFrame(come: Uint8Array<ArrayBuffer>): { seen: Seen; size: number } | undefined {
  if (come.length < 2) return undefined;
  const short = come[1]! & 0x7f;
  const masked = (come[1]! & 0x80) !== 0;
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  const start = 2 + lengthBytes + (masked ? 4 : 0);
  if (come.length < start) return undefined;
  let length = lengthBytes === 0 ? short : 0;
  for (let i = 2; i < 2 + lengthBytes; i++) length = length * 256 + come[i]!;
  if (come.length < start + length) return undefined;
  const payload = come.slice(start, start + length);
  if (masked) { for (let i = 0; i < length; i++) payload[i]! ^= come[start - 4 + (i & 3)]!; }
  return { seen: { opcode: come[0]! & 15, final: come[0]! >= 0x80, payload }, size: start + length };
}

/** A server that answers each client as it is told, and shows it to the test. */
export class RawServer implements Disposable {
  readonly #listener: Deno.TcpListener;
  readonly #peers: RawPeer[] = [];

  constructor() {
    this.#listener = Deno.listen(ANY_PORT);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** The next client. */
  async accept(): Promise<RawPeer> {
    const peer = new RawPeer(await this.#listener.accept());
    this.#peers.push(peer);
    return peer;
  }

  /** The next client, after a good handshake. */
  async open(extra: string[] = []): Promise<RawPeer> {
    const peer = await this.accept();
    await peer.write(await acceptHead(await peer.head(), extra));
    return peer;
  }

  [Symbol.dispose](): void {
    for (const peer of this.#peers) peer.close();
    this.#listener.close();
  }
}

/** The right answer to a request. */
export async function acceptHead(request: string, extra: string[] = []): Promise<string> {
  const key = /sec-websocket-key: (.*)/i.exec(request)![1]!;
  const digest = await crypto.subtle.digest("SHA-1", bytes(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`));
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${new Uint8Array(digest).toBase64()}`,
  ];
  return [...lines, ...extra, "", ""].join("\r\n");
}
