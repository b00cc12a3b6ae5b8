/**
 * Forwards a port: what comes in goes to another host, and the answers come back. When one side has said its
 * last word the other is told so, and may go on talking.
 *
 *     deno run --allow-net examples/port_forwarder.ts 8080 example.com:80
 *     curl -H 'Host: example.com' http://127.0.0.1:8080/
 */
import { type Conn, connect, listen, main, nursery, parseAddress, StreamServer } from "@verdant/green";

async function forward(client: Conn, target: string) {
  using server = await connect({ ...parseAddress(target), timeout: 10_000 });
  console.log(`${client} is connected to ${server}`);
  await nursery((n) => { // an error in one direction ends the other
    n.spawn(pump, client, server);
    n.spawn(pump, server, client);
  });
  console.log(`${client} has finished`);
}

/** One direction. The next bytes are read when these are gone: a slow reader slows its writer down. */
async function pump(from: Conn, to: Conn) {
  for (let bytes = await from.readSome(); bytes !== null; bytes = await from.readSome()) {
    await to.writeAll(bytes);
  }
  await to.closeWrite();
}

main(async () => {
  const [port, target] = Deno.args;
  if (port === undefined || target === undefined) {
    console.error("Usage: port_forwarder.ts <port to listen on> <host:port to forward to>");
    Deno.exit(2);
  }
  const listener = listen(parseAddress(`127.0.0.1:${port}`));
  console.log(`forwarding ${listener} to ${target}`);
  await new StreamServer(listener, (client) => forward(client, target)).serveForever();
});
