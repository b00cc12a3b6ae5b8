/** Clients of an inspector, without a browser. */
import type { Inspector } from "@verdant/green";
import type { Update } from "../../../net/inspector/wire.ts";

/** What a server has answered. */
export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Long enough, and easy to tell from others. */
export const TOKEN = "correct-horse-battery";

/** Sends bytes, and reads what comes until the end. */
export async function exchange(port: number, text: string): Promise<Answer> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  return parse(await readAll(conn));
}

/** Sends a request with just these headers. */
export function ask(
  { port }: Inspector,
  line: string,
  headers: Record<string, string> = {},
  body = "",
): Promise<Answer> {
  const fields = { host: `127.0.0.1:${port}`, authorization: `Bearer ${TOKEN}`, ...headers };
  const lines = Object.entries(fields).filter(([, value]) => value !== "").map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  return exchange(port, `${line} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
}

/** Sends a body to `/kill`. */
export function kill(inspector: Inspector, body: string): Promise<Answer> {
  return ask(inspector, "POST /kill", { "content-length": String(body.length) }, body);
}

async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

function parse(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const [line = "", ...fields] = text.slice(0, end).split("\r\n");
  const headers = new Map(fields.map((field) => field.split(": ", 2) as [string, string]));
  return { status: Number(line.split(" ")[1]), headers, body: text.slice(end + 4) };
}

/** Somebody who follows the feed. */
export class Follower implements AsyncDisposable {
  readonly #conn: Deno.Conn;
  readonly #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(65_536);
  readonly #decoder: TextDecoder = new TextDecoder();
  #text = "";
  /** What is known of the greenlets: their rows by their numbers, and their names. */
  readonly names: Map<number, string> = new Map();

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Begins. */
  static async of({ port }: { port: number }, token: string = TOKEN): Promise<Follower> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const request = `GET /feed?token=${token} HTTP/1.1\r\nhost: localhost:${port}\r\n\r\n`;
    await conn.write(new TextEncoder().encode(request));
    return new Follower(conn);
  }

  /** The next update; `undefined` at the end. */
  async next(): Promise<Update | undefined> {
    for (;;) {
      const found = /data: (.*)\n\n/.exec(this.#text);
      if (found !== null) {
        this.#text = this.#text.slice(found.index + found[0].length);
        return this.#learn(JSON.parse(found[1]!));
      }
      const count = await this.#conn.read(this.#buffer).catch(() => null);
      if (count === null) return undefined;
      this.#text += this.#decoder.decode(this.#buffer.subarray(0, count), { stream: true });
    }
  }

  /** The first update of which something is true. */
  async until(is: (update: Update) => boolean): Promise<Update> {
    for (;;) {
      const update = await this.next();
      if (update === undefined) throw new Error("The feed has ended");
      if (is(update)) return update;
    }
  }

  #learn(update: Update): Update {
    if (update.full) this.names.clear();
    for (const [id, name] of update.rows) this.names.set(id, update.texts[name] ?? "");
    for (const id of update.gone) this.names.delete(id);
    return update;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#conn.close();
    return Promise.resolve();
  }
}
