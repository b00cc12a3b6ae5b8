import { GreenletExit, type Hub, type Timer } from "../../hub/mod.ts";
import type { RequestGreenlet } from "./request_greenlet.ts";
import type { RequestList } from "./request_list.ts";

/**
 * How often to look (ms). To listen for the client's leaving costs more than a short handler takes, so it begins
 * only for handlers that were there at an earlier look.
 */
const INTERVAL_MS = 50;
/** With HTTP/2, the platform does not tell of a client that left before anybody listened. */
const HTTP2_INTERVAL_MS = 5;

/** Kills the handlers whose clients have gone. */
export class ClientWatch {
  readonly #hub: Hub;
  readonly #requests: RequestList;
  /** Milliseconds. */
  readonly #interval: number;
  /** The number of the next look. */
  #look = 0;
  #timer: Timer | undefined = undefined;

  /** @param mayBeHttp2 Whether clients may speak HTTP/2. */
  constructor(hub: Hub, requests: RequestList, mayBeHttp2: boolean) {
    this.#hub = hub;
    this.#requests = requests;
    this.#interval = mayBeHttp2 ? HTTP2_INTERVAL_MS : INTERVAL_MS;
  }

  /** Watches over the client of a request that was put into the list. */
  add(greenlet: RequestGreenlet): void {
    greenlet.arrival = this.#look;
    this.#timer ??= this.#hub.startTimer(this.#interval, false, this.#lookAround, undefined);
  }

  /** Watches no more. */
  stop(): void {
    if (this.#timer !== undefined) this.#hub.cancelTimer(this.#timer);
    this.#timer = undefined;
  }

  readonly #lookAround = (): void => {
    this.#timer = undefined;
    if (this.#requests.size === 0) return;
    for (const greenlet of this.#requests) {
      if (greenlet.arrival >= this.#look) break; // and so have all behind it
      if (greenlet.arrival !== LISTENING) listen(greenlet);
    }
    this.#look++;
    this.#timer = this.#hub.startTimer(this.#interval, false, this.#lookAround, undefined);
  };
}

/** The arrival of one whose client's leaving will be heard. */
const LISTENING = -1;

function listen(greenlet: RequestGreenlet): void {
  greenlet.arrival = LISTENING;
  hushLegacyWarning();
  const { signal } = greenlet.request;
  const leave = () => greenlet.hub.wakeFromOutside(() => killFor(greenlet));
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
}

/** The signal also aborts once an answer has been sent. */
function killFor(greenlet: RequestGreenlet): void {
  if (greenlet.resolve === undefined || greenlet.ready) return;
  greenlet.gone = true;
  void greenlet.kill(new GreenletExit(`The client of ${greenlet.label} has gone`), { block: false });
}

const LEGACY_WARNING = "Deno.serve: request.signal aborts on successful responses";
let hushed = false;

/**
 * Deno prints once in the life of a process that `request.signal` also aborts after a success. That is known
 * here, and no user of this library has asked for the signal: this one message is held back.
 */
function hushLegacyWarning(): void {
  if (hushed) return;
  hushed = true;
  const { warn } = console;
  const filter = (...args: unknown[]) => {
    if (!String(args[0]).startsWith(LEGACY_WARNING)) return warn.apply(console, args);
    if (console.warn === filter) console.warn = warn;
  };
  console.warn = filter;
}
