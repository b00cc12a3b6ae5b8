/**
 * A reverse proxy: passes requests on to other servers in turn, and streams both ways.
 *
 *     deno run --allow-net examples/reverse_proxy.ts 127.0.0.1:8002 http://127.0.0.1:8000 http://127.0.0.1:8001
 *
 * A server that cannot be reached is a 502, one that does not answer within five seconds a 504. If the client goes,
 * the request to the server behind is broken off.
 */
import { fetch, HttpServer, main, Timeout } from "@verdant/green";

const PATIENCE_MS = 5_000;
/** They are about one connection, not about what passes through. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const [address = "127.0.0.1:8002", ...servers] = Deno.args;
let turn = 0;

async function forward(
  request: Request,
  { remoteAddr }: Deno.ServeHandlerInfo<Deno.Addr>,
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const target = new URL(pathname + search, servers[turn++ % servers.length]);
  const headers = withoutHops(request.headers);
  headers.set("x-forwarded-for", (remoteAddr as Deno.NetAddr).hostname);
  headers.set("x-forwarded-host", request.headers.get("host") ?? "");
  headers.delete("host");
  const { method, body } = request;
  try {
    const response = await fetch(target, { method, headers, body, redirect: "manual", timeout: PATIENCE_MS });
    const answer = withoutHops(response.headers);
    answer.delete("content-encoding"); // fetch() has decoded it
    answer.delete("content-length");
    return new Response(response.body, { status: response.status, headers: answer });
  } catch (error) {
    if (error instanceof Timeout) return new Response("Gateway Timeout\n", { status: 504 });
    if (error instanceof TypeError) return new Response("Bad Gateway\n", { status: 502 });
    throw error;
  }
}

function withoutHops(from: Headers): Headers {
  const headers = new Headers(from);
  for (const name of HOP_BY_HOP) headers.delete(name);
  return headers;
}

main(async () => {
  if (servers.length === 0) throw new Error("Usage: reverse_proxy.ts <address> <server> …");
  const server = new HttpServer(address, forward, { maxBodyBytes: Infinity });
  await server.start();
  console.log(`listening on ${server}, before ${servers.join(" and ")}`);
  await server.serveForever();
});
