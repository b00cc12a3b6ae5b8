/**
 * What an idle connection takes: a greenlet parked in `readLine()` for each, beside an async function parked in
 * plain Deno's `read()`. `deno run -A bench/net/idle.ts [connections]`
 *
 * Every figure is of a process of its own; the clients are another one.
 */
import { type Conn, listen, spawn } from "@verdant/green";
import { judge, printTable } from "./figures.ts";
import { deno, results } from "./processes.ts";

const CONNECTIONS = 10_000;
/** Files that a process has open besides. */
const OTHER_FILES = 200;
const WARM_UP = 200;
/** How many clients connect at a time: fewer than may wait to be accepted. */
const AT_A_TIME = 100;
/** What a plain program reads into: as much as ours. */
const BUFFER_BYTES = 2 * 1024;
/** Heap, and array buffers outside it. */
const BUDGET_BYTES = 6 * 1024;
const ANYWHERE = { hostname: "127.0.0.1", port: 0 };

const KINDS = ["plain Deno, parked in read()", "greenlet in readLine()"];

interface Taken {
  readonly heap: number;
  readonly buffers: number;
  readonly rss: number;
}

/** Something that takes clients and keeps them. */
interface Keeper {
  readonly port: number;
  accept(): Promise<void>;
}

function keepPlain(kept: unknown[]): Keeper {
  const listener = Deno.listen(ANYWHERE);
  const park = async (conn: Deno.Conn) => {
    const buffer = new Uint8Array(BUFFER_BYTES);
    await conn.read(buffer);
  };
  return {
    port: listener.addr.port,
    async accept() {
      const conn = await listener.accept();
      kept.push(conn, park(conn));
    },
  };
}

function keepGreen(kept: unknown[]): Keeper {
  const listener = listen(ANYWHERE);
  const park = async (conn: Conn) => {
    await conn.readLine();
  };
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async accept() {
      const conn = await listener.accept();
      kept.push(conn, spawn(park, conn));
    },
  };
}

/** In the process of the server: takes the clients and prints what they took. */
async function measure(kind: string, connections: number): Promise<void> {
  const kept: unknown[] = [];
  const keeper = (kind === KINDS[0] ? keepPlain : keepGreen)(kept);
  const total = WARM_UP + connections;
  const clients = deno("idle.ts", ["connect", String(keeper.port), String(total)]).spawn();
  let accepted = 0;
  for (; accepted < WARM_UP; accepted++) await keeper.accept(); // everything is compiled and warm
  const before = await used();
  for (; accepted < total; accepted++) await keeper.accept();
  const after = await used();
  clients.kill();
  const each = (key: keyof Taken) => (after[key] - before[key]) / connections;
  console.log(JSON.stringify({ heap: each("heap"), buffers: each("buffers"), rss: each("rss") }));
  Deno.exit(kept.length === 2 * total ? 0 : 1);
}

/** After the garbage was collected and the greenlets that were about to wait are waiting. */
async function used(): Promise<Taken> {
  const { gc } = globalThis as unknown as { gc: () => void };
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (let i = 0; i < 3; i++) gc();
  const { heapUsed, external, rss } = Deno.memoryUsage();
  return { heap: heapUsed, buffers: external, rss };
}

/** In the process of the clients: connects and stays. */
async function connectMany(port: number, count: number): Promise<void> {
  const conns: Deno.Conn[] = [];
  while (conns.length < count) {
    const some = Array.from({ length: Math.min(AT_A_TIME, count - conns.length) });
    conns.push(...await Promise.all(some.map(() => Deno.connect({ hostname: "127.0.0.1", port }))));
  }
  await conns[0]!.read(new Uint8Array(1)); // until it is killed
}

/** As many as the system lets a process have, `wanted` at most. */
async function possible(wanted: number): Promise<number> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", "ulimit -n"] }).output();
  const limit = Number(new TextDecoder().decode(stdout)) || Infinity;
  const count = Math.min(wanted, limit - OTHER_FILES - WARM_UP);
  if (count < wanted) console.log(`only ${count} of ${wanted} connections: ulimit -n is ${limit}, raise it`);
  return count;
}

/** Runs the bench and prints its table. */
export async function benchIdle(wanted: number = CONNECTIONS): Promise<void> {
  const count = await possible(wanted);
  const flags = ["--v8-flags=--expose-gc"];
  console.log(`\nbytes for each of ${count} idle connections`);
  const rows: string[][] = [];
  let ours = NaN;
  for (const kind of KINDS) {
    const [taken] = await results<Taken>("idle.ts", ["measure", kind, String(count)], flags);
    const { heap, buffers, rss } = taken!;
    ours = heap + buffers;
    rows.push([kind, ...[heap, buffers, heap + buffers, rss].map((value) => value.toFixed(0))]);
  }
  printTable(["", "heap", "buffers", "together", "resident"], rows);
  judge(KINDS[1]!, ours, "≤", BUDGET_BYTES, " B");
}

if (import.meta.main) {
  const [what, ...args] = Deno.args;
  if (what === "measure") await measure(args[0]!, Number(args[1]));
  else if (what === "connect") await connectMany(Number(args[0]), Number(args[1]));
  else await benchIdle(what === undefined ? CONNECTIONS : Number(what));
}
