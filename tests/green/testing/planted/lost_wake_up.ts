import { assertEquals } from "@std/assert";
import { Condition, LoopExit, Semaphore, spawn } from "@verdant/green";
import { WaitList } from "@verdant/green/hub";
import { type Planted, waitIn } from "./planted.ts";

interface Mailbox {
  put(letter: string): unknown;
  take(): Promise<string>;
}

/** Rings for those who wait now; who comes later has not heard it. */
class Bell {
  readonly #waiters = new WaitList("wait", this);

  ring(): void {
    this.#waiters.wakeAll(true);
  }

  wait(): Promise<unknown> {
    return waitIn(this.#waiters);
  }
}

/** Between the look into the box and the wait, the reader looks for a chair: the bell may ring for nobody. */
class DeafMailbox implements Mailbox {
  readonly #letters: string[] = [];
  readonly #chairs = new Semaphore(1);
  readonly #bell = new Bell();

  put(letter: string): void {
    this.#letters.push(letter);
    this.#bell.ring();
  }

  async take(): Promise<string> {
    if (this.#letters.length === 0) await this.#chairs.with(() => this.#bell.wait());
    return this.#letters.shift()!;
  }
}

/** Looks and waits in one step. */
class WatchedMailbox implements Mailbox {
  readonly #letters: string[] = [];
  readonly #changed = new Condition();

  put(letter: string): Promise<unknown> {
    return this.#changed.with(() => {
      this.#letters.push(letter);
      this.#changed.notify();
    });
  }

  take(): Promise<string> {
    return this.#changed.with(async () => {
      await this.#changed.waitFor(() => this.#letters.length > 0);
      return this.#letters.shift()!;
    });
  }
}

async function everyLetterArrives(box: Mailbox): Promise<void> {
  const reader = spawn(function reader() {
    return box.take();
  });
  spawn(function writer() {
    return box.put("a letter");
  });
  assertEquals(await reader.get(), "a letter");
}

/** The waker comes after the check, and before the wait. */
export const lostWakeUp: Planted = {
  name: "a lost wake-up",
  broken: () => everyLetterArrives(new DeafMailbox()),
  correct: () => everyLetterArrives(new WatchedMailbox()),
  inject: [],
  fails: { type: LoopExit, message: "reader waits for Bell wait" },
  shrunk: { switches: 4, decisions: 1 },
};
