import { assertEquals, assertMatch } from "@std/assert";
import {
  connectWebSocket,
  createSocketPair,
  type Greenlet,
  killAll,
  listen,
  listenDatagram,
  named,
  sleep,
  spawn,
  StreamServer,
  WebSocketServer,
} from "@verdant/green";
import { describeWait } from "../../hub/mod.ts";

/** What greenlets wait for, in words, once they have parked; then they are killed. */
async function waitsOf(...greenlets: Greenlet[]): Promise<string[]> {
  await sleep();
  const texts = greenlets.map((greenlet) => describeWait(greenlet.waits!));
  await killAll(greenlets);
  return texts;
}

Deno.test("a greenlet that reads is reported with the peer's address, and how far it has come", async () => {
  const [near, far] = await createSocketPair();
  using _near = near;
  using _far = far;
  const [nothing] = await waitsOf(spawn(() => near.readLine()));
  assertEquals(nothing, `Conn(${near}) read`);
  await far.writeAll("abc");
  const reader = spawn(() => near.readExactly(5));
  while (!describeWait(reader.waits ?? (await sleep(1), reader.waits!)).includes("byte")) await sleep(1);
  assertEquals(await waitsOf(reader), [`Conn(${near}) read, 3 bytes of it here`]);
});

Deno.test("a greenlet that writes is reported with the peer's address, and how far it has come", async () => {
  const [near, far] = await createSocketPair();
  using _near = near;
  using _far = far;
  const [text] = await waitsOf(spawn(() => near.writeAll(new Uint8Array(50_000_000))));
  assertMatch(text!, /^Conn\(127\.0\.0\.1:\d+\) write, \d+ of 50000000 bytes sent$/);
});

Deno.test("a greenlet that accepts is reported with the address", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  assertEquals(await waitsOf(spawn(() => listener.accept())), [`Listener(${listener}) accept`]);
  const two = [spawn(() => listener.accept()), spawn(() => listener.accept())];
  assertEquals(await waitsOf(...two), Array(2).fill(`Listener(${listener}) accept, 2 waiting`));
});

Deno.test("a greenlet that receives datagrams is reported with the address", async () => {
  using conn = await listenDatagram({ hostname: "127.0.0.1", port: 0 });
  assertEquals(await waitsOf(spawn(() => conn.receive())), [`DatagramConn(${conn}) receive`]);
  const two = [spawn(() => conn.receive()), spawn(() => conn.receive())];
  assertEquals(await waitsOf(...two), Array(2).fill(`DatagramConn(${conn}) receive, 2 waiting`));
  const senders = [spawn(() => conn.send("x", conn.addr)), spawn(() => conn.send("y", conn.addr))];
  assertEquals(await waitsOf(...senders), Array(2).fill(`DatagramConn(${conn}) send, 2 waiting`));
  assertEquals(await waitsOf(spawn(() => conn.send("z", conn.addr))), [`DatagramConn(${conn}) send`]);
});

Deno.test("a greenlet that waits for a WebSocket is reported with the peer's address", async () => {
  await using server = new WebSocketServer({ hostname: "127.0.0.1", port: 0 }, async (ws) => {
    for await (const _message of ws);
  });
  await server.start();
  const { port } = server.address as Deno.NetAddr;
  await using ws = await connectWebSocket(`ws://127.0.0.1:${port}/`, { timeout: 5_000 });
  const [text] = await waitsOf(spawn(() => ws.receive()));
  assertEquals(text, `WebSocketConn(127.0.0.1:${port}) receive`);
});

Deno.test("BaseServer.statistics() counts the handlers that run; serveForever() is reported by its server", async () => {
  const server = named(new StreamServer({ hostname: "127.0.0.1", port: 0 }, () => sleep(60_000)), "echo");
  assertEquals(server.statistics(), { started: false, closed: false, running: 0 });
  const serving = spawn(() => server.serveForever({ signals: [], stopTimeout: 0 }));
  await sleep();
  assertEquals(describeWait(serving.waits!), `Event(end of ${server}) wait`);
  assertMatch(`${server}`, /^StreamServer\(echo\) on 127\.0\.0\.1:\d+$/);
  const conn = await Deno.connect(server.address as Deno.ConnectOptions);
  while (server.running === 0) await sleep(1);
  assertEquals(server.statistics(), { started: true, closed: false, running: 1 });
  await server.stop({ timeout: 0 });
  conn.close();
  await serving.join();
  assertEquals([server.statistics(), Object.isFrozen(server.statistics())], [
    { started: false, closed: true, running: 0 },
    true,
  ]);
});
