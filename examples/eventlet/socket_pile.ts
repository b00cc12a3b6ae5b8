/**
 * Asks several hosts at the same time over raw sockets, and collects the answers in the order of the hosts. The
 * sample of `GreenPile` in eventlet's documentation, line by line.
 *
 *     deno run --allow-net examples/eventlet/socket_pile.ts
 *     deno run --allow-net examples/eventlet/socket_pile.ts example.com localhost:8080
 */
import { eventlet, main } from "@verdant/green";

const hosts = Deno.args.length > 0 ? Deno.args : ["www.google.com", "www.yandex.ru", "www.python.org"];

async function getUrl(host: string) {
  const [name = host, port = "80"] = host.split(":");
  using conn = await eventlet.connect([name, Number(port)]);
  console.log(`${host} connected`);
  await conn.writeAll(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
  const bytes = new Uint8Array(1024);
  const size = await conn.read(bytes);
  return new TextDecoder().decode(bytes.subarray(0, size ?? 0));
}

main(async () => {
  const pile = new eventlet.GreenPile<string>();
  for (const host of hosts) await pile.spawn(getUrl, host);

  // The pile is a collection of what the functions return; if one of them throws, that is thrown here.
  for (const host of hosts) {
    const { value } = await pile.next();
    console.log(`${host}: ${JSON.stringify(value).slice(0, 50)}`);
  }
});
