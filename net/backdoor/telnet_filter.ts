/** The bytes of the protocol of `telnet`, by their names in RFC 854. Plain text in UTF-8 has no byte 255. */
const IAC = 255;
const DONT = 254;
const DO = 253;
const WONT = 252;
const WILL = 251;
const SUBNEGOTIATION = 250;
const INTERRUPT_PROCESS = 244;
const BREAK = 243;
const SUBNEGOTIATION_END = 240;
const END_OF_FILE = 236;
const TIMING_MARK = 6;

/** What has come, without the commands of the protocol. */
export interface Filtered {
  /** The text. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** What must be answered to the client. */
  readonly reply: Uint8Array<ArrayBuffer>;
  /** Whether the user wants what is under way to be stopped: Ctrl-C. */
  readonly interrupted: boolean;
  /** Whether the user will type no more. */
  readonly ended: boolean;
}

const NOTHING = new Uint8Array(0);

/** Takes the commands of the telnet protocol out of what a client sends. They may come in pieces. */
export class TelnetFilter {
  /** `command`: behind IAC. `option`: behind IAC and `#verb`. `inside`, `insideCommand`: in a subnegotiation. */
  #state: "text" | "command" | "option" | "inside" | "insideCommand" = "text";
  #verb = 0;

  /** Filters what has come. */
  filter(bytes: Uint8Array<ArrayBuffer>): Filtered {
    if (this.#state === "text" && !bytes.includes(IAC)) {
      return { data: bytes, reply: NOTHING, interrupted: false, ended: false };
    }
    const data: number[] = [];
    const reply: number[] = [];
    let interrupted = false;
    let ended = false;
    for (const byte of bytes) {
      switch (this.#state) {
        case "text":
          if (byte === IAC) this.#state = "command";
          else data.push(byte);
          break;
        case "command":
          this.#state = this.#command(byte);
          if (byte === INTERRUPT_PROCESS || byte === BREAK) interrupted = true;
          if (byte === END_OF_FILE) ended = true;
          break;
        case "option":
          this.#state = "text";
          reply.push(...this.#answer(byte));
          break;
        case "inside":
          if (byte === IAC) this.#state = "insideCommand";
          break;
        case "insideCommand":
          this.#state = byte === SUBNEGOTIATION_END ? "text" : "inside";
          break;
      }
    }
    return { data: Uint8Array.from(data), reply: Uint8Array.from(reply), interrupted, ended };
  }

  #command(byte: number): "text" | "option" | "inside" {
    if (byte === SUBNEGOTIATION) return "inside";
    if (byte < WILL || byte === IAC) return "text"; // a doubled IAC is a byte that no text has
    this.#verb = byte;
    return "option";
  }

  /** Refuses every option. But a client waits for the timing mark after Ctrl-C, and shows nothing until it comes. */
  #answer(option: number): number[] {
    if (this.#verb === DO) return [IAC, option === TIMING_MARK ? WILL : WONT, option];
    return this.#verb === WILL ? [IAC, DONT, option] : [];
  }
}
