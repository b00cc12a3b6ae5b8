/** HTTP servers for the tests, and clients that send exactly what a test says and see exactly what comes back. */
import { assert } from "@std/assert";
import { AsyncResult, type HttpHandler, HttpServer, type HttpServerOptions } from "@verdant/green";
import { Service } from "../../../net/http/service.ts";
import { turn } from "../../helpers.ts";
import { ANY_PORT, portOf } from "../servers.ts";

/** Starts a server on any free port. */
export async function startHttp(handler: HttpHandler, options?: HttpServerOptions): Promise<HttpServer> {
  const server = new HttpServer(ANY_PORT, handler, options);
  await server.start();
  return server;
}

/** For `fetch()`. */
export function urlOf(server: HttpServer, path = "/"): string {
  return `http://127.0.0.1:${portOf(server)}${path}`;
}

/** What a client was told. */
export interface RawResponse {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** A character for each byte. */
  readonly body: string;
  /** Whether the body came to its end, as far as that can be told. */
  readonly complete: boolean;
}

const BODILESS = [204, 304];

/** A client that knows nothing but bytes. Text is sent with a byte for each character. */
export class RawClient implements Disposable {
  /** How the server ended the connection, once a read has found out. */
  end: "open" | "closed" | "reset" = "open";
  readonly #conn: Deno.Conn;
  readonly #chunk = new Uint8Array(64 * 1024);
  #received = "";
  #left = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects to a server. */
  static async connect(server: HttpServer): Promise<RawClient> {
    const { address } = server;
    if (address?.transport === "unix") {
      return new RawClient(await Deno.connect({ transport: "unix", path: address.path }));
    }
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: portOf(server) });
    conn.setNoDelay();
    return new RawClient(conn);
  }

  /** Sends all of it; what a server that has gone does not take is lost. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? latin1(data) : data;
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
    } catch (error) {
      assertLoss(error);
    }
  }

  /** Reads one response. Fails if the connection ends before its head. */
  async receive(method = "GET"): Promise<RawResponse> {
    const end = await this.#find("\r\n\r\n");
    assert(end >= 0, `No response, but ${JSON.stringify(this.#received)}, then ${this.end}`);
    const [statusLine, ...lines] = this.#take(end + 4).slice(0, -4).split("\r\n");
    const match = /^HTTP\/1\.[01] (\d{3})(?: .*)?$/.exec(statusLine!);
    assert(match !== null, `Not a status line: ${statusLine}`);
    const status = Number(match[1]);
    const headers = Object.fromEntries(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    if (status < 200) return await this.receive(method);
    if (method === "HEAD" || BODILESS.includes(status)) return { status, headers, body: "", complete: true };
    return { status, headers, ...await this.#receiveBody(headers) };
  }

  /** Sends a request and reads the response. */
  async ask(request: string, method?: string): Promise<RawResponse> {
    await this.send(request);
    return await this.receive(method);
  }

  /** Reads until the server ends the connection; returns what was not read before. */
  async rest(): Promise<string> {
    while (await this.#fill());
    return this.#take(this.#received.length);
  }

  /** Reads until `text` has come, and returns all up to its end; `undefined` if it does not come. */
  async until(text: string): Promise<string | undefined> {
    const at = await this.#find(text);
    return at < 0 ? undefined : this.#take(at + text.length);
  }

  /** Says that it sends no more. */
  async endSending(): Promise<void> {
    await this.#conn.closeWrite().catch(assertLoss);
  }

  /** Goes away. */
  leave(): void {
    if (!this.#left) this.#conn.close();
    this.#left = true;
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  async #receiveBody(headers: Record<string, string>): Promise<{ body: string; complete: boolean }> {
    if (headers["transfer-encoding"] === "chunked") return await this.#receiveChunks();
    const length = headers["content-length"];
    if (length === undefined) return { body: await this.rest(), complete: this.end === "closed" };
    while (this.#received.length < Number(length) && await this.#fill());
    const body = this.#take(Number(length));
    return { body, complete: body.length === Number(length) };
  }

  async #receiveChunks(): Promise<{ body: string; complete: boolean }> {
    let body = "";
    for (;;) {
      const line = await this.#find("\r\n");
      if (line < 0) return { body: body + this.#take(this.#received.length), complete: false };
      const size = parseInt(this.#take(line + 2), 16);
      while (this.#received.length < size + 2 && await this.#fill());
      const chunk = this.#take(size + 2);
      body += chunk.slice(0, size);
      if (chunk.length < size + 2) return { body, complete: false };
      if (size === 0) return { body, complete: true };
    }
  }

  async #find(text: string): Promise<number> {
    while (!this.#received.includes(text) && await this.#fill());
    return this.#received.indexOf(text);
  }

  #take(count: number): string {
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }

  async #fill(): Promise<boolean> {
    if (this.end !== "open") return false;
    try {
      const count = await this.#conn.read(this.#chunk);
      if (count === null) this.end = "closed";
      else this.#received += fromLatin1(this.#chunk.subarray(0, count));
    } catch (error) {
      assertLoss(error);
      this.end = "reset";
    }
    return this.end === "open";
  }
}

function assertLoss(error: unknown): void {
  const { ConnectionReset, BrokenPipe, ConnectionAborted, NotConnected, Interrupted, BadResource } =
    Deno.errors;
  const losses = [ConnectionReset, BrokenPipe, ConnectionAborted, NotConnected, Interrupted, BadResource];
  if (!losses.some((Class) => error instanceof Class)) throw error;
}

/** A byte for each character. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A character for each byte. */
export function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8_192) text += String.fromCharCode(...bytes.subarray(i, i + 8_192));
  return text;
}

/** The text of a request: `get("/path", "x-name: value")`. */
export function get(target = "/", ...lines: string[]): string {
  return [`GET ${target} HTTP/1.1`, "host: example.org", ...lines, "", ""].join("\r\n");
}

/** The text of a request with a body. */
export function post(body: string, ...lines: string[]): string {
  const head = ["POST /body HTTP/1.1", "host: example.org", `content-length: ${body.length}`, ...lines];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** The text of a request whose body comes in chunks. */
export function postChunks(chunks: string[], ...lines: string[]): string {
  const head = ["POST /body HTTP/1.1", "host: example.org", "transfer-encoding: chunked", ...lines];
  return `${head.join("\r\n")}\r\n\r\n${[...chunks, ""].map(chunk).join("")}`;
}

/** A chunk on the wire; the empty one is the last. */
export function chunk(content: string): string {
  return `${content.length.toString(16)}\r\n${content}\r\n`;
}

/** Sends a request on a connection of its own and reads the response. */
export async function askOnce(
  server: HttpServer,
  request: string = get(),
  method?: string,
): Promise<RawResponse> {
  using client = await RawClient.connect(server);
  return await client.ask(request, method);
}

/** Connects and sends a request, whose answer is not waited for. */
export async function begin(server: HttpServer, request: string = get()): Promise<RawClient> {
  const client = await RawClient.connect(server);
  await client.send(request);
  return client;
}

/** Requests for a service without a network: works in simulations. */
export class FakeRequests {
  readonly service: Service;
  readonly #info = {
    remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 50_000 },
    completed: Promise.resolve(),
  } as const;

  constructor(handler: HttpHandler, options: HttpServerOptions = {}) {
    this.service = new Service(handler, options, false);
  }

  /** A request comes; its answer can be waited for. */
  come(path = "/", init?: RequestInit): AsyncResult<Response> {
    const result = new AsyncResult<Response>();
    const answer = this.service.handle(new Request(`http://example.org${path}`, init), this.#info);
    void Promise.resolve(answer).then((response) => result.set(response));
    return result;
  }

  /** A request comes whose client can leave. */
  comeAndLeave(path = "/"): { answer: AsyncResult<Response>; leave: () => void } {
    const controller = new AbortController();
    const answer = this.come(path, { signal: controller.signal });
    return { answer, leave: () => controller.abort() };
  }

  /** Requests come one after the other; waits for the statuses of their answers. */
  async statuses(...paths: string[]): Promise<number[]> {
    const answers = paths.map((path) => this.come(path));
    const statuses: number[] = [];
    for (const answer of answers) statuses.push((await answer.get()).status);
    return statuses;
  }
}

/** Lets the platform and the hub do what they have begun. */
export async function turns(count = 10): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}
