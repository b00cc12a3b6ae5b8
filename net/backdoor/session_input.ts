import { Event } from "../../sync/event.ts";
import { SimpleQueue } from "../../sync/simple_queue.ts";
import type { Conn } from "../conn.ts";
import { LineSplitter, TOO_LONG } from "./line_splitter.ts";
import { TelnetFilter } from "./telnet_filter.ts";

/** The user has pressed Ctrl-C while nothing ran. */
export const INTERRUPT: unique symbol = Symbol("interrupt");
/** Nothing more will come. */
export const END: unique symbol = Symbol("end");

/** What comes from a client. */
export type Typed = string | typeof TOO_LONG | typeof INTERRUPT | typeof END;

/** What the reader of a client tells of. */
export interface Watch {
  /** The user has pressed Ctrl-C. May wait; says whether something was interrupted. */
  interrupted(): Promise<boolean>;
  /** The protocol wants an answer. */
  reply(bytes: Uint8Array): void;
}

/**
 * What a client types, ahead of what is evaluated: the reader goes on meanwhile, since nothing else would tell that
 * the client interrupts or has gone. When `maxBytes` wait to be evaluated, it pauses for a while; what comes after that
 * is dropped.
 */
export class SessionInput {
  readonly #typed: SimpleQueue<Typed> = new SimpleQueue();
  readonly #splitter: LineSplitter;
  readonly #filter: TelnetFilter = new TelnetFilter();
  readonly #maxBytes: number;
  /** How much waits to be taken. */
  #size = 0;
  /** Whether a line was taken. Before that, nothing is dropped: what came first tells who it is. */
  #begun = false;
  /** Whether something was dropped since there was room. */
  #dropped = false;
  /** Set while more may come. */
  readonly #room: Event = new Event();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#splitter = new LineSplitter(maxBytes);
    this.#room.set();
  }

  /** The next line. Switches. */
  async next(): Promise<Typed> {
    const typed = await this.#typed.get();
    this.#begun = true;
    this.#size -= sizeOf(typed);
    if (this.#size <= this.#maxBytes) this.#makeRoom();
    return typed;
  }

  /** Forgets what has been typed and not been taken. */
  discard(): void {
    while (this.#typed.size > 0) this.#typed.getNowait();
    this.#size = 0;
    this.#makeRoom();
    this.#splitter.clear();
  }

  /** Forgets what has been typed: nothing will come any more. */
  end(): void {
    this.discard();
    this.#typed.putNowait(END);
  }

  /** Takes what comes until nothing more will. Switches. */
  async readAll(conn: Conn, watch: Watch): Promise<void> {
    for (;;) {
      const room = await this.#room.wait({ timeout: PATIENCE_MS });
      const bytes = await conn.readSome();
      if (bytes === null) break;
      const { data, reply, interrupted, ended } = this.#filter.filter(bytes);
      watch.reply(reply);
      if (interrupted && this.#begun) {
        this.discard();
        if (!await watch.interrupted()) this.#push(INTERRUPT);
      } else if (room) {
        for (const line of this.#splitter.split(data)) this.#push(line);
      } else this.#drop();
      if (ended) break;
    }
    const rest = this.#splitter.rest();
    if (rest !== undefined) this.#push(rest);
    this.#push(END);
  }

  /** What comes now has no room. */
  #drop(): void {
    if (!this.#dropped) this.#push(TOO_LONG);
    this.#dropped = true;
  }

  #makeRoom(): void {
    this.#room.set();
    this.#dropped = false;
  }

  #push(typed: Typed): void {
    this.#typed.putNowait(typed);
    this.#size += sizeOf(typed);
    if (this.#size > this.#maxBytes) this.#room.clear();
  }
}

/** How long (ms) the reader pauses. Then it reads on, as nothing else tells that the client interrupts or has gone. */
const PATIENCE_MS = 10_000;

/** An empty line takes memory, too. */
function sizeOf(typed: Typed): number {
  return typeof typed === "string" ? typed.length + 1 : 1;
}
