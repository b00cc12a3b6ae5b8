/**
 * An echo server that takes any number of clients. That of eventlet's documentation, line by line.
 *
 *     deno run --allow-net examples/eventlet/echo_server.ts           on port 6000
 *     deno run --allow-net examples/eventlet/echo_server.ts 7000      elsewhere; 0 takes any free port
 *     nc localhost 6000                                               a client
 */
import { type Conn, eventlet, main } from "@verdant/green";

async function handle(conn: Conn) {
  console.log("client connected");
  using _conn = conn;
  for (;;) {
    // Pass through every line.
    const line = await conn.readLine();
    if (line === null) break;
    await conn.writeAll(`${line}\n`);
    console.log("echoed", line);
  }
  console.log("client disconnected");
}

main(async () => {
  const server = eventlet.listen(["0.0.0.0", Number(Deno.args[0] ?? 6000)]);
  console.log("server listening on", String(server));
  const pool = new eventlet.GreenPool();
  for (;;) {
    const conn = await server.accept();
    console.log("accepted", String(conn));
    await pool.spawnN(handle, conn);
  }
});
