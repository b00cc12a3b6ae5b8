import { planWait, Timeout, type WaitOptions } from "../../hub/mod.ts";
import type { Conn, RawConn } from "../conn.ts";
import { Inflow } from "../inflow.ts";
import { closeQuietly } from "../listener.ts";
import { Outflow } from "../outflow.ts";
import type { ReadBuffer } from "../read_buffer.ts";
import { READ_SOME } from "../wants.ts";
import { ReadHead, textOf } from "./http_head.ts";

/** How long a head may be (bytes). */
export const MAX_HEAD_BYTES = 65_536;
/** How long (ms) a client that was refused may take to read why. */
const LINGER_MS = 500;

const encoder = new TextEncoder();

/**
 * The handshake's side of a connection. It has the connection alone, so that what comes behind the handshake can
 * be handed on.
 */
export class Exchange implements Disposable {
  /** The connection. */
  readonly raw: RawConn;
  readonly #conn: Conn;
  readonly #inflow: Inflow;
  readonly #outflow: Outflow;
  #rest: ReadBuffer | undefined = undefined;
  #handedOn = false;

  /** Takes a connection over: it counts as closed. */
  constructor(conn: Conn) {
    sendAtOnce(conn);
    this.#conn = conn;
    this.raw = conn.detach();
    this.#inflow = new Inflow(this.raw, conn);
    this.#outflow = new Outflow(this.raw, conn);
  }

  /**
   * Reads the head of a request or response.
   *
   * @throws {TooLongError} If it is too long.
   */
  async readHead(options?: WaitOptions): Promise<string> {
    const want = new ReadHead(MAX_HEAD_BYTES, this.#conn);
    const bytes = await this.#inflow.receive(want, planWait(options, "read"));
    this.#rest = want.rest;
    return textOf(bytes);
  }

  /** Writes a head. */
  write(lines: readonly string[], options?: WaitOptions): Promise<void> {
    const head = encoder.encode(`${lines.join("\r\n")}\r\n\r\n`);
    return this.#outflow.sendAll(head, planWait(options, "write"));
  }

  /** Writes the last head. What comes meanwhile is read, because closing before it was would take the head back. */
  async writeLast(lines: readonly string[]): Promise<void> {
    const limit = new Timeout(LINGER_MS);
    limit.start();
    try {
      await this.write(lines);
      await this.#outflow.finish(planWait(undefined, "close"));
      while (await this.#inflow.receive(READ_SOME, planWait(undefined, "read")) !== null);
    } catch (error) {
      if (error !== limit && !isLoss(error)) throw error;
    } finally {
      limit.cancel();
    }
  }

  /** The connection is somebody else's from now on, and so is what came behind the head. */
  handOn(): ReadBuffer {
    this.#handedOn = true;
    return this.#rest!;
  }

  /** Closes the connection, unless it was handed on. */
  [Symbol.dispose](): void {
    if (!this.#handedOn) closeQuietly(this.raw);
  }
}

/** Whether an error just tells that the peer has gone. */
export function isLoss(error: unknown): boolean {
  const { ConnectionReset, ConnectionAborted, BrokenPipe, UnexpectedEof, NotConnected } = Deno.errors;
  return [ConnectionReset, ConnectionAborted, BrokenPipe, UnexpectedEof, NotConnected].some((Class) =>
    error instanceof Class
  );
}

/** Small messages do not wait for others to join them. */
function sendAtOnce(conn: Conn): void {
  if (conn.localAddr.transport !== "tcp") return;
  try {
    conn.setNoDelay();
  } catch {
    // TLS, where it is so already; or the peer has gone, as the handshake will tell.
  }
}
