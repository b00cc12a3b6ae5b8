/**
 * The servers that are compared, each in a process of its own: `deno run -A bench/http/servers.ts <kind> <task>`
 * prints its port and runs until it is killed.
 */
import { type HttpHandler, HttpServer, type HttpServerOptions } from "@verdant/green";

const ANYWHERE = { hostname: "127.0.0.1", port: 0 };

const TASKS: Record<string, HttpHandler> = {
  text: () => new Response("Hello, world\n"),
  // deno-lint-ignore require-await -- what is measured
  async: async () => new Response("Hello, world\n"),
  json: () => Response.json({ hello: "world" }, { headers: { "cache-control": "no-store" } }),
};

const OPTIONS: Record<string, HttpServerOptions> = {
  green: {},
  limited: { spawn: 64, requestTimeout: 30_000 },
};

const [kind, task] = Deno.args;
const handler = TASKS[task!]!;
const address = kind === "raw" ? plain() : await green(OPTIONS[kind!]!);
console.log((address as Deno.NetAddr).port);

function plain(): Deno.Addr {
  return Deno.serve({ ...ANYWHERE, onListen() {} }, handler as Deno.ServeHandler).addr;
}

async function green(options: HttpServerOptions): Promise<Deno.Addr> {
  const server = new HttpServer(ANYWHERE, handler, options);
  await server.start();
  return server.address!;
}
