import { Lock, LoopExit, sleep, spawn } from "@verdant/green";
import type { Planted } from "./planted.ts";

/** Lets one in at a time. */
interface Gate {
  pass(fn: () => Promise<void>): Promise<void>;
}

/** Opens again only if nothing goes wrong inside. */
class StickyGate implements Gate {
  readonly #lock = new Lock();

  async pass(fn: () => Promise<void>): Promise<void> {
    await this.#lock.acquire();
    await fn();
    this.#lock.release();
  }
}

class SpringGate implements Gate {
  readonly #lock = new Lock();

  async pass(fn: () => Promise<void>): Promise<void> {
    await this.#lock.acquire();
    try {
      await fn();
    } finally {
      this.#lock.release();
    }
  }
}

async function openAfterwards(gate: Gate): Promise<void> {
  const visitor = () => gate.pass(() => sleep(1));
  await spawn(visitor).join();
  await gate.pass(async () => {});
}

/** A kill skips the line that releases. */
export const forgottenUnlock: Planted = {
  name: "a forgotten unlock on kill",
  broken: () => openAfterwards(new StickyGate()),
  correct: () => openAfterwards(new SpringGate()),
  inject: ["kill"],
  fails: { type: LoopExit, message: "body waits for Lock acquire, its holder has ended, held by #2 visitor" },
  shrunk: { switches: 3, decisions: 1 },
};
