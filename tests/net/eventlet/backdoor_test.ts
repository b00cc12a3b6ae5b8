import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type Conn, eventlet, type Listener, sleep } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { Client, PROMPT } from "../backdoor/client.ts";
import { assertIdleSoon, eventually, unixPlace } from "../network.ts";

const { backdoor, backdoorServer } = eventlet.backdoor;

/** Collects what the program prints, until disposed and all sessions have ended. */
function captureLog(): AsyncDisposable & { readonly lines: string[] } {
  const { log } = console;
  const lines: string[] = [];
  const count = (start: string) => lines.filter((line) => line.startsWith(start)).length;
  console.log = (line) => void lines.push(line);
  return {
    lines,
    async [Symbol.asyncDispose]() {
      await eventually(() => count("backdoor to") === count("backdoor closed"));
      console.log = log;
    },
  };
}

async function enter(sock: Listener): Promise<Client> {
  const { addr } = sock;
  const place = "path" in addr ? addr.path! : ["127.0.0.1", (addr as Deno.NetAddr).port] as const;
  const client = new Client(await eventlet.connect(place));
  assertMatch(await client.upTo(PROMPT), /^Backdoor of process /);
  return client;
}

Deno.test("eventlet.backdoor.backdoorServer() lets everybody in, tells who comes, and closes the listener", async () => {
  await using log = captureLog();
  const sock = eventlet.listen(["127.0.0.1", 0]);
  const server = eventlet.spawn(backdoorServer, sock, { answer: 42 });
  using client = await enter(sock);
  assertEquals(await client.ask("answer"), "42\n");
  assertEquals(await client.ask('print("hi")'), "hi\n");
  await eventlet.kill(server);
  assert(sock.closed);
  assertEquals(await client.ask("answer + 1"), "43\n"); // the session goes on
  await client.type("quit()\n");
  assertEquals(await client.rest(), "");
  await eventually(() => log.lines.length === 4);
  assertMatch(log.lines[0]!, /^backdoor server listening on 127\.0\.0\.1:\d+$/);
  assertMatch(log.lines[1]!, /^backdoor to 127\.0\.0\.1:\d+$/);
  assertEquals(log.lines[2], "backdoor opened");
  assertMatch(log.lines[3]!, /^backdoor closed to 127\.0\.0\.1:\d+$/);
  await assertIdleSoon();
});

Deno.test("eventlet.backdoor.backdoorServer() ends when its listener is closed", async () => {
  await using _log = captureLog();
  const sock = eventlet.listen(["127.0.0.1", 0]);
  const server = eventlet.spawn(backdoorServer, sock);
  using client = await enter(sock);
  assertEquals(await client.ask("1 + 1"), "2\n");
  sock.close();
  await server.wait();
});

Deno.test("eventlet.backdoor.backdoorServer() shares the locals between all sessions, but not _", async () => {
  await using _log = captureLog();
  const locals: Record<string, unknown> = { n: 1 };
  const sock = eventlet.listen(["127.0.0.1", 0]);
  const server = eventlet.spawn(backdoorServer, sock, locals);
  using one = await enter(sock);
  using two = await enter(sock);
  assertEquals(await one.ask("n = 2; let more = 3; n"), "2\n");
  assertEquals([await two.ask("[n, more]"), await one.ask("_")], ["[ 2, 3 ]\n", "2\n"]);
  assertEquals(locals, { n: 2, more: 3 });
  await eventlet.kill(server);
});

Deno.test("eventlet.backdoor.backdoorServer() survives clients that leave at once", async () => {
  await using log = captureLog();
  using errors = captureErrors();
  const sock = eventlet.listen(["127.0.0.1", 0]);
  const server = eventlet.spawn(backdoorServer, sock);
  const { port } = sock.addr as Deno.NetAddr;
  for (let i = 0; i < 5; i++) (await Deno.connect({ port })).close();
  using client = await enter(sock);
  assertEquals(await client.ask("1 + 1"), "2\n");
  await eventually(() => log.lines.filter((line) => line.startsWith("backdoor to")).length === 6);
  assertEquals(errors.seen, []);
  await eventlet.kill(server);
});

Deno.test("eventlet.backdoor.backdoorServer() serves a Unix socket", async () => {
  await using _log = captureLog();
  using place = unixPlace();
  const sock = eventlet.listen(place.path);
  const server = eventlet.spawn(backdoorServer, sock);
  using client = await enter(sock);
  assertEquals(await client.ask("1 + 1"), "2\n");
  await eventlet.kill(server);
});

Deno.test("eventlet.backdoor.backdoor() does not wait, and closes the connection at the end", async () => {
  await using log = captureLog();
  using sock = eventlet.listen(["127.0.0.1", 0]);
  const locals: Record<string, unknown> = { n: 1 };
  const accepting = eventlet.spawn(() => sock.accept());
  const client = new Client(await eventlet.connect(["127.0.0.1", (sock.addr as Deno.NetAddr).port]));
  using _client = client;
  const conn = await accepting.wait();
  backdoor([conn, "somebody"], locals);
  assertEquals(log.lines.length, 1);
  await client.upTo(PROMPT);
  assertEquals(await client.ask("n += 1"), "2\n");
  await client.type("exit()\n");
  assertEquals(await client.rest(), "");
  await eventually(() => conn.closed);
  assertEquals(locals.n, 2);
});

Deno.test("eventlet.backdoor refuses bad input at the call", async () => {
  using sock = eventlet.listen(["", 0]);
  assertThrows(() => backdoorServer(sock), TypeError, "unless allowRemote is true");
  assertThrows(
    () => backdoorServer(5 as unknown as Listener),
    TypeError,
    "sock must be a listener, received 5",
  );
  using local = eventlet.listen(["127.0.0.1", 0]);
  const bad = 5 as unknown as Record<string, unknown>;
  assertThrows(() => backdoorServer(local, bad), TypeError, "locals must be an object, received 5");
  const none = undefined as unknown as Conn;
  assertThrows(() => backdoor([none, "x"]), TypeError, "it must be [connection, address]");
  assertThrows(() => backdoor(none as unknown as [Conn, string]), TypeError, "received undefined");
  assert(!local.closed);
  await using _log = captureLog();
  const server = eventlet.spawn(backdoorServer, sock, {}, { allowRemote: true });
  await sleep();
  await eventlet.kill(server);
  assert(sock.closed);
});
