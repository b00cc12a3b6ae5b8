import { assert, assertEquals } from "@std/assert";
import { DAGPool, type Greenlet, GreenletExit, joinAll, PropagateError, sleep, spawn } from "@verdant/green";
import { type Body, exploreTest, isInterruption } from "../../explored/explored.ts";

/** What depends on what; `p` is there. */
type Graph = readonly (readonly [key: string, depends: string])[];
const DIAMOND: Graph = [["d", "bc"], ["c", "a"], ["b", "a"], ["a", "p"]];
const CHAIN: Graph = [["b", "a"], ["a", "p"]];
const READERS = ["readOne", "readEach", "readAll"] as const;

/** Its own key and what it got, in capitals. Waits once more than it has to. */
async function work(key: string, results: AsyncIterable<[string, string]>): Promise<string> {
  let text = key;
  for await (const [, value] of results) text += value;
  await sleep();
  return text.toUpperCase();
}

/** A value of the pool, or the error that a task has because of a fault. What strikes the asker is thrown. */
async function settled<T>(ask: () => T | PromiseLike<T>): Promise<T | PropagateError<string>> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof PropagateError && isInterruption(error.root)) return error as PropagateError<string>;
    throw error;
  }
}

/** What those who asked were told of each key: all the same. */
class Told {
  readonly #told = new Map<string, unknown>();
  readonly #keys: readonly string[];

  constructor(keys: readonly string[]) {
    this.#keys = keys;
  }

  note(key: string, value: unknown): void {
    if (!this.#told.has(key)) this.#told.set(key, value);
    assert(this.#told.get(key) === value, `There are two values of ${key}`);
  }

  async readOne(pool: DAGPool<string, string>): Promise<void> {
    const [last] = this.#keys;
    this.note(last!, await settled(() => pool.value(last!)));
  }

  async readAll(pool: DAGPool<string, string>): Promise<void> {
    const values = await settled(() => pool.wait(this.#keys));
    if (values instanceof PropagateError) this.note(values.key, values);
    else for (const [key, value] of values) this.note(key, value);
  }

  async readEach(pool: DAGPool<string, string>): Promise<void> {
    const each = pool.waitEach(this.#keys);
    const got: string[] = [];
    for (;;) {
      const next = await settled(() => each.next());
      if (!(next instanceof PropagateError) && next.done) break;
      const [key, value] = next instanceof PropagateError ? [next.key, next] : next.value;
      this.note(key, value);
      got.push(key);
    }
    assertEquals(got.toSorted(), this.#keys.toSorted(), "A key is missing, or came twice");
  }
}

/** Whatever strikes whom: each key gets one value or error, and all who ask get just that. */
function run(graph: Graph, result: string, readers: number): Body {
  return async () => {
    const pool = new DAGPool<string, string>([["p", "P"]]);
    const keys = [...graph.map(([key]) => key), "p"];
    const told = new Told(keys);
    const reading = Array.from(
      { length: readers },
      (_, index) => spawn(() => told[READERS[index % 3]!](pool)),
    );
    const tasks = graph.map(([key, depends]) => pool.spawn(key, depends, work));
    await joinAll([...tasks, ...reading]);
    assertEquals([pool.running, pool.waiting, pool.keys().length], [0, 0, keys.length]);
    for (const key of keys) told.note(key, await settled(() => pool.get(key)));
    if (!tasks.some(wasStruck)) assertEquals(pool.get(keys[0]!)!.length, result.length);
  };
}

function wasStruck({ value, failed }: Greenlet): boolean {
  return failed || value instanceof GreenletExit;
}

exploreTest("DAGPool gives every key one value or error, whoever is struck", run(DIAMOND, "DBAPCAP", 4), {
  every: run(CHAIN, "BAP", 1),
  preemptions: 1,
});
