/**
 * Echo servers beside each other: plain Deno, ours, gevent's and eventlet's, with the same clients.
 * `deno run -A bench/net/echo.ts [rounds]`
 */
import { judge, median, printTable, ratios, spread } from "./figures.ts";
import type { LoadPlan, LoadSample } from "./load.ts";
import { results, type ServerPlan, startServers } from "./processes.ts";

const ROUNDS = 15;
const MESSAGE_BYTES = 64;
const WARM_UP_MS = 100;
const DURATION_MS = 400;
/** Only with many: a single client waits for the system most of the time, whatever the server. */
const JUDGED_CONNECTIONS = 64;
/** Of the rate of plain Deno. */
const RAW_BUDGET = 0.95;
/** Of the rate of a Python server. */
const PYTHON_BUDGET = 1.5;

const PLAIN: ServerPlan = { name: "plain Deno, read() and write()", kind: "raw", task: "echo" };
const OURS: ServerPlan[] = [
  { name: "listen(), Conn.read() and writeAll()", kind: "conn", task: "echo" },
  { name: "StreamServer, the same", kind: "server", task: "echo" },
];
const CHUNKS: ServerPlan = {
  name: "StreamServer, readSome() and writeAll()",
  kind: "server",
  task: "chunks",
};
const PYTHON: ServerPlan[] = [
  { name: "gevent StreamServer", kind: "gevent", task: "echo" },
  { name: "eventlet serve()", kind: "eventlet", task: "echo" },
];
const SERVERS = [PLAIN, ...OURS, CHUNKS, ...PYTHON];

function report(connections: number, samples: LoadSample[]): void {
  const of = ({ name }: ServerPlan) => samples.filter((sample) => sample.name === name);
  const rates = (server: ServerPlan) => of(server).map(({ rate }) => rate);
  const present = (server: ServerPlan) => of(server).length > 0;
  console.log(
    `\n${connections} connection${connections === 1 ? "" : "s"}, messages of ${MESSAGE_BYTES} bytes`,
  );
  printTable(
    ["", "round trips/s", "server µs each", "rate / plain Deno"],
    SERVERS.filter(present).map((server) => [
      server.name,
      median(rates(server)).toFixed(0),
      median(of(server).map(({ cpu }) => cpu)).toFixed(2),
      spread(ratios(rates(server), rates(PLAIN))),
    ]),
  );
  if (connections !== JUDGED_CONNECTIONS) return;
  for (const ours of OURS) {
    const beside = (other: ServerPlan, budget: number) =>
      judge(`${ours.name} / ${other.name}`, median(ratios(rates(ours), rates(other))), "≥", budget);
    beside(PLAIN, RAW_BUDGET);
    for (const other of PYTHON.filter(present)) beside(other, PYTHON_BUDGET);
  }
}

/** Runs the bench and prints its tables. */
export async function benchEcho(rounds: number = ROUNDS): Promise<void> {
  await using processes = new AsyncDisposableStack();
  const plan: LoadPlan = {
    servers: (await startServers(SERVERS, processes)).map(({ name, port, pid }) => ({ name, port, pid })),
    connections: [1, JUDGED_CONNECTIONS],
    rounds,
    bytes: MESSAGE_BYTES,
    warmUp: WARM_UP_MS,
    duration: DURATION_MS,
  };
  const samples = await results<LoadSample>("load.ts", [JSON.stringify(plan)]);
  for (const connections of plan.connections) {
    report(connections, samples.filter((sample) => sample.connections === connections));
  }
}

if (import.meta.main) await benchEcho(Deno.args[0] === undefined ? ROUNDS : Number(Deno.args[0]));
