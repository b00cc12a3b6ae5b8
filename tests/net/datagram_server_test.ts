import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  type DatagramConn,
  type DatagramHandler,
  DatagramServer,
  Event,
  type Greenlet,
  listenDatagram,
  Pool,
  Queue,
  Semaphore,
  type ServerOptions,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };
/** Long enough for this machine; only a failing test waits that long. */
const SOON = { timeout: 5_000 };

const decoder = new TextDecoder();
const echo: DatagramHandler = (data, from, server) => server.send(data, from);

async function started(handler: DatagramHandler, options?: ServerOptions): Promise<DatagramServer> {
  const server = new DatagramServer(HERE, handler, options);
  await server.start();
  return server;
}

/** Sends words and returns as many answers. */
async function ask(client: DatagramConn, server: DatagramServer, ...words: string[]): Promise<string[]> {
  for (const word of words) await client.send(word, server.address!);
  const answers: string[] = [];
  for (const _ of words) answers.push(decoder.decode((await client.receive(SOON))[0]));
  return answers;
}

Deno.test("DatagramServer handles each datagram and answers from its own address", async () => {
  const server = new DatagramServer(HERE, echo);
  assertEquals([server.started, server.address, server.dropped], [false, undefined, 0]);
  await server.start();
  await server.start(); // nothing happens
  assertEquals([server.started, server.address?.hostname, server.dropped], [true, "127.0.0.1", 0]);
  using client = await listenDatagram(HERE);
  await client.send("hello", server.address!);
  const [data, from] = await client.receive(SOON);
  assertEquals([decoder.decode(data), from], ["hello", server.address!]);
  await server.stop();
  assertEquals([server.started, server.closed], [false, true]);
});

Deno.test("DatagramServer gives the handler data, sender and itself; it takes a port, a text, an object, a socket", async () => {
  const seen = new Queue<unknown>();
  const handler: DatagramHandler = (...args) => seen.put(args);
  using client = await listenDatagram(HERE);
  for (const address of [0, ":0", "127.0.0.1:0", HERE, await listenDatagram(HERE)]) {
    await using server = new DatagramServer(address, handler);
    await server.start();
    await client.send("hello", { hostname: "127.0.0.1", port: server.address!.port });
    assertEquals(await seen.get(SOON), [new TextEncoder().encode("hello"), client.addr, server]);
  }
});

Deno.test("DatagramServer runs each handler in a greenlet of its own: a slow one keeps nobody waiting", async () => {
  const gate = new Event();
  await using server = await started(async (data, from, server) => {
    if (decoder.decode(data) === "slow") await gate.wait();
    await server.send(data, from);
  });
  using client = await listenDatagram(HERE);
  await client.send("slow", server.address!);
  assertEquals(await ask(client, server, "quick"), ["quick"]);
  assertEquals(server.running, 1);
  gate.set();
  assertEquals(decoder.decode((await client.receive(SOON))[0]), "slow");
});

Deno.test("DatagramServer stops receiving while its pool is full, loses nothing, and resumes", async () => {
  const begun = new Queue<string>();
  const permits = new Semaphore(0);
  let most = 0;
  await using server = await started(async (data, from, server) => {
    most = Math.max(most, server.running);
    await begun.put(decoder.decode(data));
    await permits.acquire();
    await server.send(data, from);
  }, { spawn: 2 });
  using client = await listenDatagram(HERE);
  for (let i = 0; i < 5; i++) await client.send(String(i), server.address!);
  assertEquals([await begun.get(SOON), await begun.get(SOON)], ["0", "1"]);
  await assertRejects(() => begun.get({ timeout: 20 })); // the others wait
  for (let i = 2; i < 5; i++) {
    permits.release();
    assertEquals(await begun.get(SOON), String(i));
  }
  permits.release();
  permits.release();
  const answers = [];
  for (let i = 0; i < 5; i++) answers.push(decoder.decode((await client.receive(SOON))[0]));
  assertEquals([answers.toSorted(), most], [["0", "1", "2", "3", "4"], 2]);
});

Deno.test("DatagramServer.stopAccepting() lets datagrams wait until startAccepting()", async () => {
  await using server = await started(echo);
  using client = await listenDatagram(HERE);
  assertEquals(await ask(client, server, "before"), ["before"]);
  server.stopAccepting();
  for (const word of ["1", "2"]) await client.send(word, server.address!);
  await assertRejects(() => client.receive({ timeout: 20 }), Timeout);
  server.startAccepting();
  assertEquals(await ask(client, server, "3"), ["1"]);
  assertEquals(
    [await client.receive(SOON), await client.receive(SOON)].map(([data]) => decoder.decode(data)),
    [
      "2",
      "3",
    ],
  );
});

Deno.test("DatagramServer shares a pool with others, and leaves it usable", async () => {
  const pool = new Pool(1);
  const other = await pool.spawn(() => sleep(60_000));
  await using server = await started(echo, { spawn: pool });
  using client = await listenDatagram(HERE);
  await client.send("hello", server.address!);
  await assertRejects(() => client.receive({ timeout: 20 }));
  await other.kill();
  assertEquals(decoder.decode((await client.receive(SOON))[0]), "hello");
  await server.stop();
  assertEquals([pool.size, pool.freeCount], [0, 1]);
});

Deno.test("DatagramServer spawns by a function", async () => {
  const spawned: Greenlet<void>[] = [];
  await using server = await started(echo, {
    spawn: (fn) => {
      const greenlet = spawn(fn);
      spawned.push(greenlet);
      return greenlet;
    },
  });
  using client = await listenDatagram(HERE);
  assertEquals(await ask(client, server, "a", "b"), ["a", "b"]);
  assertEquals(spawned.length, 2);
});

Deno.test("DatagramServer drops what its queue cannot hold while nothing is received", async () => {
  const gate = new Event();
  const begun = new Event();
  await using server = new DatagramServer({ ...HERE, maxQueue: 1 }, async (data, from, server) => {
    begun.set();
    await gate.wait();
    await server.send(data, from);
  }, { spawn: 1 });
  await server.start();
  using client = await listenDatagram(HERE);
  await client.send("0", server.address!);
  await begun.wait();
  for (let i = 1; i < 4; i++) await client.send(String(i), server.address!);
  for (let tries = 0; server.dropped < 2 && tries < 1_000; tries++) await sleep(1);
  assertEquals(server.dropped, 2);
  gate.set();
  const answers = [await client.receive(SOON), await client.receive(SOON)];
  assertEquals(answers.map(([data]) => decoder.decode(data)), ["0", "1"]);
});

Deno.test("DatagramServer reports an error of a handler, thrown or rejected, and goes on", async () => {
  using errors = captureErrors();
  await using server = await started((data, from, server) => {
    const word = decoder.decode(data);
    if (word === "throw") throw new Error("thrown");
    if (word === "reject") return Promise.reject(new Error("rejected"));
    return server.send(data, from);
  });
  using client = await listenDatagram(HERE);
  await client.send("throw", server.address!);
  await client.send("reject", server.address!);
  assertEquals(await ask(client, server, "fine"), ["fine"]);
  assertEquals(errors.seen.map((error) => (error as Error).message), ["thrown", "rejected"]);
});

Deno.test("DatagramServer.stop() lets handlers that run answer, and receives nothing more", async () => {
  const gate = new Event();
  const begun = new Event();
  let handled = 0;
  const server = await started(async (data, from, server) => {
    handled++;
    begun.set();
    await gate.wait();
    await server.send(data, from);
  });
  using client = await listenDatagram(HERE);
  await client.send("first", server.address!);
  await begun.wait();
  const stopping = spawn(() => server.stop(SOON));
  await sleep();
  await client.send("second", server.address!);
  gate.set();
  assertEquals(decoder.decode((await client.receive(SOON))[0]), "first");
  await stopping.join();
  assertEquals([handled, server.running], [1, 0]);
  await assertRejects(() => server.send("late", client.addr), Deno.errors.BadResource);
});

Deno.test("DatagramServer.stop() kills handlers that take too long, and waits for their clean-up", async () => {
  const begun = new Event();
  const log: string[] = [];
  const server = await started(async () => {
    try {
      begun.set();
      await sleep(60_000);
    } finally {
      await sleep();
      log.push("cleaned up");
    }
  });
  using client = await listenDatagram(HERE);
  await client.send("hang", server.address!);
  await begun.wait();
  assertThrows(() => server.stop({ timeout: -1 }), RangeError, "received -1");
  assertEquals([server.started, server.running], [true, 1]); // nothing has changed
  await server.stop({ timeout: 1 });
  assertEquals([log, server.running], [["cleaned up"], 0]);
});

Deno.test("DatagramServer.stop() that is killed closes the socket all the same", async () => {
  const begun = new Event();
  const server = await started(async () => {
    begun.set();
    await sleep(60_000);
  });
  using client = await listenDatagram(HERE);
  await client.send("hang", server.address!);
  await begun.wait();
  const stopper = spawn(() => server.stop({ timeout: 60_000 }));
  await sleep();
  await stopper.kill();
  assertEquals(server.running, 0);
  await assertRejects(() => server.send("late", client.addr), Deno.errors.BadResource);
});

Deno.test("DatagramServer.close() closes the socket at once; handlers go on", async () => {
  const gate = new Event();
  const begun = new Event();
  const ended = new Queue<unknown>();
  const server = await started(async (data, from, server) => {
    begun.set();
    await gate.wait();
    await ended.put(await server.send(data, from).catch((error) => error));
  });
  using client = await listenDatagram(HERE);
  await client.send("hello", server.address!);
  await begun.wait();
  assertThrows(() => server.stop({ timeout: -1 }), RangeError); // has no effect on the close
  server.close();
  server.close();
  assertEquals([server.closed, server.running], [true, 1]);
  gate.set();
  assertInstanceOf(await ended.get(SOON), Deno.errors.BadResource);
  await server.stop();
  assertThrows(() => server.start(), Error, "closed");
});

Deno.test("DatagramServer.start() that fails can be tried again", async () => {
  const blocker = await listenDatagram(HERE);
  const { port } = blocker.addr;
  await using server = new DatagramServer({ ...HERE, port }, echo);
  await assertRejects(() => server.start(), Deno.errors.AddrInUse);
  assertEquals([server.started, server.address], [false, undefined]);
  blocker.close();
  for (let tries = 0; !server.started && tries < 1_000; tries++) {
    await sleep(1); // the platform lets go of the port a little later
    await server.start().catch(() => {});
  }
  assertEquals(server.address?.port, port);
});

Deno.test("DatagramServer.stop() while it starts leaves no socket behind", async () => {
  const server = new DatagramServer(HERE, echo);
  const starting = server.start();
  await server.stop();
  await starting;
  assertEquals([server.started, server.closed, server.address], [false, true, undefined]);
  const closing = new DatagramServer(HERE, echo);
  const opening = closing.start();
  closing.close();
  await opening;
  assertEquals([closing.started, closing.address], [false, undefined]);
  await new DatagramServer(HERE, echo).stop(); // never started
});

Deno.test("DatagramServer stops by itself when somebody else closes its socket", async () => {
  using errors = captureErrors();
  const socket = await listenDatagram(HERE);
  const server = new DatagramServer(socket, echo);
  const serving = spawn(() => server.serveForever({ signals: [] }));
  await sleep();
  await sleep();
  socket.close();
  assert(await serving.join(SOON));
  assertEquals([serving.successful, server.closed, errors.seen.length], [true, true, 1]);
  assertInstanceOf(errors.seen[0], Deno.errors.Interrupted);
});

Deno.test("DatagramServer.serveForever() starts it, and ends with stop(); its kill stops it", async () => {
  const server = new DatagramServer(HERE, echo);
  const serving = spawn(() => server.serveForever({ signals: [] }));
  while (!server.address) await sleep();
  using client = await listenDatagram(HERE);
  assertEquals(await ask(client, server, "hello"), ["hello"]);
  await server.stop();
  assert(await serving.join(SOON));
  const other = new DatagramServer(HERE, echo);
  const victim = spawn(() => other.serveForever({ signals: [] }));
  while (!other.address) await sleep();
  await victim.kill();
  assertEquals([other.closed, other.started], [true, false]);
});

Deno.test("DatagramServer.send() sends to anybody, once it is started", async () => {
  const server = new DatagramServer(HERE, echo);
  using client = await listenDatagram(HERE);
  assertThrows(() => server.send("x", client.addr), Error, "Cannot send datagram: the server is not started");
  await server.start();
  assertEquals(await server.send("news", client.addr, SOON), 4);
  assertEquals(await client.receive(SOON), [new TextEncoder().encode("news"), server.address!]);
  await server.stop();
});

Deno.test("DatagramServer refuses bad arguments with their value", () => {
  const bad: [unknown, unknown, unknown, new (message: string) => Error, string][] = [
    ["nonsense", echo, {}, TypeError, 'received "nonsense"'],
    [null, echo, {}, TypeError, "received null"],
    [-1, echo, {}, RangeError, "port must be an integer from 0 to 65535, received -1"],
    [{ port: 0, hostname: "" }, echo, {}, TypeError, "hostname"],
    [
      { port: 0, maxQueue: 0 },
      echo,
      {},
      RangeError,
      "maxQueue must be a positive integer or Infinity, received 0",
    ],
    [0, 5, {}, TypeError, "handler must be a function, received 5"],
    [0, echo, { spawn: 0 }, RangeError, "spawn must be a positive integer or Infinity, received 0"],
    [0, echo, { spawn: "often" }, TypeError, "received often"],
    [0, echo, { stopTimeout: -1 }, RangeError, "received -1"],
  ];
  for (const [address, handler, options, Class, message] of bad) {
    const error = assertThrows(
      () => new DatagramServer(address as number, handler as DatagramHandler, options as ServerOptions),
      Class,
      message,
    );
    assert((error as Error).message.startsWith("Cannot create server: "), String(error));
  }
});

Deno.test("DatagramServer.stop() closes the socket that it was given, also if it never started", async () => {
  for (const end of [(server: DatagramServer) => server.stop(), (server: DatagramServer) => server.close()]) {
    const conn = await listenDatagram(HERE);
    await end(new DatagramServer(conn, echo));
    assertEquals(conn.closed, true);
  }
});
