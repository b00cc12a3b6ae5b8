/** The law of patched reads under many schedules, with readers that are killed and timed out where they wait. */
import { assertEquals } from "@std/assert";
import { sleep, withTimeout } from "@verdant/green";
import { receiving } from "../../../net/patch/conns.ts";
import { replaceMethods } from "../../../net/patch/through_hub.ts";
import { type Body, ended, exploreTest, inTime, LIMIT, start } from "../../explored/explored.ts";

const BYTES = 8;

/** What the platform's connection does: reads are answered in their order, each with what is there by then. */
class Source {
  readonly #bytes: number[] = [];
  readonly #reads: { buffer: Uint8Array; resolve: (count: number | null) => void }[] = [];
  #ended = false;

  read(buffer: Uint8Array): Promise<number | null> {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#reads.push({ buffer, resolve });
    this.#answer();
    return promise;
  }

  feed(...bytes: number[]): void {
    this.#bytes.push(...bytes);
    this.#answer();
  }

  end(): void {
    this.#ended = true;
    this.#answer();
  }

  #answer(): void {
    while (this.#reads.length > 0 && (this.#bytes.length > 0 || this.#ended)) {
      const { buffer, resolve } = this.#reads.shift()!;
      const some = this.#bytes.splice(0, buffer.length);
      buffer.set(some);
      resolve(some.length === 0 ? null : some.length);
    }
  }
}

/** Readers take turns, however they end; whoever drains the rest at the end finds the sequence unbroken. */
function inSequence(readers: number): Body {
  return async () => {
    const source = replaceMethods(new Source(), { read: receiving });
    const received: number[] = [];
    let busy = false;
    const take = async (size: number): Promise<boolean> => {
      const buffer = new Uint8Array(size);
      const count = await source.read(buffer);
      if (count !== null) received.push(...buffer.subarray(0, count));
      return count !== null;
    };
    const reading = start(readers, async function reader(index) {
      for (let round = 0; round < 2; round++) {
        while (busy) await sleep();
        busy = true;
        try {
          await inTime(() => withTimeout(LIMIT, () => take(1 + index)));
        } finally {
          busy = false;
        }
      }
    });
    let fed = 0;
    start(1, async function feeder() {
      try {
        for (; fed < BYTES; await sleep()) source.feed(fed++, fed++);
      } finally {
        source.end();
      }
    });
    await ended(reading);
    while (await take(3));
    assertEquals(received, Array.from({ length: fed }, (_, i) => i));
  };
}

exploreTest("Deno.Conn.read() that is patched loses no byte and keeps them in order", inSequence(3));
