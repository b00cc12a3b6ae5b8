/** The examples of eventlet's documentation, each as a process of its own. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connectWebSocket } from "@verdant/green";
import { Lines, Program } from "../../example_program.ts";

/** The port in the first line that a program prints. */
async function portOf({ out }: Program): Promise<number> {
  const line = await out.next();
  assertMatch(line ?? "", /0\.0\.0\.0:\d+$/);
  return Number(/\d+$/.exec(line!)![0]);
}

/** A server of the test itself. */
function serveHere(
  handler: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
}

Deno.test("examples/eventlet/web_crawler.ts fetches at the same time, and tells of the bodies in order", async () => {
  const all = Promise.withResolvers<void>();
  let here = 0;
  await using server = serveHere(async (request) => {
    if (++here === 3) all.resolve();
    await all.promise;
    return new Response("x".repeat(Number(new URL(request.url).pathname.slice(1))));
  });
  const urls = [30, 10, 20].map((size) => `http://127.0.0.1:${server.addr.port}/${size}`);
  await using program = new Program("eventlet/web_crawler.ts", ...urls);
  const { code, lines, errors } = await program.end();
  assertEquals([code, errors], [0, ""]);
  assertEquals(lines.slice(0, 3), urls.map((url) => `opening ${url}`));
  assertEquals(lines.filter((line) => line.startsWith("done with")).length, 3);
  const bodies = lines.filter((line) => line.startsWith("got"));
  assertEquals(bodies, [30, 10, 20].map((size) => `got body of length ${size}`));
});

Deno.test("examples/eventlet/echo_server.ts serves many clients at a time, line by line", async () => {
  await using program = new Program("eventlet/echo_server.ts", "0");
  const port = await portOf(program);
  const conns = await Promise.all([1, 2, 3].map(() => Deno.connect({ hostname: "127.0.0.1", port })));
  const readers = conns.map((conn) => new Lines(conn.readable));
  for (const [i, conn] of conns.entries()) await conn.write(new TextEncoder().encode(`I am ${i}\n`));
  for (const i of [2, 0, 1]) assertEquals(await readers[i]!.next(), `I am ${i}`);
  for (const conn of conns) await conn.closeWrite();
  for (const reader of readers) assertEquals(await reader.next(), null);
  const seen: (string | null)[] = [];
  while (seen.filter((line) => line === "client disconnected").length < 3) {
    seen.push(await program.out.next());
  }
  assertEquals(seen.filter((line) => line!.startsWith("accepted 127.0.0.1:")).length, 3);
  assertEquals(seen.filter((line) => line === "client connected").length, 3);
  assertEquals(
    seen.filter((line) => line!.startsWith("echoed")).sort(),
    [0, 1, 2].map((i) => `echoed I am ${i}`),
  );
});

Deno.test("examples/eventlet/socket_pile.ts asks at the same time, and tells the answers in order", async () => {
  const all = Promise.withResolvers<void>();
  let here = 0;
  const handler = async (request: Request) => {
    if (++here === 2) all.resolve();
    await all.promise;
    return new Response(request.headers.get("host"));
  };
  await using first = serveHere(handler);
  await using second = serveHere(handler);
  const hosts = [first, second].map(({ addr }) => `127.0.0.1:${addr.port}`);
  await using program = new Program("eventlet/socket_pile.ts", ...hosts);
  const { code, lines, errors } = await program.end();
  assertEquals([code, errors], [0, ""]);
  assertEquals(lines.slice(0, 2).sort(), hosts.map((host) => `${host} connected`).sort());
  assertEquals(lines.slice(2).map((line) => line.split('"')[0]), hosts.map((host) => `${host}: `));
  for (const line of lines.slice(2)) assertMatch(line, /^127\.0\.0\.1:\d+: "HTTP\/1\.[01] 200 OK\\r\\n/);
});

Deno.test("examples/eventlet/socket_pile.ts ends with the error of a host that is not there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  await using program = new Program("eventlet/socket_pile.ts", host);
  const { code, errors } = await program.end();
  assertEquals(code, 1);
  assertStringIncludes(errors, "ConnectionRefused");
});

Deno.test("examples/eventlet/wsgi.ts says hello, logs, and ends well by SIGINT", async () => {
  await using program = new Program("eventlet/wsgi.ts", "0");
  const url = `http://127.0.0.1:${await portOf(program)}`;
  assertEquals(await (await fetch(`${url}/`)).text(), "Hello, World!\r\n");
  const missing = await fetch(`${url}/missing`);
  assertEquals([missing.status, await missing.text()], [404, "Not Found\r\n"]);
  const { code, lines, errors } = await program.end("SIGINT");
  assertEquals([code, errors], [0, ""]);
  assertMatch(lines[0]!, /"GET \/ HTTP\/1\.1" 200 15 \d/);
  assertMatch(lines[1]!, /"GET \/missing HTTP\/1\.1" 404 11 \d/);
  assertMatch(lines[2]!, /^\(\d+\) wsgi exited$/);
});

Deno.test("examples/eventlet/websocket_chat.ts serves its page, and passes messages on to everybody", async () => {
  await using program = new Program("eventlet/websocket_chat.ts", "0");
  const port = await portOf(program);
  assertStringIncludes(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "<title>Chat</title>");
  const join = async (name: string) => {
    const ws = await connectWebSocket(`ws://127.0.0.1:${port}/chat`);
    await ws.send(name);
    assertEquals(await ws.receive(), name);
    return ws;
  };
  await using ann = await join("Ann");
  await using bob = await join("Bob");
  assertEquals(await ann.receive(), "Bob");
  await ann.send("hello");
  assertEquals([await ann.receive(), await bob.receive()], ["hello", "hello"]);
  await ann.close();
  await bob.send("gone");
  let last = await bob.receive();
  while (last !== "gone") last = await bob.receive();
  const { code, errors } = await program.end("SIGTERM");
  assertEquals([code, errors], [0, ""]);
  assertEquals([await bob.receive(), bob.closeCode], [undefined, 1001]);
});
