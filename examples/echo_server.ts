/**
 * An echo server: each client in a greenlet of its own, which reads and writes as if it were alone.
 *
 *     deno run --allow-net examples/echo_server.ts              on 127.0.0.1:16000
 *     deno run --allow-net examples/echo_server.ts :8000        elsewhere; port 0 takes any free one
 *     nc 127.0.0.1 16000                                        a client
 *
 * Ctrl-C ends it: no more clients are accepted, and those that are there have a second to finish.
 */
import { type Conn, listen, main, parseAddress, StreamServer } from "@verdant/green";

async function echo(conn: Conn) {
  console.log(`${conn} has come`);
  await conn.writeAll("Welcome to the echo server! Say quit to leave.\n");
  for await (const line of conn.lines()) {
    if (line === "quit") break;
    await conn.writeAll(`${line}\n`);
  }
  console.log(`${conn} has gone`);
}

main(async () => {
  const listener = listen(parseAddress(Deno.args[0] ?? "127.0.0.1:16000"));
  const server = new StreamServer(listener, echo);
  console.log(`listening on ${listener}`);
  await server.serveForever();
  console.log("closed");
});
