/** Servers for the tests of the HTTP client, and what these tests have in common. */
import { assertEquals } from "@std/assert";
import { getHub, HttpClient, type HttpClientOptions, type HttpResponse } from "@verdant/green";
import { bytes, eventually } from "../network.ts";

/** What a raw server does with a request: `send` writes text as it is, `close` ends the connection. */
export type Script = (to: RawClient, head: string) => unknown;

/** A client of a raw server. */
export class RawClient {
  constructor(readonly conn: Deno.Conn, readonly index: number) {}

  async send(text: string): Promise<void> {
    for (let left = bytes(text); left.length > 0;) left = left.subarray(await this.conn.write(left));
  }

  close(): void {
    this.conn.close();
  }
}

/** A server of our own words, which sees its sockets. */
export class RawServer implements AsyncDisposable {
  /** What it was asked, in that order. */
  readonly heads: string[] = [];
  /** How many connections are open, and how many there have been. */
  open = 0;
  opened = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.Conn>();
  readonly #over: Promise<unknown>[] = [];
  readonly #script: Script;

  constructor(script: Script) {
    this.#script = script;
    this.#over.push(this.#accept());
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Waits until it has been asked so often. */
  async asked(times = 1): Promise<void> {
    await eventually(() => this.heads.length >= times);
  }

  /** Waits until all have gone. */
  async left(): Promise<void> {
    await eventually(() => this.open === 0);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.opened++;
      this.open++;
      this.#conns.add(conn);
      this.#over.push(this.#serve(new RawClient(conn, this.opened)));
    }
  }

  async #serve(client: RawClient): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let text = "";
    try {
      for (
        let count = await client.conn.read(buffer);
        count !== null;
        count = await client.conn.read(buffer)
      ) {
        text += new TextDecoder().decode(buffer.subarray(0, count));
        for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
          const head = text.slice(0, end);
          text = text.slice(end + 4);
          if (head === "0") continue; // the end of an empty stream
          this.heads.push(head);
          await this.#script(client, head);
        }
      }
    } catch {
      // The client or the script has closed it.
    } finally {
      this.open--;
      this.#conns.delete(client.conn);
      try {
        client.close();
      } catch {
        // The script did.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    while (this.#over.length > 0) await this.#over.pop();
  }
}

/** A response, as it is sent. */
export function reply(body: string, status = "200 OK", ...headers: string[]): string {
  return [`HTTP/1.1 ${status}`, `content-length: ${body.length}`, ...headers, "", body].join("\r\n");
}

export interface HttpTestServer extends AsyncDisposable {
  readonly origin: string;
}

/** A server of the platform. */
export function serveHttp(handler: (request: Request) => Response | Promise<Response>): HttpTestServer {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** What a request was, as JSON. */
export async function echo(request: Request): Promise<Response> {
  const { method, url, headers } = request;
  const { pathname, search } = new URL(url);
  return Response.json({
    method,
    path: pathname + search,
    headers: [...headers],
    text: await request.text(),
  });
}

/** Its answers wait until they are let go. */
export class SlowServer implements AsyncDisposable {
  readonly #server: HttpTestServer;
  /** The paths that were asked for and not answered yet. */
  readonly pending: Map<string, PromiseWithResolvers<void>> = new Map();
  /** The paths that were asked for, in that order. */
  readonly asked: string[] = [];
  most = 0;

  constructor() {
    this.#server = serveHttp(async ({ url }) => {
      const path = new URL(url).pathname;
      const gate = Promise.withResolvers<void>();
      this.pending.set(path, gate);
      this.asked.push(path);
      this.most = Math.max(this.most, this.pending.size);
      await gate.promise;
      this.pending.delete(path);
      return new Response(path);
    });
  }

  get origin(): string {
    return this.#server.origin;
  }

  letGo(path: string): void {
    this.pending.get(path)!.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gate of this.pending.values()) gate.resolve();
    await this.#server[Symbol.asyncDispose]();
  }
}

/** A client that does not try again, unless told so. */
export function once(options: HttpClientOptions = {}): HttpClient {
  return new HttpClient({ retries: 0, ...options });
}

/** Time passes: a minute. */
export function minutePasses(): void {
  getHub().timers.fireDue(getHub().now() + 60_000);
}

/** In milliseconds. */
export const MINUTE = 60_000;

/** Nothing of a call is left. */
export function assertUnused(client: HttpClient): void {
  assertEquals([client.active, client.waiting], [0, 0]);
}

/** What a promise is rejected with. */
export function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then((value) => `no error but ${value}`, (error) => error);
}

/** The head of an answer with a body of ten bytes. */
export const HEAD_OF_TEN = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
/** The head of an answer whose body comes in chunks. */
export const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/** Every way to read a body. */
export const readers: Record<string, (response: HttpResponse) => Promise<unknown>> = {
  text: (response) => response.text(),
  json: (response) => response.json(),
  bytes: (response) => response.bytes(),
  arrayBuffer: (response) => response.arrayBuffer(),
  blob: (response) => response.blob(),
  formData: (response) => response.formData(),
  clone: (response) => response.clone().text(),
  async iteration(response) {
    for await (const _chunk of response.body!);
  },
  async reader(response) {
    const reader = response.body!.getReader({ mode: "byob" });
    while (!(await reader.read(new Uint8Array(100))).done);
  },
};
