import { Event, sleep } from "@verdant/green";

/** What the tasks of a test share: who got what and returned, in order. */
export class Log {
  readonly lines: string[] = [];
  /** A task returns when its gate is opened. */
  readonly gates: Map<string, Event> = new Map<string, Event>();

  gate(key: string): Event {
    let gate = this.gates.get(key);
    if (gate === undefined) this.gates.set(key, gate = new Event());
    return gate;
  }

  /** Takes its results, waits at its gate, and returns `key + "val"`. */
  readonly observe = async (key: string, results: AsyncIterable<[string, string]>): Promise<string> => {
    for await (const [dependency] of results) this.lines.push(`${key} got ${dependency}`);
    await this.gate(key).wait();
    this.lines.push(`${key} returns`);
    return `${key}val`;
  };

  /** The lines since the last call. */
  take(): string[] {
    return this.lines.splice(0);
  }
}

export class BogusError extends Error {
  override readonly name = "BogusError";
}

/** A task that fails. */
export function raise(_key: unknown, _results: unknown, message = "bogus"): never {
  throw new BogusError(message);
}

/** A task that takes its results and returns their keys. */
export async function consume(_key: unknown, results: AsyncIterable<[string, unknown]>): Promise<string> {
  let keys = "";
  for await (const [key] of results) keys += key;
  return keys;
}

/** A task that waits until it is killed, and in its clean-up as well. */
export async function linger(_key: string, _results: unknown, log: string[] = []): Promise<string> {
  try {
    await sleep(60_000);
    return "never";
  } finally {
    await sleep();
    log.push("cleaned up");
  }
}
