import { callerTask, planWait, shortName, type WaitOptions } from "../../hub/mod.ts";
import { Outflow } from "../outflow.ts";
import { toBytes } from "../to_bytes.ts";
import { PipeSink } from "./pipe_sink.ts";

/**
 * What a process reads, written as a {@linkcode Conn} is.
 *
 * One greenlet may write at a time. A write that is killed or times out may have sent a part; {@linkcode handed}
 * says how much. If the process reads no more, writing fails with `Deno.errors.BrokenPipe`.
 *
 * Source: `subprocess.Popen.stdin`.
 *
 * @example Ask and answer
 * ```ts
 * import { type PipeWriter, spawnProcess } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const greet = (pipe: PipeWriter) => pipe.writeAll("hello\n");
 * await using child = spawnProcess(["cat"], { stdin: "pipe", stdout: "pipe" });
 * await greet(child.stdin);
 * assertEquals(await child.stdout.readLine(), "hello");
 * child.stdin.close();
 * assertEquals(await child.wait(), 0);
 * ```
 */
export class PipeWriter implements Disposable {
  readonly #name: string;
  readonly #sink: PipeSink;
  readonly #outflow: Outflow;
  #closed = false;

  /** For {@linkcode spawnProcess}. */
  constructor(name: string, stream: WritableStream<Uint8Array>) {
    this.#name = name;
    this.#sink = new PipeSink(stream);
    this.#outflow = new Outflow(this.#sink, this);
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * How many bytes were handed to the system: they go to the process even if the greenlet that wrote them was
   * killed meanwhile.
   */
  get handed(): number {
    return this.#sink.handed;
  }

  /**
   * Writes some of `data`, at least one byte, waiting until there is room. Switches. With `timeout: 0` nothing
   * is sent: writing always waits.
   *
   * @returns How many bytes were written.
   * @throws {Timeout} On time-out. What was handed to the system goes out, so `data` must not be changed after a
   * kill or time-out.
   * @throws {Deno.errors.BrokenPipe} If the process reads no more.
   * @throws {ConcurrentObjectUseError} If another greenlet is writing.
   */
  write(data: Uint8Array, options?: WaitOptions): Promise<number> {
    return this.#outflow.send(toBytes(data, "write"), planWait(options, "write"));
  }

  /**
   * Writes all of `data`, text as UTF-8. Switches. With `timeout: 0` nothing is sent: writing always waits.
   *
   * @throws {Timeout} On time-out. A part may have gone, so `data` must not be changed after a kill or time-out.
   * @throws {Deno.errors.BrokenPipe} If the process reads no more.
   * @throws {ConcurrentObjectUseError} If another greenlet is writing.
   */
  writeAll(data: string | Uint8Array, options?: WaitOptions): Promise<void> {
    return this.#outflow.sendAll(toBytes(data, "write"), planWait(options, "write"));
  }

  /**
   * Closes it: the process reads to the end of what was written. A greenlet that writes is told by an error.
   * Harmless when it is closed. Does not switch.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outflow.close(`it was closed by ${shortName(callerTask())}`);
    this.#sink.closeWrite().catch(() => {}); // the process reads no more
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages: `"stdin of process 1234 (cat)"`. */
  toString(): string {
    return this.#name;
  }
}
