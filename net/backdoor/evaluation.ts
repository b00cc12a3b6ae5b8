import { GreenletExit, isKill } from "../../hub/mod.ts";
import { Greenlet } from "../../green/greenlet.ts";
import type { Code } from "./compile.ts";

/**
 * So long (ms) a killed entry may take for its clean-up. It must be shorter than what a server grants its handlers
 * when it stops.
 */
const CLEAN_UP_MS = 250;

/** How an entry has ended. In a box, so that the kernel need not look at what an entry has thrown. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown; readonly killed: boolean };

/** One entry that runs, in a greenlet of its own, so that it can be killed. */
export class Evaluation {
  readonly greenlet: Greenlet<void>;
  /** How it has ended; `undefined` before that, and if it was killed before it began. */
  outcome: Outcome | undefined = undefined;
  /** Rejects to leave what heeds no kill: an await of a promise that nobody settles. */
  readonly #leave: PromiseWithResolvers<never> = Promise.withResolvers();
  #killed = false;

  /** Starts it. */
  constructor(code: Code) {
    this.greenlet = new Greenlet(() => this.#run(code));
    this.greenlet.name = "backdoor entry";
    this.greenlet.start();
  }

  /** Kills it, waits for its clean-up, and leaves it if that takes too long. Switches. */
  async stop(reason: string): Promise<void> {
    const { greenlet } = this;
    if (!this.#killed) {
      this.#killed = true; // a second kill would interrupt its clean-up
      void greenlet.kill(reason, { block: false });
    }
    if (await greenlet.join({ timeout: CLEAN_UP_MS })) return;
    this.#leave.reject(new GreenletExit(reason));
    await greenlet.join();
  }

  async #run(code: Code): Promise<void> {
    try {
      this.outcome = { value: await Promise.race([code(), this.#leave.promise]) };
    } catch (error) {
      this.outcome = { error, killed: isSurelyKill(error) };
    }
  }
}

/** An entry may throw what throws again when it is looked at. */
function isSurelyKill(error: unknown): boolean {
  try {
    return isKill(error);
  } catch {
    return false;
  }
}
