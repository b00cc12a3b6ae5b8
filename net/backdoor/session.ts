import { callerTask, getHub } from "../../hub/mod.ts";
import type { Greenlet } from "../../green/greenlet.ts";
import { Job } from "../../green/job.ts";
import { killAll } from "../../green/kill.ts";
import { shield } from "../../green/shield.ts";
import { sleep } from "../../green/sleep.ts";
import { withTimeout } from "../../green/with_timeout.ts";
import type { Conn } from "../conn.ts";
import { equalInConstantTime } from "../constant_time.ts";
import { type Code, compile, Incomplete } from "./compile.ts";
import { commandsOf } from "./commands.ts";
import { Evaluation, type Outcome } from "./evaluation.ts";
import { TOO_LONG } from "./line_splitter.ts";
import { formatError, formatValue } from "./print_value.ts";
import { Scope } from "./scope.ts";
import { END, INTERRUPT, SessionInput } from "./session_input.ts";
import { SessionOutput } from "./session_output.ts";

/** What a session is made of. */
export interface SessionSettings {
  /** Gets the variables of the session. */
  readonly variables: Record<string, unknown>;
  /** The first that is printed; nothing if it is empty. */
  readonly banner: string;
  /** Printed before each entry. */
  readonly prompt: string;
  /** What must be typed first. */
  readonly token: string | undefined;
  /** How long (bytes) an entry may be. */
  readonly maxLine: number;
  /** How long (ms) an entry may go on after the end of the input. */
  readonly lingerTimeout: number;
}

const MORE_PROMPT = "... ";
/** So long (ms) a client may take to type the token. */
const TOKEN_LIMIT_MS = 30_000;
/** So long (ms) the last words of a session that is killed may take. */
const FAREWELL_MS = 250;
/** A web page can make a browser send this to any port of this machine, and entries behind it. */
const HTTP_REQUEST = /^\S+ \S+ HTTP\/\d/;

/**
 * Reads entries from a client, evaluates them and prints what comes of it.
 *
 * It consists of four greenlets at most: the one that calls `run()`, a reader, a writer, and one for the entry that
 * runs. They end with it; what the entries have spawned goes on.
 */
export class Session {
  readonly #conn: Conn;
  readonly #settings: SessionSettings;
  readonly #input: SessionInput;
  readonly #output: SessionOutput = new SessionOutput();
  readonly #scope: Scope;
  readonly #own = new WeakSet<object>();
  #evaluation: Evaluation | undefined = undefined;
  /** Whether nothing more is to be evaluated. */
  #over = false;
  /** How many entries there were. */
  #count = 0;

  constructor(conn: Conn, settings: SessionSettings) {
    this.#conn = conn;
    this.#settings = settings;
    this.#input = new SessionInput(settings.maxLine);
    const commands = commandsOf({
      write: (text) => this.#output.write(text),
      quit: () => this.#end(),
      isOwn: (greenlet) => this.#own.has(greenlet),
      names: () => this.#scope.list(),
    });
    this.#scope = new Scope(settings.variables, commands);
  }

  /** Talks until the client quits or goes, or the greenlet is killed. Does not close the connection. Switches. */
  async run(): Promise<void> {
    this.#own.add(callerTask());
    tune(this.#conn);
    const helpers = [this.#start("backdoor reader", () => this.#read())];
    helpers.push(this.#start("backdoor writer", () => this.#send()));
    try {
      const admitted = await this.#admit();
      if (admitted) await this.#talk();
      await this.#output.flush({ timeout: admitted ? this.#settings.lingerTimeout : FAREWELL_MS });
    } catch (error) {
      this.#output.write("\nThis session was ended.\n");
      throw error;
    } finally {
      await shield(() => this.#close(helpers));
    }
  }

  #start(name: string, work: () => Promise<void>): Greenlet {
    const greenlet = new Job<void>(work);
    greenlet.name = name;
    this.#own.add(greenlet);
    greenlet.start();
    return greenlet;
  }

  // ---- The client ---------------------------------------------------------------------------------

  /** In the reader. What the connection fails with is its end, like any other. */
  async #read(): Promise<void> {
    const { lingerTimeout } = this.#settings;
    try {
      await this.#input.readAll(this.#conn, {
        reply: (bytes) => this.#output.write(bytes),
        interrupted: () => this.#interrupt(),
      });
      // A client that has only closed its writing side looks the same as one that has gone.
      await sleep(lingerTimeout);
    } catch {
      // Nobody is there any more, or this reader was killed: all the same for the session.
    }
    await this.#hangUp();
    await this.#output.flush({ timeout: FAREWELL_MS });
    this.#output.close(); // whoever waits until all is sent goes on
  }

  /** In the writer. */
  async #send(): Promise<void> {
    try {
      await this.#output.sendAll(this.#conn);
    } catch {
      // As in the reader.
    }
    this.#output.close();
    await this.#hangUp();
  }

  /** Says whether there was something to interrupt. */
  async #interrupt(): Promise<boolean> {
    const evaluation = this.#evaluation;
    await evaluation?.stop("interrupted");
    return evaluation !== undefined;
  }

  /** Nobody is there any more. */
  async #hangUp(): Promise<void> {
    this.#end();
    await this.#evaluation?.stop("its session has lost its client");
  }

  /** Nothing more is to be evaluated. */
  #end(): void {
    this.#over = true;
    this.#input.end();
  }

  async #close(helpers: Greenlet[]): Promise<void> {
    const evaluation = this.#evaluation;
    await evaluation?.stop("its session was ended");
    this.#report(evaluation?.outcome);
    await this.#output.flush({ timeout: FAREWELL_MS });
    this.#output.close();
    await killAll(helpers);
  }

  // ---- The dialogue -------------------------------------------------------------------------------

  /** Whether the client may come in. */
  async #admit(): Promise<boolean> {
    const { token, banner } = this.#settings;
    if (token !== undefined) {
      this.#output.write("token: ");
      const typed = await withTimeout(TOKEN_LIMIT_MS, () => this.#input.next(), { value: END });
      if (typeof typed !== "string" || !equalInConstantTime(typed, token)) {
        this.#output.write("Wrong token\n");
        return false;
      }
    }
    if (banner !== "") this.#output.write(`${banner}\n`);
    return true;
  }

  async #talk(): Promise<void> {
    /** The lines of an entry that is not complete. */
    let lines: string[] = [];
    let first = true;
    while (!this.#over) {
      this.#output.write(lines.length === 0 ? this.#settings.prompt : MORE_PROMPT);
      const typed = await this.#input.next();
      if (typed === END) return;
      if (typed === INTERRUPT) {
        lines = [];
        this.#output.write("\n");
        continue;
      }
      if (first && this.#isNobodysLine(typed)) {
        return this.#print("The first line looks like a request of HTTP: this is no web server");
      }
      first = false;
      if (typed === TOO_LONG || sizeOf(lines) + typed.length > this.#settings.maxLine) {
        lines = [];
        this.#print(`Ignored: an entry must not be longer than ${this.#settings.maxLine} bytes`);
      } else {
        lines = await this.#enter([...lines, typed]) ? [] : [...lines, typed];
      }
    }
  }

  /**
   * Whether nobody has typed a first line: it may be the beginning of a request, or the end of one whose address is
   * very long, or that of another protocol.
   */
  #isNobodysLine(typed: string | typeof TOO_LONG): boolean {
    if (this.#settings.token !== undefined) return false;
    return typed === TOO_LONG || HTTP_REQUEST.test(typed) || [...typed].some(isControl);
  }

  /**
   * Evaluates an entry, unless more lines are wanted; an empty one says that none will come.
   *
   * @returns Whether that was all of it.
   */
  async #enter(lines: readonly string[]): Promise<boolean> {
    let code: Code | Incomplete;
    try {
      code = compile(this.#scope, lines.join("\n"), `entry-${this.#count + 1}`);
    } catch (error) {
      this.#print(`Uncaught ${error}`); // without its stack, which is all ours
      return true;
    }
    if (code instanceof Incomplete) {
      if (lines.at(-1)!.trim() !== "") return false;
      this.#print(`Uncaught ${code.error}`);
    } else {
      this.#count++;
      await this.#evaluate(code);
    }
    return true;
  }

  async #evaluate(code: Code): Promise<void> {
    const evaluation = this.#evaluation = new Evaluation(code);
    const { greenlet } = evaluation;
    this.#own.add(greenlet);
    await greenlet.join(); // if this is killed, #close() ends it
    this.#evaluation = undefined;
    this.#show(evaluation.outcome);
    await this.#output.flush();
  }

  /** What came of an entry. */
  #show(outcome: Outcome | undefined): void {
    if (outcome === undefined) this.#print("It was killed before it began");
    else if ("error" in outcome) {
      if (this.#over) this.#report(outcome);
      else this.#print(formatError(outcome.error));
    } else if (outcome.value !== undefined) {
      this.#scope.setCommand("_", outcome.value);
      this.#print(formatValue(outcome.value));
    }
  }

  /** The client is not told of it any more: an error must not be lost. */
  #report(outcome: Outcome | undefined): void {
    if (outcome === undefined || "value" in outcome || outcome.killed) return;
    getHub().handleError(callerTask(), outcome.error);
  }

  #print(text: string): void {
    this.#output.write(`${text}\n`);
  }
}

/** Whether no keyboard makes a character. */
function isControl(character: string): boolean {
  return character < " " && character !== "\t" || character === "\x7f" || character === "\ufffd";
}

/** What is printed is small, and follows each other: none of it is to wait for an acknowledgement. */
function tune(conn: Conn): void {
  try {
    if (!("setNoDelay" in conn.raw)) return;
    conn.setNoDelay();
    conn.setKeepAlive(); // a client whose machine has gone says nothing any more
  } catch {
    // It has gone already.
  }
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((size, line) => size + line.length + 1, 0);
}
