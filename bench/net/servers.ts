/**
 * The servers that are compared, each in a process of its own: `deno run -A bench/net/servers.ts <kind> <task>`
 * prints its port and runs until it is killed.
 */
import { type Conn, listen, spawn, StreamServer } from "@verdant/green";

/** Room for a message. */
const BUFFER_BYTES = 64 * 1024;
const ANYWHERE = { hostname: "127.0.0.1", port: 0 };

/** What is done with a client, in plain Deno and by ours. */
interface Task {
  readonly raw: (conn: Deno.Conn) => unknown;
  readonly green: (conn: Conn) => unknown;
}

async function rawEcho(conn: Deno.Conn): Promise<void> {
  using _conn = conn;
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    for (let sent = 0; sent < count;) sent += await conn.write(buffer.subarray(sent, count));
  }
}

async function echo(conn: Conn): Promise<void> {
  using _conn = conn;
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    await conn.writeAll(buffer.subarray(0, count));
  }
}

/** Without a buffer of its own. */
async function echoChunks(conn: Conn): Promise<void> {
  using _conn = conn;
  for (let bytes = await conn.readSome(); bytes !== null; bytes = await conn.readSome()) {
    await conn.writeAll(bytes);
  }
}

const TASKS: Record<string, Task> = {
  echo: { raw: rawEcho, green: echo },
  chunks: { raw: rawEcho, green: echoChunks },
  close: { raw: (conn) => conn.close(), green: (conn) => conn.close() },
};

const SERVERS: Record<string, (task: Task) => Deno.Addr> = {
  raw({ raw }) {
    const listener = Deno.listen(ANYWHERE);
    (async () => {
      for await (const conn of listener) void raw(conn);
    })();
    return listener.addr;
  },
  conn({ green }) {
    const listener = listen(ANYWHERE);
    spawn(async () => {
      for await (const conn of listener) spawn(green, conn);
    });
    return listener.addr;
  },
  server({ green }) {
    const server = new StreamServer(ANYWHERE, green);
    void server.start();
    return server.address!;
  },
};

const [kind, task] = Deno.args;
console.log((SERVERS[kind!]!(TASKS[task!]!) as Deno.NetAddr).port);
