/** Clients of a backdoor. */
import {
  type BackdoorOptions,
  BackdoorServer,
  type Conn,
  connect,
  type ListenOptions,
  type WaitOptions,
} from "@verdant/green";
import { bytes } from "../network.ts";

export const PROMPT = ">>> ";
const MORE = "... ";
/** A test that hangs fails after this (ms). */
const LIMIT: WaitOptions = { timeout: 20_000 };

/** Starts a server on any free port, which prints no banner. */
export async function startBackdoor(options: BackdoorOptions = {}): Promise<BackdoorServer> {
  const server = new BackdoorServer(0, { banner: "", ...options });
  await server.start();
  return server;
}

/** Somebody who types. */
export class Client implements Disposable {
  constructor(readonly conn: Conn) {}

  /** Connects, and reads up to the first prompt. */
  static async enter(server: BackdoorServer): Promise<Client> {
    const client = await Client.dial(server);
    await client.upTo(PROMPT);
    return client;
  }

  /** Connects. */
  static async dial({ address }: BackdoorServer): Promise<Client> {
    const place = "path" in address! ? { path: address.path } : { port: (address as Deno.NetAddr).port };
    return new Client(await connect(place as ListenOptions & { port: number }));
  }

  /** Types lines, and reads what is printed before the next prompt. */
  async ask(...lines: string[]): Promise<string> {
    for (const [i, line] of lines.entries()) {
      if (i > 0) await this.upTo(MORE);
      await this.type(`${line}\n`);
    }
    return await this.upTo(PROMPT);
  }

  /** Types. */
  async type(data: string | number[]): Promise<void> {
    await this.conn.writeAll(typeof data === "string" ? data : Uint8Array.from(data), LIMIT);
  }

  /** Reads up to a text, which is not part of what is returned. */
  async upTo(end: string): Promise<string> {
    const all = await this.conn.readUntil(end, { maxBytes: Infinity, ...LIMIT });
    return new TextDecoder().decode(all.subarray(0, all.length - bytes(end).length));
  }

  /** Reads to the end, however it comes. */
  async rest(): Promise<string> {
    const decoder = new TextDecoder();
    let all = "";
    try {
      for (;;) {
        const some = await this.conn.readSome(LIMIT);
        if (some === null) return all;
        all += decoder.decode(some, { stream: true });
      }
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return all;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.conn.close();
  }
}
