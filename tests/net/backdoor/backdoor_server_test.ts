/** The server of the backdoor: where it listens, whom it lets in, what it survives. */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type BackdoorOptions,
  BackdoorServer,
  Conn,
  connectTls,
  getHub,
  listen,
  type ListenOptions,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, bytes, certificate, eventually, unixPlace } from "../network.ts";
import { Client, PROMPT, startBackdoor } from "./client.ts";

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

// ---- Where it listens --------------------------------------------------------------------------------

Deno.test("BackdoorServer refuses what others reach, before anything is bound", () => {
  const remote: (string | ListenOptions)[] = ["0.0.0.0:0", "*:0", "[::]:0", "192.168.0.1:0", "example.org:0"];
  remote.push({ hostname: "10.0.0.1", port: 0 }, { hostname: "[::]", port: 0 });
  for (const address of remote) {
    assertThrows(() => new BackdoorServer(address), TypeError, "unless allowRemote is true", String(address));
    assertThrows(
      () => new BackdoorServer(address, { allowRemote: false }),
      TypeError,
      "Cannot create backdoor",
    );
  }
  using listener = listen({ hostname: "0.0.0.0", port: 0 });
  assertThrows(
    () => new BackdoorServer(listener),
    TypeError,
    "whoever reaches 0.0.0.0 could do anything here",
  );
});

Deno.test("BackdoorServer listens on 127.0.0.1 unless it is told otherwise", async () => {
  for (const address of [0, ":0", "localhost:0", { port: 0 }, "127.0.0.2:0"]) {
    await using server = new BackdoorServer(address);
    await server.start();
    const { hostname } = server.address as Deno.NetAddr;
    assertEquals(hostname, address === "127.0.0.2:0" ? "127.0.0.2" : "127.0.0.1");
  }
  for (const address of ["*:0", "0.0.0.0:0", { hostname: "0.0.0.0", port: 0 }]) {
    await using server = new BackdoorServer(address, { allowRemote: true, banner: "" });
    await server.start();
    assertEquals((server.address as Deno.NetAddr).hostname, "0.0.0.0");
    using client = await Client.enter(server);
    assertEquals(await client.ask("1 + 1"), "2\n");
  }
});

Deno.test("BackdoorServer listens on ::1", async () => {
  await using server = new BackdoorServer("[::1]:0", { banner: "" });
  await server.start();
  assertEquals((server.address as Deno.NetAddr).hostname, "::1");
});

Deno.test("BackdoorServer takes a listener over, which it closes", async () => {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  const server = new BackdoorServer(listener, { banner: "" });
  await server.start();
  using client = await Client.enter(server);
  assertEquals(await client.ask("1 + 1"), "2\n");
  await server.stop();
  assert(listener.closed);
});

Deno.test("BackdoorServer makes a Unix socket for its owner only, and removes it", async () => {
  using place = unixPlace();
  const { path } = place;
  const mask = Deno.umask(0);
  try {
    const server = new BackdoorServer({ path }, { banner: "" });
    await server.start();
    assertEquals((Deno.statSync(path).mode! & 0o777).toString(8), "600");
    assertEquals(Deno.umask(), 0);
    using client = await Client.enter(server);
    assertEquals(await client.ask("1 + 1"), "2\n");
    await server.stop();
    await eventually(() => !exists(path)); // the platform does it a moment later
  } finally {
    Deno.umask(mask);
  }
});

Deno.test("BackdoorServer does not start where somebody listens, and leaves the mask and the file as they were", async () => {
  using place = unixPlace();
  const { path } = place;
  using _other = listen({ path });
  Deno.chmodSync(path, 0o666);
  const mask = Deno.umask();
  const server = new BackdoorServer({ path });
  assertThrows(() => server.start(), Deno.errors.AddrInUse);
  assertEquals([Deno.umask(), (Deno.statSync(path).mode! & 0o777).toString(8)], [mask, "666"]);
  await server.stop();
});

Deno.test("BackdoorServer restricts a Unix socket also if it may not set the file mode mask", async () => {
  using place = unixPlace();
  const said = await runScript(
    `const server = new BackdoorServer({ path: ${JSON.stringify(place.path)} });
    await server.start();
    console.log((Deno.statSync(${JSON.stringify(place.path)}).mode & 0o777).toString(8));
    await server.stop();`,
    "--allow-net",
    "--allow-read",
    "--allow-write",
  );
  assertEquals(said, "600\n");
});

Deno.test("BackdoorServer without the permission says what to allow", async () => {
  const said = await runScript(`
    try {
      await new BackdoorServer(4000).start();
    } catch (error) {
      console.log(error instanceof Deno.errors.NotCapable, error.message);
    }`);
  assertMatch(said, /^true .*net access to "127\.0\.0\.1:4000", run again with the --allow-net flag\n$/);
});

/** Runs a program with these permissions only: says what it prints. */
async function runScript(body: string, ...permissions: string[]): Promise<string> {
  const library = JSON.stringify(new URL("../../../mod.ts", import.meta.url).href);
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, `import { BackdoorServer } from ${library};\n${body}`);
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--config", config, ...permissions, file],
    env: { NO_COLOR: "1" },
  }).output();
  await Deno.remove(file);
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

// ---- Whom it lets in ---------------------------------------------------------------------------------

Deno.test("BackdoorServer with a token lets in who knows it", async () => {
  await using server = await startBackdoor({ token: "s3cret", banner: "welcome" });
  using client = await Client.dial(server);
  assertEquals(await client.upTo("token: "), "");
  await client.type("s3cret\r\n");
  assertEquals(await client.upTo(PROMPT), "welcome\n");
  assertEquals(await client.ask("1 + 1"), "2\n");
});

Deno.test("BackdoorServer with a token sends everybody else away, with one message", async () => {
  const log: string[] = [];
  await using server = await startBackdoor({
    token: "s3cret",
    banner: "welcome",
    locals: { log },
    maxLine: 100,
  });
  const attempts = [
    "",
    "s3cre",
    "s3crets",
    "S3cret",
    " s3cret",
    "x".repeat(1000),
    "\xff\xfe",
    "GET / HTTP/1.1",
  ];
  for (const attempt of attempts) {
    using client = await Client.dial(server);
    await client.type(`${attempt}\ns3cret\nlog.push("in")\n`);
    assertEquals(await client.rest(), "token: Wrong token\n", attempt);
  }
  using gone = await Client.dial(server);
  await gone.conn.closeWrite();
  assertEquals(await gone.rest(), "token: Wrong token\n");
  assertEquals(log, []);
});

Deno.test("BackdoorServer has no more than maxSessions at a time", async () => {
  await using server = await startBackdoor({ maxSessions: 2 });
  using one = await Client.enter(server);
  using _two = await Client.enter(server);
  using three = await Client.dial(server);
  assertEquals(await three.rest(), "There are 2 sessions already\n");
  await one.type("quit()\n");
  await one.rest();
  await eventually(() => server.running === 1);
  using four = await Client.enter(server);
  assertEquals(await four.ask("1 + 1"), "2\n");
});

Deno.test("BackdoorServer refuses what a web page can make a browser send", async () => {
  const log: string[] = [];
  await using server = await startBackdoor({ locals: { log }, maxLine: 1000 });
  const requests = ["GET / HTTP/1.1", "POST /x HTTP/1.1", "OPTIONS * HTTP/1.1", "brew /pot HTTP/1.1"];
  requests.push(`POST /${"x".repeat(2000)} HTTP/1.1`); // too long to be looked at
  for (const request of requests) {
    using client = await Client.dial(server);
    await client.type(`${request}\r\nHost: localhost\r\n\r\nlog.push("in")\n`);
    assertEquals(
      await client.rest(),
      `${PROMPT}The first line looks like a request of HTTP: this is no web server\n`,
    );
  }
  assertEquals(log, []);
  using client = await Client.enter(server);
  await client.ask("1");
  assertStringIncludes(await client.ask("GET / HTTP/1.1"), "GET is not defined"); // nobody else types it later
});

Deno.test("BackdoorServer looks at what came first, also if it says that it is to be forgotten", async () => {
  const log: string[] = [];
  await using server = await startBackdoor({ locals: { log } });
  const INTERRUPT = [0xff, 0xf4]; // of telnet; a web page may put it into a header
  const request = [...new TextEncoder().encode("POST / HTTP/1.1\r\nAccept: "), ...INTERRUPT, 13, 10, 13, 10];
  const code = [...new TextEncoder().encode('\nlog.push("in")\n')];
  for (const bursts of [[request, code], [[...request, ...code]], [[...INTERRUPT, ...request, ...code]]]) {
    using client = await Client.dial(server);
    for (const burst of bursts) {
      await client.type(burst).catch(() => {}); // it may be closed by then
      await sleep(5);
    }
    assertStringIncludes(await client.rest(), "this is no web server");
  }
  for (const first of ["\x16\x03\x01", "a\0b", [0xc3, 0x28, 10]]) { // TLS, for example
    using client = await Client.dial(server);
    await client.type(typeof first === "string" ? `${first}\nlog.push("in")\n` : first);
    assertStringIncludes(await client.rest(), "this is no web server");
  }
  assertEquals(log, []);
});

Deno.test("BackdoorServer gets rid of a client without the token that reads nothing", async () => {
  await using server = await startBackdoor({ token: "s3cret", lingerTimeout: 50 });
  const { port } = server.address as Deno.NetAddr;
  const conn = await Deno.connect({ port });
  const asks = new Uint8Array(3 * 400_000);
  for (let i = 0; i < asks.length; i += 3) asks.set([0xff, 0xfd, 1], i); // each of which wants an answer
  const typing = (async () => {
    for (let i = 0; i < 8; i++) {
      for (let sent = 0; sent < asks.length;) sent += await conn.write(asks.subarray(sent));
    }
    await conn.write(bytes("wrong\n"));
    await conn.closeWrite();
  })().catch(() => {});
  await eventually(() => server.running === 1);
  await eventually(() => server.running === 0);
  conn.close();
  await typing;
});

Deno.test("BackdoorServer serves TLS", async () => {
  const { cert, key } = await certificate();
  await using server = await startBackdoor({ tls: { cert, key } });
  const { port } = server.address as Deno.NetAddr;
  using client = new Client(await connectTls({ hostname: "localhost", port, caCerts: [cert] }));
  await client.upTo(PROMPT);
  assertEquals(await client.ask("1 + 1"), "2\n");
});

// ---- What it survives --------------------------------------------------------------------------------

Deno.test("BackdoorServer survives clients that come and leave at once, in every way", async () => {
  using errors = captureErrors();
  await using server = await startBackdoor({ lingerTimeout: 0 });
  const { port } = server.address as Deno.NetAddr;
  for (let i = 0; i < 20; i++) {
    const conn = await Deno.connect({ port });
    if (i % 4 === 1) await conn.write(new TextEncoder().encode("1 +"));
    if (i % 4 === 2) await conn.write(new TextEncoder().encode("print('x'.repeat(1e5))\n".repeat(20)));
    if (i % 4 === 3) await conn.closeWrite();
    conn.close();
  }
  using client = await Client.enter(server);
  assertEquals(await client.ask("1 + 1"), "2\n");
  await eventually(() => server.running === 1);
  assertEquals(errors.seen, []);
});

Deno.test("BackdoorServer ignores lines and entries that are too long", async () => {
  await using server = await startBackdoor({ maxLine: 50 });
  using client = await Client.enter(server);
  const ignored = "Ignored: an entry must not be longer than 50 bytes\n";
  assertEquals(await client.ask("1"), "1\n");
  assertEquals(await client.ask("2".repeat(51)), ignored);
  assertEquals(await client.ask("3".repeat(100_000)), ignored);
  assertEquals(await client.ask(`/*${"4".repeat(40)}*/ 4`), "4\n");
  assertEquals(await client.ask(`[${"5".repeat(30)},`, "6".repeat(30)), ignored);
  assertEquals(await client.ask("1 + 1"), "2\n");
});

Deno.test("BackdoorServer takes no more than it needs from a client that types faster than it is served", async () => {
  await using server = await startBackdoor({ maxLine: 1000, lingerTimeout: 0 });
  using client = await Client.enter(server);
  await client.type("await sleep(60000)\n");
  const flood = client.conn.writeAll("1\n".repeat(10_000_000)).catch(() => "refused"); // 20 MB
  const typist = spawn(() => flood);
  assertEquals(await typist.join({ timeout: 300 }), false);
  await server.stop();
  client.conn.close();
  await typist.join();
});

Deno.test("BackdoorServer survives garbage", async () => {
  using errors = captureErrors();
  await using server = await startBackdoor({ lingerTimeout: 0 });
  let seed = 1;
  const random = () => seed = seed * 48_271 % 2_147_483_647;
  for (let round = 0; round < 20; round++) {
    using client = await Client.enter(server);
    await client.type(Array.from({ length: 3000 }, () => random() % 256));
    await client.conn.closeWrite();
    await client.rest();
  }
  using client = await Client.enter(server);
  assertEquals(await client.ask("1 + 1"), "2\n");
  assertEquals(errors.seen, []);
});

Deno.test("BackdoorServer reads a line however it comes", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  for (const part of ["1", "0 ", "+", ' "€"', "\r"]) {
    await client.type(part);
    await sleep(2);
  }
  await client.type("\n2\r\n3\r\0");
  assertEquals([await client.upTo(PROMPT), await client.upTo(PROMPT), await client.upTo(PROMPT)], [
    '"10€"\n',
    "2\n",
    "3\n",
  ]);
  await client.type([...new TextEncoder().encode('"'), 0xE2, 0x82]);
  await sleep(2);
  await client.type([0xAC, 0x22, 10]);
  assertEquals(await client.upTo(PROMPT), '"€"\n');
});

Deno.test("BackdoorServer answers the options of telnet", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  await client.type([255, 253, 1, 255, 251, 31]);
  assertEquals([...await client.conn.readExactly(6)], [255, 252, 1, 255, 254, 31]);
  assertEquals(await client.ask("1 + 1"), "2\n");
  await client.type([255, 236]); // the end of the input
  assertEquals(await client.rest(), "");
});

Deno.test("BackdoorServer kills at any moment without leaving anything behind", async () => {
  using errors = captureErrors();
  const script = "let a = 1\nawait sleep(1); a\nspawn(() => 5).get()\nprint('x')\n[1,\n2]\n";
  for (let round = 0; round < 60; round++) {
    const server = await startBackdoor({ token: round % 2 === 0 ? undefined : "t" });
    using client = await Client.dial(server);
    await client.type(round % 2 === 0 ? script : `t\n${script}`);
    for (let i = 0; i < round; i++) await sleep(i % 5 === 0 ? 1 : 0);
    await server.stop();
    assertEquals(server.running, 0);
    assert((await client.rest()).endsWith("This session was ended.\n") || round < 20);
  }
  await assertIdleSoon();
  assertEquals(errors.seen, []);
});

Deno.test("BackdoorServer lets nobody sit at the token for ever", async () => {
  // The limit is half a minute: seen by the timer that is armed for it.
  await using server = await startBackdoor({ token: "t" });
  const before = getHub().stats().timers;
  using client = await Client.dial(server);
  await client.upTo("token: ");
  assertEquals(getHub().stats().timers, before + 1);
  await client.type("t\n");
  await client.upTo(PROMPT);
  await eventually(() => getHub().stats().timers === before);
  assert(client.conn instanceof Conn);
});

// ---- Bad input ---------------------------------------------------------------------------------------

Deno.test("BackdoorServer refuses bad options at the call, with the value in the message", () => {
  const make = (options: unknown) => () => new BackdoorServer(0, options as BackdoorOptions);
  const bad: [() => unknown, new () => Error, string][] = [
    [make({ locals: null }), TypeError, "locals must be an object, received null"],
    [make({ locals: 5 }), TypeError, "locals must be an object, received 5"],
    [make({ token: "" }), TypeError, 'token must be a non-empty string, received ""'],
    [make({ token: 5 }), TypeError, "token must be a non-empty string, received 5"],
    [make({ banner: 5 }), TypeError, "banner must be a string, received 5"],
    [make({ prompt: null }), TypeError, "prompt must be a string, received null"],
    [make({ maxLine: 0 }), RangeError, "maxLine must be a positive integer, received 0"],
    [make({ maxLine: Infinity }), RangeError, "received Infinity"],
    [make({ maxSessions: 0 }), RangeError, "maxSessions must be a positive integer, received 0"],
    [make({ maxSessions: 1.5 }), RangeError, "received 1.5"],
    [make({ lingerTimeout: -1 }), RangeError, "lingerTimeout must be 0 or more"],
    [make({ stopTimeout: -1 }), RangeError, "stopTimeout must be 0 or more"],
    [() => new BackdoorServer("nowhere"), TypeError, 'received "nowhere"'],
    [() => new BackdoorServer(-1), RangeError, "received -1"],
  ];
  for (const [call, Class, message] of bad) assertThrows(call, Class, message, message);
});
