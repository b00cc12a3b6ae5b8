/**
 * Ours beside `await null`, Go and gevent, in one run and alternating. `deno run -A bench/compare.ts`
 *
 * Uses what is there: `go` (or a binary named by GO_FIGURES), `python3` (PYTHON) with gevent.
 */
import { joinAll, Queue, sleep, spawn } from "@verdant/green";

const ROUNDS = 5;

type Figures = Map<string, number>;

/** Nanoseconds for each operation, best of some rounds: the least disturbed one. */
async function best(operations: number, run: () => Promise<unknown>): Promise<number> {
  let shortest = Infinity;
  for (let i = 0; i < ROUNDS; i++) {
    const begin = performance.now();
    await run();
    shortest = Math.min(shortest, performance.now() - begin);
  }
  return shortest * 1e6 / operations;
}

function switches(greenlets: number, each: number): Promise<unknown> {
  const body = async () => {
    for (let i = 0; i < each; i++) await sleep();
  };
  return joinAll(Array.from({ length: greenlets }, () => spawn(body)));
}

async function roundTrips(n: number, put: (queue: Queue<number>, item: number) => unknown): Promise<void> {
  const [there, back] = [new Queue<number>(1), new Queue<number>(1)];
  const echo = spawn(async () => {
    for (let i = 0; i < n; i++) {
      const result = put(back, await there.get());
      if (result !== undefined) await result;
    }
  });
  const caller = spawn(async () => {
    for (let i = 0; i < n; i++) {
      const result = put(there, i);
      if (result !== undefined) await result;
      await back.get();
    }
  });
  await joinAll([echo, caller]);
}

const noop = async () => {};
const parkOnce = async () => {
  await sleep();
};

async function ourFigures(): Promise<Figures> {
  const figures: Figures = new Map();
  figures.set(
    "await null",
    await best(1_000_000, async () => {
      for (let i = 0; i < 1_000_000; i++) await null;
    }),
  );
  figures.set("switch-100", await best(1_000_000, () => switches(100, 10_000)));
  figures.set("switch-10000", await best(1_000_000, () => switches(10_000, 100)));
  figures.set("round-trip", await best(100_000, () => roundTrips(100_000, (queue, item) => queue.put(item))));
  figures.set(
    "round-trip, putNowait",
    await best(100_000, () => roundTrips(100_000, (queue, item) => queue.putNowait(item))),
  );
  figures.set(
    "spawn-join",
    await best(100_000, async () => {
      for (let i = 0; i < 100_000; i++) await spawn(noop).join();
    }),
  );
  figures.set(
    "spawn-1000",
    await best(100_000, async () => {
      for (let i = 0; i < 100; i++) {
        const greenlets = Array.from({ length: 1_000 }, () => spawn(noop));
        for (const greenlet of greenlets) await greenlet.join();
      }
    }),
  );
  figures.set(
    "spawn-park",
    await best(100_000, async () => {
      for (let i = 0; i < 100; i++) {
        for (let j = 0; j < 1_000; j++) spawn(parkOnce);
        await sleep();
        await sleep();
      }
    }),
  );
  return figures;
}

/** Figures of a program that prints "name nanoseconds" lines; empty if it cannot run. */
async function figuresOf(program: string, args: string[]): Promise<Figures> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args, stderr: "null" }).output();
    if (!success) return new Map();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    return new Map(lines.map((line) => line.split(" ")).map(([name, value]) => [name!, Number(value)]));
  } catch {
    return new Map();
  }
}

/** The least of each figure: of several runs the one that was disturbed least. */
function merge(into: Figures, figures: Figures): void {
  for (const [name, value] of figures) into.set(name, Math.min(value, into.get(name) ?? Infinity));
}

const compare = new URL("compare/", import.meta.url).pathname;
const [ours, go, gevent]: Figures[] = [new Map(), new Map(), new Map()] as [Figures, Figures, Figures];
const goFigures = Deno.env.get("GO_FIGURES");
const python = Deno.env.get("PYTHON") ?? "python3";
for (let i = 0; i < 3; i++) {
  merge(ours!, await ourFigures());
  merge(
    go!,
    goFigures ? await figuresOf(goFigures, []) : await figuresOf("go", ["run", `${compare}main.go`]),
  );
  merge(gevent!, await figuresOf(python, [`${compare}gevent_figures.py`]));
}

const cell = (value: number | undefined) => (value === undefined ? "-" : value.toFixed(0)).padStart(9);
console.log(
  `${"ns for each".padEnd(24)}${["ours", "Go", "gevent"].map((name) => name.padStart(9)).join("")}`,
);
for (const name of ours!.keys()) {
  const base = name.split(",")[0]!;
  console.log(`${name.padEnd(24)}${cell(ours!.get(name))}${cell(go!.get(base))}${cell(gevent!.get(base))}`);
}

function verdict(what: string, value: number | undefined, budget: number, least = false): void {
  if (value === undefined || Number.isNaN(value)) return;
  const holds = least ? value >= budget : value <= budget;
  const sign = least ? "≥" : "≤";
  console.log(
    `${what.padEnd(44)}${value.toFixed(2).padStart(8)}   ${sign} ${budget}   ${holds ? "ok" : "MISSED"}`,
  );
}
const ratio = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a / b;
const our = (name: string) => ours!.get(name);

console.log("");
verdict("switch, 100 greenlets / await null", ratio(our("switch-100"), our("await null")), 3.5);
verdict("switch, 100 greenlets / Go Gosched", ratio(our("switch-100"), go!.get("switch-100")), 1.25);
verdict("gevent / switch, 100 greenlets", ratio(gevent!.get("switch-100"), our("switch-100")), 15, true);
verdict("switch, 10,000 / 100 greenlets", ratio(our("switch-10000"), our("switch-100")), 2.5);
verdict("queue round trip / Go channel", ratio(our("round-trip"), go!.get("round-trip")), 0.7);
verdict(
  "the same with putNowait() / Go channel",
  ratio(our("round-trip, putNowait"), go!.get("round-trip")),
  0.7,
);
verdict("spawn + join / Go, one by one", ratio(our("spawn-join"), go!.get("spawn-join")), 1);
verdict("spawn + join / Go, 1,000 at once", ratio(our("spawn-1000"), go!.get("spawn-1000")), 1);
verdict("spawn that parks once, ns", our("spawn-park"), 250);
