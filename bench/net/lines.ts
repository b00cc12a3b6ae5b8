/**
 * How fast text is taken apart: lines of 1 KiB out of a connection that has always more of them in memory.
 * `deno run -A bench/net/lines.ts [rounds]`
 */
import { Conn, type RawConn, spawn } from "@verdant/green";
import { judge, median, printTable, ratios, spread } from "./figures.ts";

const ROUNDS = 9;
const LINE_BYTES = 1024;
const LINES = 100_000;
const BUDGET_MB_PER_SECOND = 200;
const NEWLINE = 10;

/** Fills every buffer to the brim, at once. */
class Endless {
  readonly localAddr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  readonly remoteAddr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 2 };
  /** Some lines more than the longest read asks for. */
  readonly #text = new TextEncoder().encode(`${"x".repeat(LINE_BYTES - 1)}\n`.repeat(100));
  #at = 0;

  read(into: Uint8Array): Promise<number> {
    const count = Math.min(into.length, this.#text.length - LINE_BYTES);
    into.set(this.#text.subarray(this.#at, this.#at + count));
    this.#at = (this.#at + count) % LINE_BYTES;
    return Promise.resolve(count);
  }

  close(): void {}
}

const endless = () => new Endless() as unknown as RawConn;

const READERS: Record<string, () => Promise<unknown>> = {
  /** The least that must be done: find the end, decode. */
  async "plain Deno, loop by hand"() {
    const conn = endless();
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(64 * 1024);
    let [count, kept] = [0, 0];
    while (count < LINES) {
      const end = kept + (await conn.read(buffer.subarray(kept)))!;
      let start = 0;
      for (let at = buffer.indexOf(NEWLINE); at >= 0 && at < end; at = buffer.indexOf(NEWLINE, start)) {
        if (decoder.decode(buffer.subarray(start, at)).length > 0) count++;
        start = at + 1;
      }
      buffer.copyWithin(0, start, end);
      kept = end - start;
    }
  },
  async "readLine()"() {
    using conn = new Conn(endless());
    for (let i = 0; i < LINES; i++) await conn.readLine();
  },
  async "lines()"() {
    using conn = new Conn(endless());
    let count = 0;
    for await (const _line of conn.lines()) if (++count === LINES) break;
  },
  async 'readUntil("\\n")'() {
    using conn = new Conn(endless());
    for (let i = 0; i < LINES; i++) await conn.readUntil("\n");
  },
  async "readExactly(1024)"() {
    using conn = new Conn(endless());
    for (let i = 0; i < LINES; i++) await conn.readExactly(LINE_BYTES);
  },
};

async function megabytesPerSecond(read: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await spawn(read).get();
  return LINES * LINE_BYTES / 1_000 / (performance.now() - begin);
}

/** Runs the bench and prints its table. */
export async function benchLines(rounds: number = ROUNDS): Promise<void> {
  const rates = new Map(Object.keys(READERS).map((name) => [name, [] as number[]]));
  for (const read of Object.values(READERS)) await megabytesPerSecond(read); // warm
  for (let round = 0; round < rounds; round++) {
    for (const [name, read] of Object.entries(READERS)) rates.get(name)!.push(await megabytesPerSecond(read));
  }
  const [plain] = [...rates.values()];
  console.log(`\nlines of ${LINE_BYTES} bytes`);
  printTable(
    ["", "MB/s", "rate / by hand"],
    [...rates].map(([name, values]) => [name, median(values).toFixed(0), spread(ratios(values, plain!))]),
  );
  judge("readLine()", median(rates.get("readLine()")!), "≥", BUDGET_MB_PER_SECOND, " MB/s");
}

if (import.meta.main) await benchLines(Deno.args[0] === undefined ? ROUNDS : Number(Deno.args[0]));
