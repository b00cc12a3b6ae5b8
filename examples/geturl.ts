/**
 * Asks several hosts at once over raw sockets: it takes as long as the slowest, not as long as all together.
 * The first sample of eventlet's documentation.
 *
 *     deno run --allow-net examples/geturl.ts www.python.org:80 www.debian.org:80
 */
import { connect, Group, main, parseAddress } from "@verdant/green";

const DEFAULT_HOSTS = ["www.python.org:80", "www.debian.org:80", "example.com:80"];

async function getUrl(host: string) {
  using conn = await connect({ ...parseAddress(host), timeout: 5_000 });
  console.log(`${host} connected`);
  await conn.writeAll(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
  return await conn.readLine({ timeout: 5_000 });
}

async function describe(host: string) {
  return `${host}: ${await getUrl(host).catch((error) => error.message)}`;
}

main(async () => {
  const hosts = Deno.args.length > 0 ? Deno.args : DEFAULT_HOSTS;
  const group = new Group();
  // In the order of the hosts, each as soon as it is there.
  for await (const answer of group.imap(describe, hosts)) console.log(answer);
});
