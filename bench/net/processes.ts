/** Starts the processes of the benches. */

const PYTHON = "/usr/bin/python3";

/** A server in a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

/** Which servers to start: a kind and a task of `servers.ts` or `python_servers.py`. */
export interface ServerPlan {
  readonly name: string;
  readonly kind: string;
  readonly task: string;
}

/** A Deno process that runs a file of this folder, or one given by its URL. */
export function deno(file: string, args: string[], flags: string[] = []): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...flags, new URL(file, import.meta.url).href, ...args],
    stdout: "piped",
    stderr: "inherit",
  });
}

/** What such a process prints, line by line, as JSON. */
export async function results<T>(file: string, args: string[], flags: string[] = []): Promise<T[]> {
  const { success, stdout } = await deno(file, args, flags).output();
  if (!success) throw new Error(`${file} failed`);
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
}

/**
 * Starts servers; those of Python are left out, with a message, where they are not installed.
 *
 * @param folder The URL of the folder with `servers.ts` and `python_servers.py`.
 */
export async function startServers(
  plans: readonly ServerPlan[],
  into: AsyncDisposableStack,
  folder: string = import.meta.resolve("./"),
): Promise<ServerProcess[]> {
  const servers: ServerProcess[] = [];
  for (const plan of plans) {
    try {
      servers.push(into.use(await startServer(plan, folder)));
    } catch (error) {
      if (plan.kind !== "gevent" && plan.kind !== "eventlet") throw error;
      console.log(`without ${plan.name}: ${PYTHON} does not run it (apt-get install python3-${plan.kind})`);
    }
  }
  return servers;
}

async function startServer({ name, kind, task }: ServerPlan, folder: string): Promise<ServerProcess> {
  const python = kind === "gevent" || kind === "eventlet";
  const child = (python ? pythonServer(kind, task, folder) : deno(`${folder}servers.ts`, [kind, task]))
    .spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await output.read();
  if (value === undefined) throw new Error(`${name} printed no port`);
  return {
    name,
    port: Number(value),
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill();
      await output.cancel();
      await child.status;
    },
  };
}

function pythonServer(kind: string, task: string, folder: string): Deno.Command {
  const file = new URL("python_servers.py", folder).pathname;
  return new Deno.Command(PYTHON, { args: [file, kind, task], stdout: "piped", stderr: "null" });
}
