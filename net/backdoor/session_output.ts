import type { WaitOptions } from "../../hub/mod.ts";
import { Event } from "../../sync/event.ts";
import type { Conn } from "../conn.ts";

/** So many characters and bytes wait to be sent at most; what comes beyond is dropped. */
const MAX_PENDING = 1024 * 1024;

const encoder = new TextEncoder();

/** What there is room for. A piece of a text is copied: it would keep all of it. */
function cut(data: string | Uint8Array, room: number): string | Uint8Array {
  if (data.length <= room) return data;
  const piece = data.slice(0, room);
  return typeof piece === "string" ? encoder.encode(piece) : piece;
}

/**
 * What a session writes. Writing never waits, so that `console.log()` can do it, also in callbacks; a greenlet sends
 * it as fast as the client reads.
 *
 * Lines end in `\n` alone, as in gevent and eventlet: `telnet` leaves it to the terminal, which makes a new line of it,
 * and what `nc` writes into a pipe has no stray `\r`.
 */
export class SessionOutput {
  #pending: (string | Uint8Array)[] = [];
  #size = 0;
  #dropped = 0;
  #closed = false;
  readonly #more: Event = new Event();
  /** Set while nothing is to be sent, or nothing can be any more. */
  readonly #sent: Event = new Event();

  constructor() {
    this.#sent.set();
  }

  /** Sends it in a moment. Dropped if it is closed, or the client does not read. Does not switch. */
  write(data: string | Uint8Array): void {
    if (this.#closed || data.length === 0) return;
    const taken = cut(data, MAX_PENDING - this.#size);
    this.#dropped += Math.max(0, data.length - taken.length);
    this.#size += taken.length;
    if (taken.length > 0) this.#pending.push(taken);
    this.#sent.clear();
    this.#more.set();
  }

  /** Waits until all of it is sent, or cannot be. Switches. */
  flush(options?: WaitOptions): Promise<boolean> {
    return this.#sent.wait(options);
  }

  /** Drops what is not sent, and all that is still to come. */
  close(): void {
    this.#closed = true;
    this.#pending = [];
    this.#sent.set();
  }

  /** Sends what is written, for ever. Switches. */
  async sendAll(conn: Conn): Promise<never> {
    for (;;) {
      await this.#more.wait();
      this.#more.clear();
      while (this.#pending.length > 0) await this.#sendNext(conn);
      if (this.#pending.length === 0) this.#sent.set();
    }
  }

  async #sendNext(conn: Conn): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    for (const data of pending) {
      await conn.writeAll(data);
      this.#size -= data.length;
    }
    if (this.#dropped === 0) return;
    const notice = `\n(${this.#dropped} characters were dropped: they came faster than they were read)\n`;
    this.#dropped = 0;
    await conn.writeAll(notice);
  }
}
