/**
 * Hello-world servers beside each other: plain `Deno.serve()`, ours, gevent's and eventlet's, under `wrk`.
 * `deno task bench:http [rounds]`
 */
import { judge, median, printTable, ratios, spread } from "../net/figures.ts";
import { type ServerPlan, type ServerProcess, startServers } from "../net/processes.ts";

const ROUNDS = 7;
const CONNECTIONS = 64;
const WARM_UP_S = 1;
const DURATION_S = 2;
/** Of the rate of plain Deno. */
const RATE_BUDGET = 0.9;
/** Of the 99th percentile of plain Deno's latency. */
const LATENCY_BUDGET = 1.3;
/** Of the rate of a Python server. */
const PYTHON_BUDGET = 8;

/** Ours beside the plain one with the same handler. */
const PAIRS: [plain: ServerPlan, ours: ServerPlan[]][] = [
  [
    { name: "Deno.serve, text", kind: "raw", task: "text" },
    [
      { name: "HttpServer, text", kind: "green", task: "text" },
      { name: "HttpServer, text, spawn and requestTimeout", kind: "limited", task: "text" },
    ],
  ],
  [
    { name: "Deno.serve, async handler", kind: "raw", task: "async" },
    [{ name: "HttpServer, async handler", kind: "green", task: "async" }],
  ],
  [
    { name: "Deno.serve, JSON with a header", kind: "raw", task: "json" },
    [{ name: "HttpServer, JSON with a header", kind: "green", task: "json" }],
  ],
];
const PYTHON: ServerPlan[] = [
  { name: "gevent.pywsgi", kind: "gevent", task: "text" },
  { name: "eventlet.wsgi", kind: "eventlet", task: "text" },
];

interface Sample {
  readonly name: string;
  /** Requests in a second. */
  readonly rate: number;
  /** 99th percentile of the latency (µs). */
  readonly p99: number;
}

async function wrk({ name, port }: ServerProcess, seconds: number): Promise<Sample> {
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--latency", `http://127.0.0.1:${port}/`];
  const { stdout } = await new Deno.Command("wrk", { args }).output();
  const text = new TextDecoder().decode(stdout);
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`${name}: ${text}`);
  const [, figure, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(text)!;
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)![1]);
  return { name, rate, p99: Number(figure) * { us: 1, ms: 1e3, s: 1e6 }[unit as "us" | "ms" | "s"] };
}

function report(samples: Sample[]): void {
  const of = ({ name }: ServerPlan) => samples.filter((sample) => sample.name === name);
  const rates = (server: ServerPlan) => of(server).map(({ rate }) => rate);
  const p99s = (server: ServerPlan) => of(server).map(({ p99 }) => p99);
  const present = (server: ServerPlan) => of(server).length > 0;
  const row = (server: ServerPlan, plain: ServerPlan) => [
    server.name,
    median(rates(server)).toFixed(0),
    spread(ratios(rates(server), rates(plain))),
    median(p99s(server)).toFixed(0),
    spread(ratios(p99s(server), p99s(plain))),
  ];
  const [[text, [ours]]] = PAIRS as [[ServerPlan, [ServerPlan]]];
  printTable(["", "requests/s", "/ plain", "p99 µs", "/ plain"], [
    ...PAIRS.flatMap(([plain, others]) => [plain, ...others].map((server) => row(server, plain))),
    ...PYTHON.filter(present).map((server) => row(server, text)),
  ]);
  for (const [plain, others] of PAIRS) {
    for (const server of others) {
      judge(
        `${server.name}: rate`,
        median(ratios(rates(server), rates(plain))),
        "≥",
        RATE_BUDGET,
        " × plain",
      );
      judge(
        `${server.name}: p99`,
        median(ratios(p99s(server), p99s(plain))),
        "≤",
        LATENCY_BUDGET,
        " × plain",
      );
    }
  }
  for (const python of PYTHON.filter(present)) {
    judge(`${ours.name} / ${python.name}`, median(ratios(rates(ours), rates(python))), "≥", PYTHON_BUDGET);
  }
}

/** Runs the bench and prints its table. */
export async function benchHttp(rounds: number = ROUNDS): Promise<void> {
  await using processes = new AsyncDisposableStack();
  const plans = [...PAIRS.flatMap(([plain, ours]) => [plain, ...ours]), ...PYTHON];
  const servers = await startServers(plans, processes, import.meta.resolve("./"));
  console.log(`wrk, ${CONNECTIONS} connections, ${rounds} rounds of ${DURATION_S} s: medians and quartiles`);
  for (const server of servers) await wrk(server, WARM_UP_S);
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) samples.push(await wrk(server, DURATION_S));
  }
  report(samples);
}

if (import.meta.main) {
  try {
    await new Deno.Command("wrk", { args: ["-v"] }).output();
  } catch {
    console.log("skipped: there is no wrk (apt-get install wrk)");
    Deno.exit();
  }
  await benchHttp(Deno.args[0] === undefined ? ROUNDS : Number(Deno.args[0]));
}
