import { IdleTimer } from "./idle_timer.ts";
import { endOfHead, type PageRequest, parseRequest } from "./page_request.ts";
import { encodeReply, type Reply, textReply } from "./reply.ts";

/** How long a head may be (bytes). */
const MAX_HEAD_BYTES = 8_192;
/** How long what a client has to say may be (bytes). */
const MAX_BODY_BYTES = 256;
/** How long (ms) a client may take for its request. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How long (ms) a client may take nothing. Meanwhile, it keeps the process alive. */
const STALL_TIMEOUT_MS = 5_000;
/** How long (ms) a client may take for one answer or update. */
const MAX_WRITE_MS = 30_000;
/** How long (ms), and how much (bytes), a client may go on talking after the answer. */
const LINGER_MS = 500;
const MAX_LINGER_BYTES = 1_048_576;

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);
const decoder = new TextDecoder();

/**
 * One request on a connection of its own, and its answer.
 *
 * By plain sockets, not by `Deno.serve`: the platform's server keeps the process alive as long as a page is open,
 * and its limits are those of large uploads.
 */
export class Visit {
  readonly #conn: Deno.TcpConn;
  readonly #limit: IdleTimer = new IdleTimer(() => this.close());
  /** What has come and was not used yet. */
  #rest: Uint8Array<ArrayBuffer> = NOTHING;
  #closed = false;

  /** @param conn Its own from now on. */
  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    conn.unref();
  }

  /** Whether it is over. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The head of the request; a refusal if it is none, or too long; `undefined` if the client goes or says
   * nothing.
   */
  async readHead(): Promise<PageRequest | Reply | undefined> {
    this.#limit.start(REQUEST_TIMEOUT_MS);
    for (;;) {
      const end = endOfHead(this.#rest);
      if (end > MAX_HEAD_BYTES || end < 0 && this.#rest.length > MAX_HEAD_BYTES) return textReply(431);
      if (end >= 0) {
        const request = parseRequest(this.#rest.subarray(0, end));
        this.#rest = this.#rest.subarray(end);
        return request ?? textReply(400);
      }
      if (!await this.#readMore()) return undefined;
    }
  }

  /** The body of the request; a refusal if it is too long; `undefined` if the client goes or stops. */
  async readBody({ bodyLength }: PageRequest): Promise<string | Reply | undefined> {
    if (bodyLength > MAX_BODY_BYTES) return textReply(413);
    while (this.#rest.length < bodyLength) if (!await this.#readMore()) return undefined;
    return decoder.decode(this.#rest.subarray(0, bodyLength));
  }

  /** Answers, and closes the connection. */
  async reply(reply: Reply): Promise<void> {
    this.#limit.stop();
    await this.write(encodeReply(reply));
    await this.#linger();
    this.close();
  }

  /** Waits until the client has gone. What it says is dropped. */
  async left(): Promise<void> {
    this.#limit.stop();
    while (await this.#readMore()) this.#rest = NOTHING;
    this.close();
  }

  /** Writes all of it, or closes the connection if the client takes nothing, or too little. */
  async write(bytes: Uint8Array): Promise<void> {
    const stall = new IdleTimer(() => this.close());
    const drip = new IdleTimer(() => this.close());
    drip.start(MAX_WRITE_MS);
    try {
      for (let sent = 0; sent < bytes.length && !this.#closed;) {
        stall.start(STALL_TIMEOUT_MS);
        sent += await this.#conn.write(bytes.subarray(sent));
      }
    } catch {
      this.close();
    } finally {
      stall.stop();
      drip.stop();
    }
  }

  /** Closes the connection. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#limit.stop();
    this.#conn.ref(); // whoever stops the inspector waits for the end of what is under way
    this.#conn.close();
  }

  /** Says whether something came. */
  async #readMore(): Promise<boolean> {
    if (this.#closed) return false;
    const chunk = new Uint8Array(4096);
    try {
      const count = await this.#conn.read(chunk);
      if (count === null) return false;
      const bytes = new Uint8Array(this.#rest.length + count);
      bytes.set(this.#rest);
      bytes.set(chunk.subarray(0, count), this.#rest.length);
      this.#rest = bytes;
      return true;
    } catch {
      return false; // it is lost, or was closed by us
    }
  }

  /** A connection that is closed before all was read is reset, and the client may never see the answer. */
  async #linger(): Promise<void> {
    if (this.#closed) return;
    this.#limit.start(LINGER_MS);
    try {
      await this.#conn.closeWrite();
    } catch {
      return this.close();
    }
    for (let dropped = 0; dropped < MAX_LINGER_BYTES;) {
      this.#rest = NOTHING;
      if (!await this.#readMore()) return;
      dropped += this.#rest.length;
    }
  }
}
