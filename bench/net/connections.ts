/**
 * What it takes to accept a connection and to make one. `deno run -A bench/net/connections.ts [rounds]`
 *
 * The servers close at once. For the acceptors, the clients are plain Deno; for the connectors, the server is.
 */
import { connect, joinAll, spawn } from "@verdant/green";
import { median, printTable, ratios, spread } from "./figures.ts";
import { type ServerPlan, startServers } from "./processes.ts";

const ROUNDS = 9;
/** In a sample. */
const CONNECTIONS = 1_000;
const AT_A_TIME = 16;

const SERVERS: ServerPlan[] = [
  { name: "plain Deno, accept()", kind: "raw", task: "close" },
  { name: "listen(), accept()", kind: "conn", task: "close" },
  { name: "StreamServer", kind: "server", task: "close" },
  { name: "gevent StreamServer", kind: "gevent", task: "close" },
  { name: "eventlet serve()", kind: "eventlet", task: "close" },
];

type Client = (port: number) => Promise<unknown>;

async function plainClient(port: number): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.read(new Uint8Array(1));
}

async function greenClient(port: number): Promise<void> {
  using conn = await connect({ port });
  await conn.readSome();
}

/** Connections in a second. */
async function rate(port: number, client: Client): Promise<number> {
  let left = CONNECTIONS;
  const work = async () => {
    while (left-- > 0) await client(port);
  };
  const begin = performance.now();
  await joinAll(Array.from({ length: AT_A_TIME }, () => spawn(work)), { raiseError: true });
  return CONNECTIONS * 1_000 / (performance.now() - begin);
}

interface Contestant {
  readonly name: string;
  readonly port: number;
  readonly client: Client;
}

async function compare(title: string, contestants: Contestant[], rounds: number): Promise<void> {
  const rates = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round++) { // the first one warms up
    for (const { name, port, client } of contestants) {
      const value = await rate(port, client);
      if (round >= 0) rates.get(name)!.push(value);
    }
  }
  const [plain] = [...rates.values()];
  console.log(`\n${title}, ${AT_A_TIME} at a time`);
  printTable(
    ["", "connections/s", "rate / plain Deno"],
    [...rates].map(([name, values]) => [name, median(values).toFixed(0), spread(ratios(values, plain!))]),
  );
}

/** Runs the bench and prints its tables. */
export async function benchConnections(rounds: number = ROUNDS): Promise<void> {
  await using processes = new AsyncDisposableStack();
  const servers = await startServers(SERVERS, processes);
  const acceptors = servers.map(({ name, port }) => ({ name, port, client: plainClient }));
  await compare("accepting", acceptors, rounds);
  const { port } = servers[0]!;
  await compare("connecting", [
    { name: "plain Deno, Deno.connect()", port, client: plainClient },
    { name: "connect()", port, client: greenClient },
  ], rounds);
}

if (import.meta.main) await benchConnections(Deno.args[0] === undefined ? ROUNDS : Number(Deno.args[0]));
