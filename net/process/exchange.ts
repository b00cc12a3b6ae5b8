import { GreenletExit } from "../../hub/mod.ts";
import { Job } from "../../green/job.ts";
import { type Nursery, nursery } from "../../green/nursery.ts";
import { Capture, decode } from "./capture.ts";
import type { Captured, Encoding } from "./process_options.ts";
import type { Started } from "./start_child.ts";

/** While somebody else holds the pipes open, output that does not come within this time (ms) is not waited for. */
const SETTLING = 25;
/** So often, at most, more output is waited for. */
const MAX_ROUNDS = 20;

const NOTHING = new Uint8Array(0);

/**
 * Sends a process its input and captures its output until it ends: all at once, so that nobody blocks.
 *
 * It can be broken off and taken up again: no output is lost, no input is sent twice.
 */
export class Exchange<E extends Encoding> {
  readonly #started: Started;
  readonly #encoding: E;
  readonly #input: Uint8Array;
  /** How much had been written to the process before the first byte of the input. */
  readonly #before: number;
  readonly #captures: { readonly stdout: Capture | undefined; readonly stderr: Capture | undefined };
  #complete = false;

  constructor(started: Started, encoding: E, input: Uint8Array = NOTHING) {
    const { stdin, stdout, stderr } = started.pipes;
    this.#started = started;
    this.#encoding = encoding;
    this.#input = input;
    this.#before = stdin?.handed ?? 0;
    this.#captures = {
      stdout: stdout && new Capture(stdout),
      stderr: stderr && new Capture(stderr),
    };
  }

  /** Whether the process has ended and all of its output was read. */
  get complete(): boolean {
    return this.#complete;
  }

  /** What has been captured. */
  get output(): { readonly stdout: Captured<E>; readonly stderr: Captured<E> } {
    const { stdout, stderr } = this.#captures;
    return { stdout: decode(stdout, this.#encoding), stderr: decode(stderr, this.#encoding) };
  }

  /** Begins, or goes on: in a greenlet of its own, which ends when all is done. Kill it to break off. */
  begin(maxBytes: number): Job<void> {
    const job = new Job<void>(() => this.#run(maxBytes));
    job.name = `exchange with ${this.#started.child}`;
    job.start();
    return job;
  }

  /**
   * The process was stopped: takes the rest of its output. What has left its group may hold the pipes open and
   * is not waited for.
   */
  async settle(job: Job<void>): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const { size } = this;
      if (await job.join({ timeout: SETTLING }) || this.size === size) return;
    }
  }

  /** How many bytes have been captured. */
  get size(): number {
    const { stdout, stderr } = this.#captures;
    return (stdout?.size ?? 0) + (stderr?.size ?? 0);
  }

  async #run(maxBytes: number): Promise<void> {
    await nursery((n) => this.#spawnAll(n, maxBytes));
    this.#complete = true;
  }

  async #spawnAll(n: Nursery, maxBytes: number): Promise<void> {
    const { child, pipes } = this.#started;
    if (pipes.stdin?.closed === false) n.spawn(() => this.#feed());
    for (const capture of Object.values(this.#captures)) {
      if (capture !== undefined) n.spawn(() => capture.collect(maxBytes));
    }
    await child.ended();
  }

  /** Sends what has not been sent, and says that it was all. */
  async #feed(): Promise<void> {
    const stdin = this.#started.pipes.stdin!;
    try {
      await stdin.writeAll(this.#input.subarray(stdin.handed - this.#before));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // it does not want to know
    }
    stdin.close();
  }
}

/**
 * What an exchange that has ended leaves its caller with: nothing, or an error.
 *
 * @throws Its error; the kill, if somebody has killed its greenlet.
 */
export function checkExchange(job: Job<void>): void {
  if (job.failed) throw job.error;
  if ((job.value as unknown) instanceof GreenletExit) throw job.value;
}
