import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { joinAll, listenDatagram, type ListenDatagramOptions, sleep, spawn, Timeout } from "@verdant/green";
import { interruptAnywhere } from "../interrupt_anywhere.ts";

const ROOT = new URL("../../", import.meta.url);
const HERE = { hostname: "127.0.0.1", port: 0 };
/** Long enough for this machine; only a failing test waits that long. */
const SOON = { timeout: 5_000 };

const decoder = new TextDecoder();
const text = ([data]: [Uint8Array, unknown]) => decoder.decode(data);

/** Runs a program as a process of its own; killed, and so failed, if it does not end by itself. */
async function run(program: string, flags = ["-A"]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...flags, "-"],
    cwd: ROOT,
    env: { NO_COLOR: "1", GREEN_CONTEXT: Deno.env.get("GREEN_CONTEXT") ?? "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(30_000),
  }).spawn();
  const stdin = child.stdin.getWriter();
  await stdin.write(new TextEncoder().encode(program));
  await stdin.close();
  const { code, stdout, stderr } = await child.output();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

for (
  const [family, hostname, other] of [
    ["IPv4", "127.0.0.1", "127.0.0.1"],
    ["IPv6", "::1", "::1"],
    ["a name", "localhost", "localhost"],
    ["IPv6 in brackets", "[::1]", "[::1]"],
    ["IPv6 and IPv4", "::", "127.0.0.1"],
  ] as const
) {
  Deno.test(`listenDatagram() by ${family} receives and answers`, async () => {
    using server = await listenDatagram({ hostname, port: 0 });
    using client = await listenDatagram({ hostname: other, port: 0 });
    assertEquals(server.addr.transport, "udp");
    assert(server.addr.port > 0);
    assertEquals(await client.send("ping", { hostname: other, port: server.addr.port }), 4);
    const [data, from] = await server.receive(SOON);
    assertEquals([decoder.decode(data), from.transport, from.port], ["ping", "udp", client.addr.port]);
    assertStringIncludes(from.hostname, client.addr.hostname);
    await server.send(new Uint8Array([1, 2]), from);
    const [answer] = await client.receive(SOON);
    assertEquals(answer, new Uint8Array([1, 2]));
  });
}

Deno.test("listenDatagram() receives on all interfaces by default", async () => {
  using server = await listenDatagram({ port: 0 });
  assertEquals(server.addr.hostname, "0.0.0.0");
  using client = await listenDatagram(HERE);
  await client.send("ping", { hostname: "127.0.0.1", port: server.addr.port });
  assertEquals(text(await server.receive(SOON)), "ping");
});

Deno.test("listenDatagram() refuses a port that is taken, unless both want to share it", async () => {
  using first = await listenDatagram(HERE);
  const { port } = first.addr;
  const error = await assertRejects(
    () => listenDatagram({ ...HERE, port }),
    Deno.errors.AddrInUse,
    `Cannot listen for datagrams on 127.0.0.1:${port}`,
  );
  assertEquals((error as Error & { code?: string }).code, "EADDRINUSE");
  using a = await listenDatagram({ ...HERE, reuseAddress: true });
  using b = await listenDatagram({ ...HERE, port: a.addr.port, reuseAddress: true });
  assertEquals(b.addr, a.addr);
});

Deno.test("listenDatagram() refuses an address that is not here, and a host that does not exist", async () => {
  await assertRejects(
    () => listenDatagram({ hostname: "192.0.2.77", port: 0 }),
    Deno.errors.AddrNotAvailable,
    "Cannot listen for datagrams on 192.0.2.77:0",
  );
  await assertRejects(
    () => listenDatagram({ hostname: "nowhere.invalid", port: 0 }),
    Deno.errors.NotFound,
    "nowhere.invalid",
  );
});

Deno.test("listenDatagram() refuses bad options with their value, at the call", () => {
  const bad: [unknown, new (message: string) => Error, string][] = [
    [{ port: -1 }, RangeError, "port must be an integer from 0 to 65535, received -1"],
    [{ port: 70_000 }, RangeError, "received 70000"],
    [{ port: "53" }, RangeError, "received 53"],
    [{ port: 0, hostname: "" }, TypeError, 'hostname must be a non-empty string, received ""'],
    [{ port: 0, maxQueue: 0 }, RangeError, "maxQueue must be a positive integer or Infinity, received 0"],
    [{ port: 0, maxQueue: 1.5 }, RangeError, "received 1.5"],
    [{ port: 0, timeout: -1 }, RangeError, "timeout must be 0 or more milliseconds, received -1"],
  ];
  for (const [options, Class, message] of bad) {
    const error = assertThrows(() => listenDatagram(options as ListenDatagramOptions), Class, message);
    assertStringIncludes((error as Error).message, "Cannot listen for datagrams: ");
  }
});

Deno.test("listenDatagram() can be limited and aborted", async () => {
  await assertRejects(() => listenDatagram({ ...HERE, timeout: 0 }), Timeout, "127.0.0.1:0");
  await assertRejects(
    () => listenDatagram({ ...HERE, signal: AbortSignal.abort(new Error("no")) }),
    Error,
    "no",
  );
});

interruptAnywhere("listenDatagram()", () => ({
  // the sanitizer finds a socket that was left open
  victim: async () => (await listenDatagram(HERE)).close(),
  check() {},
}));

Deno.test("DatagramConn.receive() that is killed or times out loses no datagram", async () => {
  using conn = await listenDatagram(HERE);
  const victim = spawn(() => conn.receive());
  const late = spawn(() => conn.receive({ timeout: 1 }).catch((error) => error));
  const patient = spawn(() => conn.receive());
  assertInstanceOf(await late.get(), Timeout);
  await victim.kill();
  await conn.send("1", conn.addr);
  assertEquals(text(await patient.get()), "1");
  const alone = spawn(() => conn.receive());
  await sleep();
  await alone.kill();
  await conn.send("2", conn.addr);
  assertEquals(text(await conn.receive(SOON)), "2"); // nobody waited when it came
});

Deno.test("DatagramConn.dropped counts with a real socket, too", async () => {
  using conn = await listenDatagram({ ...HERE, maxQueue: 1 });
  await conn.send("kept", conn.addr);
  for (let i = 0; i < 3; i++) await conn.send("dropped", conn.addr);
  for (let turns = 0; conn.dropped < 3 && turns < 1_000; turns++) await sleep(1);
  assertEquals([conn.dropped, text(await conn.receive(SOON))], [3, "kept"]);
});

Deno.test("DatagramConn.receive() returns memory of the size of the datagram", async () => {
  using conn = await listenDatagram(HERE);
  for (const size of [0, 1, 1_400, 65_507]) {
    assertEquals(await conn.send(new Uint8Array(size).fill(7), conn.addr), size);
    const [data] = await conn.receive(SOON);
    assertEquals([data.length, data.every((byte) => byte === 7)], [size, true]);
    assertEquals(data.constructor, Uint8Array); // not a Buffer
    assert(data.buffer.byteLength <= Math.max(size, 65_536 * +(size > 32_768)), `${data.buffer.byteLength}`);
  }
});

Deno.test("DatagramConn.send() keeps the order of the calls, also of several greenlets", async () => {
  using conn = await listenDatagram(HERE);
  const senders = Array.from({ length: 20 }, (_, i) => spawn(() => conn.send(String(i), conn.addr)));
  const received: string[] = [];
  for (let i = 0; i < 20; i++) received.push(text(await conn.receive(SOON)));
  assertEquals(received, Array.from({ length: 20 }, (_, i) => String(i)));
  await joinAll(senders);
});

Deno.test("DatagramConn.send() of too much is an EMSGSIZE error, and the socket goes on", async () => {
  using conn = await listenDatagram(HERE);
  const error = await assertRejects(
    () => conn.send(new Uint8Array(65_508), conn.addr),
    RangeError,
    `Cannot send 65508 bytes to 127.0.0.1:${conn.addr.port}`,
  );
  assertEquals((error as Error & { code?: string }).code, "EMSGSIZE");
  assertEquals(await conn.send("ok", conn.addr), 2);
  assertEquals(text(await conn.receive(SOON)), "ok");
});

Deno.test("DatagramConn.send() sends text as UTF-8", async () => {
  using conn = await listenDatagram(HERE);
  assertEquals(await conn.send("né", conn.addr), 3);
  assertEquals(text(await conn.receive(SOON)), "né");
});

Deno.test("DatagramConn.send() looks names up, within its time-out", async () => {
  using conn = await listenDatagram(HERE);
  const to = { hostname: "localhost", port: conn.addr.port };
  await conn.send("hello", to, SOON);
  assertEquals(text(await conn.receive(SOON)), "hello");
  await assertRejects(
    () => conn.send("x", { hostname: "nowhere.invalid", port: 1 }),
    Deno.errors.NotFound,
    "nowhere.invalid",
  );
  await assertRejects(() => conn.send("x", to, { timeout: 0 }), Timeout);
});

Deno.test({
  name: "DatagramConn.send() that is killed in the look-up sends nothing",
  sanitizeOps: false, // the platform's look-up cannot be stopped
  async fn() {
    using conn = await listenDatagram(HERE);
    const victim = spawn(() => conn.send("x", { hostname: "localhost", port: conn.addr.port }));
    await sleep();
    await victim.kill();
    assert(victim.value instanceof Error);
    await conn.send("last", { hostname: "localhost", port: conn.addr.port });
    assertEquals(text(await conn.receive(SOON)), "last");
  },
});

Deno.test("DatagramConn.send() to what only looks like an address throws NotFound", async () => {
  using conn = await listenDatagram(HERE);
  await assertRejects(
    () => conn.send("x", { hostname: "1.2.3.999", port: 9 }),
    Deno.errors.NotFound,
    "1.2.3.999",
  );
});

Deno.test("DatagramConn.close() forgets what nobody has taken, and keeps the address", async () => {
  const conn = await listenDatagram(HERE);
  const { port } = conn.addr;
  await conn.send("x", conn.addr);
  await sleep(1);
  conn.close();
  await assertRejects(() => conn.receive(), Deno.errors.BadResource, "the main flow");
  assertEquals([conn.addr.port, String(conn)], [port, `127.0.0.1:${port}`]);
  const bindAgain = () => listenDatagram({ ...HERE, port }).catch(() => undefined);
  let again = await bindAgain();
  for (let tries = 0; again === undefined && tries < 1_000; tries++) {
    await sleep(1); // the platform lets go of the port a little later
    again = await bindAgain();
  }
  assertEquals(again?.addr.port, port);
  again?.close();
});

Deno.test("DatagramConn.joinMulticast() receives what is sent to the group until leaveMulticast()", async () => {
  const group = "224.0.0.114";
  using member = await listenDatagram({ port: 0 });
  using sender = await listenDatagram({ ...HERE, loopback: true });
  const to = { hostname: group, port: member.addr.port };
  member.joinMulticast(group, "127.0.0.1");
  assertThrows(
    () => member.joinMulticast(group, "127.0.0.1"),
    Error,
    `Cannot join multicast group ${group} on 0.0.0.0:${member.addr.port}`,
  );
  await sender.send("to the group", to);
  assertEquals(text(await member.receive(SOON)), "to the group");
  member.leaveMulticast(group, "127.0.0.1");
  assertThrows(() => member.leaveMulticast(group, "127.0.0.1"), Error, "Cannot leave multicast group");
  await sender.send("nobody hears", to);
  await sender.send("you do", { hostname: "127.0.0.1", port: member.addr.port });
  assertEquals(text(await member.receive(SOON)), "you do");
  assertThrows(() => member.joinMulticast("127.0.0.1"), Error, "EINVAL");
});

Deno.test("DatagramConn.joinMulticast() takes IPv6 groups", async () => {
  using member = await listenDatagram({ hostname: "::", port: 0 });
  member.joinMulticast("ff02::114");
  member.leaveMulticast("ff02::114");
  assertThrows(() => member.joinMulticast("224.0.0.114"), Error, "Cannot join multicast group 224.0.0.114");
});

Deno.test("DatagramConn.setBroadcast() lets datagrams go to a broadcast address", async () => {
  using conn = await listenDatagram(HERE);
  const everybody = { hostname: "127.255.255.255", port: conn.addr.port };
  await assertRejects(() => conn.send("x", everybody), Error, "Cannot send 1 bytes to 127.255.255.255");
  conn.setBroadcast(true);
  assertEquals(await conn.send("x", everybody), 1);
  conn.setBroadcast(false);
  await assertRejects(() => conn.send("x", everybody), Error);
  using allowed = await listenDatagram({ ...HERE, broadcast: true });
  assertEquals(await allowed.send("x", everybody), 1);
});

const OPEN = `
import { Event, listenDatagram, main, sleep, spawn } from "@verdant/green";
const open = () => listenDatagram({ hostname: "127.0.0.1", port: 0 });
`;

Deno.test("DatagramConn that nobody receives from does not keep the process alive", async () => {
  const { code, out, err } = await run(`${OPEN}
    main(async () => {
      await open();
      const used = await open();
      await used.send("x", used.addr);
      await used.receive();
      const victim = spawn(() => used.receive());
      await sleep();
      await victim.kill();
      console.log("end");
    });
  `);
  assertEquals([code, out, err], [0, "end\n", ""]);
});

Deno.test("DatagramConn.receive() keeps the process alive, also the first time and the time after", async () => {
  using here = await listenDatagram(HERE);
  const program = run(`${OPEN}
    main(async () => {
      const conn = await open();
      const here = { hostname: "127.0.0.1", port: ${here.addr.port} };
      for (let i = 0; i < 2; i++) {
        await conn.send("ready", here);
        await conn.receive();
      }
      console.log("both came");
    });
  `);
  for (let i = 0; i < 2; i++) {
    const [, from] = await here.receive({ timeout: 20_000 });
    await sleep(100); // if nothing kept it alive, it would end meanwhile
    await here.send("go on", from);
  }
  assertEquals(await program, { code: 0, out: "both came\n", err: "" });
});

Deno.test("DatagramConn that nobody receives from does not hide a deadlock", async () => {
  const { code, err } = await run(`${OPEN}
    main(async () => {
      const conn = await open();
      await conn.send("x", conn.addr);
      await conn.receive();
      await new Event().wait();
    });
  `);
  assertEquals(code, 1);
  assertStringIncludes(err, "LoopExit");
});

Deno.test("listenDatagram() and DatagramConn.send() say which permission is missing", async () => {
  const { code, out, err } = await run(
    `${OPEN}
    main(async () => {
      using conn = await open();
      const say = (error) => console.log(error.name + ": " + error.message);
      await conn.send("x", { hostname: "192.0.2.1", port: 9 }).catch(say);
      await listenDatagram({ port: 0 }).catch(say);
    });
  `,
    ["--allow-net=127.0.0.1"],
  );
  const [sending, listening] = out.split("\n");
  assertEquals([code, err], [0, ""]);
  assertEquals(
    sending,
    "NotCapable: Cannot send 1 bytes to 192.0.2.1:9: run again with --allow-net=192.0.2.1:9",
  );
  assertStringIncludes(listening!, 'NotCapable: Requires net access to "0.0.0.0:0"');
});
