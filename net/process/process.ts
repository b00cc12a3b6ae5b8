import {
  ConcurrentObjectUseError,
  enterWait,
  expireThrowing,
  immediately,
  linkReady,
  planWait,
  quiet,
  readyWith,
  refusal,
  type Waitable,
  type WaitOptions,
  type WaitPlan,
} from "../../hub/mod.ts";
import { shield } from "../../green/shield.ts";
import { checkSize } from "../../sync/check.ts";
import { toBytes } from "../to_bytes.ts";
import { TimeoutExpired } from "./errors.ts";
import { checkExchange, Exchange } from "./exchange.ts";
import type { PipeReader } from "./pipe_reader.ts";
import { closePipes, type Pipes } from "./pipes.ts";
import type { PipeWriter } from "./pipe_writer.ts";
import type { Captured, CommandLine, Encoding } from "./process_options.ts";
import type { Started } from "./start_child.ts";
import { stopChild } from "./stop_child.ts";

/**
 * What {@linkcode Process.communicate} returns.
 *
 * @example Its parts
 * ```ts
 * import { type Communication, spawnProcess } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using child = spawnProcess(["echo", "hi"], { stdout: "pipe" });
 * const said: Communication = await child.communicate();
 * assertEquals(said, { stdout: "hi\n", stderr: "" });
 * ```
 */
export interface Communication<E extends Encoding = "utf-8"> {
  /** What the process wrote to its output; empty if that is no pipe. */
  readonly stdout: Captured<E>;
  /** What it wrote to its error output; empty if that is no pipe. */
  readonly stderr: Captured<E>;
}

/**
 * Limits of {@linkcode Process.communicate}.
 *
 * @example Not too long, not too much
 * ```ts
 * import { type CommunicateOptions, spawnProcess } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: CommunicateOptions = { timeout: 10_000, maxOutput: 1_000 };
 * await using child = spawnProcess(["cat"], { stdin: "pipe", stdout: "pipe" });
 * assertEquals((await child.communicate("hi", options)).stdout, "hi");
 * ```
 */
export interface CommunicateOptions extends WaitOptions {
  /**
   * How many bytes may be captured, of output and of error output each.
   *
   * @default {Infinity}
   */
  maxOutput?: number | undefined;
}

/**
 * A process that was started with {@linkcode spawnProcess}. `wait()` and `iwait()` can wait for its end.
 *
 * `await using` ends it: SIGTERM, SIGKILL after `killGrace`, the same for what is left of its `processGroup`, and
 * closes the pipes.
 *
 * Source: `gevent.subprocess.Popen`.
 *
 * @typeParam E How captured output is decoded.
 *
 * @example Talk to it
 * ```ts
 * import { type Process, spawnProcess } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * async function ask(process: Process, question: string) {
 *   await process.stdin.writeAll(question + "\n");
 *   return await process.stdout.readLine();
 * }
 * await using shouter = spawnProcess(["sed", "-u", "s/$/!/"], { stdin: "pipe", stdout: "pipe" });
 * assertEquals([await ask(shouter, "what"), await ask(shouter, "how")], ["what!", "how!"]);
 * ```
 */
export class Process<E extends Encoding = "utf-8"> implements Waitable, AsyncDisposable {
  readonly #started: Started;
  readonly #encoding: E;
  #exchange: Exchange<E> | undefined = undefined;
  /** What {@linkcode communicate} sends. */
  #input: Uint8Array | undefined = undefined;
  #communicating = false;

  /** For {@linkcode spawnProcess}. */
  constructor(started: Started, encoding: E) {
    this.#started = started;
    this.#encoding = encoding;
  }

  // ---- State -------------------------------------------------------------------------------------

  /** Its number. */
  get pid(): number {
    return this.#started.child.pid;
  }

  /** The command, as it was given. */
  get args(): CommandLine {
    return this.#started.line;
  }

  /** Whether it leads a group of its own, so that signals reach its children as well. */
  get processGroup(): boolean {
    return this.#started.child.group !== undefined;
  }

  /**
   * What it reads.
   *
   * @throws {TypeError} If that is no pipe.
   */
  get stdin(): PipeWriter {
    return this.#pipe("stdin");
  }

  /**
   * What it writes.
   *
   * @throws {TypeError} If that is no pipe.
   */
  get stdout(): PipeReader {
    return this.#pipe("stdout");
  }

  /**
   * What it writes about errors.
   *
   * @throws {TypeError} If that is no pipe of its own.
   */
  get stderr(): PipeReader {
    return this.#pipe("stderr");
  }

  /**
   * Its exit status; negative the number of the signal that ended it: -15 for SIGTERM. `undefined` while it
   * runs.
   */
  get returnCode(): number | undefined {
    return this.#started.child.returnCode;
  }

  /** The signal that ended it. */
  get signal(): Deno.Signal | null {
    return this.#started.child.signal;
  }

  /** Whether it has ended. */
  get ready(): boolean {
    return this.returnCode !== undefined;
  }

  /** The same as {@linkcode returnCode}, under the name that it has in Python. Does not switch. */
  poll(): number | undefined {
    return this.returnCode;
  }

  // ---- Waiting -----------------------------------------------------------------------------------

  /**
   * Waits for its end. Switches unless it has ended. If nobody reads its pipes it may never end: see
   * {@linkcode communicate}.
   *
   * @returns Its {@linkcode returnCode}; `undefined` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  wait(options?: WaitOptions): Promise<number | undefined> {
    return this.#started.child.ended(options);
  }

  /**
   * Calls `callback(this)` once in the hub when it has ended, soon if it has: it must not wait.
   *
   * @returns Removes the link when disposed.
   * @throws {TypeError} If `callback` is not a function.
   */
  rawlink(callback: (process: this) => void): Disposable {
    return linkReady(this, this.#started.child.ends, callback);
  }

  /**
   * Writes `input` to the process and closes its input, reads its output to the end, and waits for its end; all
   * at once, so that neither side blocks. Switches.
   *
   * After a time-out or kill it may be called again: output is not lost, and the input, which may be given again
   * or left out, goes on where it was.
   *
   * @param input What the process reads. Text goes as UTF-8.
   * @param options Limits.
   * @returns What the process wrote, as far as it is a pipe.
   * @throws {TimeoutExpired} On time-out; has the output so far. The process runs on.
   * @throws {TooLongError} If there is more output than `maxOutput`. The process runs on; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is doing so.
   * @throws {TypeError} If there is input and its input is no pipe.
   * @throws {Error} If the call before was given another input.
   * @throws {RangeError} If the time-out or `maxOutput` is negative or NaN.
   */
  communicate(
    input?: string | Uint8Array,
    options: CommunicateOptions = {},
  ): Promise<Communication<E>> {
    const { maxOutput = Infinity, timeout, signal } = options;
    checkSize(maxOutput, 0, "communicate", "maxOutput");
    const bytes = this.#checkInput(input);
    const plan = planWait(options, "communicate with process");
    const task = enterWait("communicate with process");
    if (this.#communicating) {
      throw new ConcurrentObjectUseError(`Cannot communicate with ${this}: another greenlet is doing so`);
    }
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const exchange = this.#exchange;
    if (exchange?.complete) return readyWith(task, this.#started.child.ends, exchange.output);
    if (plan.timeout === 0) return immediately(plan, expireThrowing(() => this.#expired(0)));
    this.#input ??= bytes;
    return quiet(this.#exchangeAll(maxOutput, plan, { timeout, signal }));
  }

  async #exchangeAll(maxOutput: number, plan: WaitPlan, limits: WaitOptions): Promise<Communication<E>> {
    this.#communicating = true;
    const exchange = this.#exchange ??= new Exchange(this.#started, this.#encoding, this.#input);
    const job = exchange.begin(maxOutput);
    try {
      const inTime = await job.join(limits);
      if (!inTime) throw plan.owner?.thrown ?? this.#expired(plan.timeout);
      checkExchange(job);
      return exchange.output;
    } finally {
      if (!job.ready) await shield(() => job.kill("communicate() was broken off"));
      this.#communicating = false;
    }
  }

  // ---- Ending it ---------------------------------------------------------------------------------

  /**
   * Sends a signal: to its group if it leads one, otherwise to itself. Nothing happens if it has ended. Does not
   * switch.
   *
   * @throws {TypeError} If the signal is unknown.
   * @throws {Deno.errors.PermissionDenied} If it may not be signalled.
   */
  sendSignal(signal: Deno.Signal): void {
    this.#started.child.sendSignal(signal);
  }

  /** Asks it to end: sends SIGTERM. Does not switch. */
  terminate(): void {
    this.sendSignal("SIGTERM");
  }

  /** Ends it: sends SIGKILL. Does not switch. */
  kill(): void {
    this.sendSignal("SIGKILL");
  }

  /** Ends it and what is left of its group, closes the pipes, and waits for its end. */
  [Symbol.asyncDispose](): Promise<void> {
    const { child, grace, pipes } = this.#started;
    return quiet(stopChild(child, grace).finally(() => closePipes(pipes)));
  }

  /** For messages: `"process 1234 (git log)"`. */
  toString(): string {
    return String(this.#started.child);
  }

  #pipe<N extends keyof Pipes>(name: N): NonNullable<Pipes[N]> {
    const pipe = this.#started.pipes[name];
    if (pipe === undefined) throw new TypeError(`Cannot use ${name} of ${this}: it is not a pipe`);
    return pipe;
  }

  #checkInput(input: string | Uint8Array | undefined): Uint8Array | undefined {
    if (input === undefined) return undefined;
    const bytes = toBytes(input, "communicate", "input");
    this.#pipe("stdin");
    if (this.#exchange === undefined || equals(bytes, this.#input)) return bytes;
    throw new Error(`Cannot communicate with ${this}: it was given another input before`);
  }

  #expired(timeout: number): TimeoutExpired {
    return new TimeoutExpired(this.args, timeout, this.#exchange?.output);
  }
}

function equals(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a === b || b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
