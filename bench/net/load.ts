/**
 * The clients of the echo bench, plain Deno loops, so that only the servers differ: `deno run -A bench/net/load.ts
 * <plan>`. Takes the servers in turn, round by round, and prints a {@linkcode LoadSample} a line.
 */
export interface LoadPlan {
  readonly servers: readonly { readonly name: string; readonly port: number; readonly pid: number }[];
  /** How many at a time. */
  readonly connections: readonly number[];
  readonly rounds: number;
  /** Size of a message. */
  readonly bytes: number;
  /** Before the counting begins (ms). */
  readonly warmUp: number;
  /** Of the counting (ms). */
  readonly duration: number;
}

export interface LoadSample {
  readonly name: string;
  readonly connections: number;
  /** Round trips in a second. */
  readonly rate: number;
  /** Processor time of the server for a round trip (µs); NaN where the system does not tell. */
  readonly cpu: number;
}

type Server = LoadPlan["servers"][number];

async function sample(server: Server, connections: number, plan: LoadPlan): Promise<LoadSample> {
  const { port, pid, name } = server;
  const { bytes, warmUp, duration } = plan;
  let trips = 0;
  let over = false;
  const talk = async () => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay();
    const message = new Uint8Array(bytes).fill(120);
    const answer = new Uint8Array(bytes);
    while (!over) {
      for (let sent = 0; sent < bytes;) sent += await conn.write(message.subarray(sent));
      for (let got = 0; got < bytes;) got += await conn.read(answer.subarray(got)) ?? closed(name);
      trips++;
    }
  };
  const clients = Array.from({ length: connections }, talk);
  await pass(warmUp);
  const [tripsBefore, cpuBefore, begin] = [trips, cpuMicroseconds(pid), performance.now()];
  await pass(duration);
  const rate = (trips - tripsBefore) * 1_000 / (performance.now() - begin);
  const cpu = (cpuMicroseconds(pid) - cpuBefore) / (trips - tripsBefore);
  over = true;
  await Promise.all(clients);
  return { name, connections, rate, cpu };
}

function closed(name: string): never {
  throw new Error(`${name} has closed the connection`);
}

/** User and system time of a process, in the ticks of Linux, which are 10 ms. */
function cpuMicroseconds(pid: number): number {
  try {
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return NaN;
  }
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) {
  const plan: LoadPlan = JSON.parse(Deno.args[0]!);
  for (let round = 0; round < plan.rounds; round++) {
    for (const connections of plan.connections) {
      for (const server of plan.servers) console.log(JSON.stringify(await sample(server, connections, plan)));
    }
  }
}
