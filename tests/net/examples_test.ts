/** The examples of the network, each as a process of its own that plain Deno connections talk to. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Lines, Program } from "../example_program.ts";

/** A client of the old school. */
class Client implements Disposable {
  readonly #lines: Lines;

  constructor(readonly conn: Deno.Conn) {
    this.#lines = new Lines(conn.readable);
  }

  static async connect(port: number): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async say(...lines: string[]): Promise<void> {
    await writeAll(this.conn, lines.map((line) => `${line}\n`).join(""));
  }

  /** The next line; `null` at the end. */
  hear(): Promise<string | null> {
    return this.#lines.next();
  }

  async hearMany(count: number): Promise<(string | null)[]> {
    const lines: (string | null)[] = [];
    while (lines.length < count) lines.push(await this.hear());
    return lines;
  }

  /** The lines up to one of them, or to the end. */
  async hearUpTo(last: string): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.hear(); line !== null; line = await this.hear()) {
      lines.push(line);
      if (line === last) break;
    }
    return lines;
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // Its stream has closed it at the end.
    }
  }
}

async function writeAll(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

async function readAll(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  let text = "";
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

/** A listener of the test itself, whose port the examples are told. */
function listenHere(): { listener: Deno.Listener; port: number; place: string } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  return { listener, port, place: `127.0.0.1:${port}`, [Symbol.dispose]: () => listener.close() };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`examples/echo_server.ts serves many at a time and ends well by ${signal}`, async () => {
    await using program = new Program("echo_server.ts", "127.0.0.1:0");
    const port = await program.port();
    const clients = await Promise.all([1, 2, 3].map(() => Client.connect(port)));
    for (const client of clients) assertStringIncludes((await client.hear())!, "Welcome");
    for (const [i, client] of clients.entries()) await client.say(`I am ${i}`, "", "äöü €");
    for (const [i, client] of clients.toReversed().entries()) {
      assertEquals(await client.hearMany(3), [`I am ${2 - i}`, "", "äöü €"]);
    }
    await clients[0]!.say("quit", "not answered any more");
    assertEquals(await clients[0]!.hear().catch(() => null), null); // the last line is unread: a reset
    await clients[1]!.say("still there?");
    assertEquals(await clients[1]!.hear(), "still there?");
    const { code, lines, errors } = await program.end(signal);
    assertEquals([code, errors, lines.at(-1)], [0, "", "closed"]);
    assertEquals(await clients[1]!.hear(), null);
    for (const client of clients) client[Symbol.dispose]();
  });
}

Deno.test("examples/chat_server.ts passes lines on to all others, and tells who comes and goes", async () => {
  await using program = new Program("chat_server.ts", "127.0.0.1:0");
  const port = await program.port();
  const join = async (name: string) => {
    const client = await Client.connect(port);
    assertEquals(await client.hear(), "Your name?");
    await client.say(name);
    return client;
  };
  using ann = await join("Ann");
  assertEquals(await ann.hear(), "* hello Ann, you are one of 1");
  using bob = await join("Bob");
  assertEquals(await bob.hear(), "* hello Bob, you are one of 2");
  assertEquals(await ann.hear(), "* Bob has come");
  await ann.say("hello");
  assertEquals(await bob.hear(), "Ann: hello");
  await bob.say("oh, hello");
  assertEquals(await ann.hear(), "Bob: oh, hello"); // and not her own line
  bob[Symbol.dispose]();
  assertEquals(await ann.hear(), "* Bob has gone");
  const { code, errors } = await program.end("SIGINT");
  assertEquals([code, errors], [0, ""]);
  assertEquals(await ann.hear(), null);
});

Deno.test("examples/chat_server.ts drops a client that never reads; the others lose nothing", async () => {
  await using program = new Program("chat_server.ts", "127.0.0.1:0");
  const port = await program.port();
  const join = async (name: string) => {
    const client = await Client.connect(port);
    await client.say(name);
    return client;
  };
  using ann = await join("Ann");
  await ann.hearUpTo("* hello Ann, you are one of 1");
  using bob = await join("Bob");
  await bob.hearUpTo("* hello Bob, you are one of 2");
  using sloth = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(sloth, "Sloth\n");
  await bob.hearUpTo("* Sloth has come");

  // What the system keeps for a slow reader, some megabytes, must be full before anybody can notice.
  const padding = "x".repeat(3_000);
  const heard: string[] = [];
  let said = 0;
  for (; !heard.includes("* Sloth has gone"); said += 100) {
    assert(said < 100_000, "Sloth is there after 300 MB");
    const burst = Array.from({ length: 100 }, (_, i) => `${said + i} ${padding}`);
    await ann.say(...burst);
    const lines = await bob.hearUpTo(`Ann: ${burst.at(-1)}`);
    assertEquals(lines.at(-1), `Ann: ${burst.at(-1)}`);
    heard.push(...lines);
  }
  const numbers = heard.filter((line) => line.startsWith("Ann: ")).map((line) => Number(line.split(" ")[1]));
  assertEquals(numbers, Array.from({ length: said }, (_, i) => i));
  assertEquals(await program.out.next(), "Sloth is too slow");
  await readAll(sloth).catch((error) => assert(error instanceof Deno.errors.ConnectionReset, error));

  await bob.say("he has missed something");
  assertEquals((await ann.hearUpTo("Bob: he has missed something")).at(-1), "Bob: he has missed something");
  const { code, errors } = await program.end("SIGTERM");
  assertEquals([code, errors], [0, ""]);
});

Deno.test("examples/chat_server.ts passes a long paste on without dropping who reads it", async () => {
  await using program = new Program("chat_server.ts", "127.0.0.1:0");
  const port = await program.port();
  using ann = await Client.connect(port);
  await ann.say("Ann");
  await ann.hearUpTo("* hello Ann, you are one of 1");
  using bob = await Client.connect(port);
  await bob.say("Bob");
  await bob.hearUpTo("* hello Bob, you are one of 2");
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
  const [heard] = await Promise.all([bob.hearMany(20_000), ann.say(...lines)]);
  assertEquals(heard, lines.map((line) => `Ann: ${line}`));
  assertEquals((await program.end("SIGINT")).code, 0);
});

Deno.test("examples/port_forwarder.ts passes the client's half-close on and the answer back", async () => {
  using target = listenHere();
  await using program = new Program("port_forwarder.ts", "0", target.place);
  const port = await program.port();
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  using server = await target.listener.accept();
  const question = "question ".repeat(100_000);
  const asking = writeAll(client, question).then(() => client.closeWrite());
  assertEquals(await readAll(server), question); // ends only because the half-close has come through
  await asking;
  await writeAll(server, "answer");
  server.close();
  assertEquals(await readAll(client), "answer");
  const { code, lines, errors } = await program.end("SIGINT");
  assertEquals([code, errors], [0, ""]);
  assertEquals(lines.map((line) => line.replace(/^127\.0\.0\.1:\d+ /, "")), [
    `is connected to ${target.place}`,
    "has finished",
  ]);
});

Deno.test("examples/port_forwarder.ts passes the server's half-close on while the client goes on talking", async () => {
  using target = listenHere();
  await using program = new Program("port_forwarder.ts", "0", target.place);
  const port = await program.port();
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  using server = await target.listener.accept();
  await writeAll(server, "bye");
  await server.closeWrite();
  assertEquals(await readAll(client), "bye");
  await writeAll(client, "one more thing");
  await client.closeWrite();
  assertEquals(await readAll(server), "one more thing");
  const { code, errors } = await program.end("SIGTERM");
  assertEquals([code, errors], [0, ""]);
});

Deno.test("examples/port_forwarder.ts survives a target that is not there", async () => {
  const { listener, place } = listenHere();
  listener.close();
  await using program = new Program("port_forwarder.ts", "0", place);
  const port = await program.port();
  for (let attempt = 0; attempt < 2; attempt++) {
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    assertEquals(await readAll(client), "");
  }
  const { code, errors } = await program.end("SIGINT");
  assertEquals(code, 0);
  assertStringIncludes(errors, `Cannot connect to ${place}`);
});

Deno.test("examples/geturl.ts asks all hosts at once and answers in their order", async () => {
  using first = listenHere();
  using second = listenHere();
  const { listener, place: closed } = listenHere();
  listener.close();
  await using program = new Program("geturl.ts", first.place, closed, second.place);
  // Nobody is answered before both have asked: one after the other it would never end.
  using a = await first.listener.accept();
  using b = await second.listener.accept();
  for (
    const [conn, host, answer] of [[b, second.place, "HTTP/1.0 404 No"], [
      a,
      first.place,
      "HTTP/1.0 200 OK",
    ]] as const
  ) {
    using client = new Client(conn);
    assertEquals(await client.hearMany(3), ["GET / HTTP/1.0\r", `Host: ${host}\r`, "\r"]);
    await client.say(`${answer}\r`);
  }
  const { code, lines, errors } = await program.end();
  assertEquals([code, errors], [0, ""]);
  const answers = lines.filter((line) => !line.endsWith(" connected"));
  assertEquals([answers[0], answers[2]], [
    `${first.place}: HTTP/1.0 200 OK`,
    `${second.place}: HTTP/1.0 404 No`,
  ]);
  assertMatch(answers[1]!, new RegExp(`^${closed}: Cannot connect to ${closed}: .*refused`));
  assertEquals(lines.length, 5);
});

Deno.test({
  name: "examples/tls_echo.ts serves TLS clients beside one that never shakes hands",
  ignore: !await has("openssl"),
  async fn() {
    await using certificate = await makeCertificate();
    const { key, cert } = certificate;
    await using program = new Program("tls_echo.ts", key, cert, "127.0.0.1:0");
    const port = await program.port();
    using silent = await Deno.connect({ hostname: "127.0.0.1", port });
    const caCerts = [await Deno.readTextFile(cert)];
    for (const message of ["hello", "äöü €".repeat(10_000)]) {
      using client = await Deno.connectTls({ hostname: "localhost", port, caCerts });
      const answer = readAll(client);
      await writeAll(client, message);
      await client.closeWrite();
      assertEquals(await answer, message);
    }
    const { code, errors } = await program.end("SIGINT");
    assertEquals([code, errors], [0, ""]);
    assertEquals(await readAll(silent), "");
  },
});

Deno.test("examples/tls_echo.ts and port_forwarder.ts say what they want to be told", async () => {
  for (
    const [example, usage] of [["tls_echo.ts", "<key file>"], ["port_forwarder.ts", "<host:port"]] as const
  ) {
    await using program = new Program(example);
    const { code, lines, errors } = await program.end();
    assertEquals([code, lines], [2, []]);
    assertStringIncludes(errors, `Usage: ${example} `);
    assertStringIncludes(errors, usage);
  }
});

async function has(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["version"], stdout: "null", stderr: "null" }).output())
      .success;
  } catch {
    console.log(`skipped: there is no ${program}`);
    return false;
  }
}

/** A key and a certificate for localhost, as the example says. */
async function makeCertificate(): Promise<{ key: string; cert: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const [key, cert] = [`${folder}/key.pem`, `${folder}/cert.pem`];
  const { success, stderr } = await new Deno.Command("openssl", {
    // deno-fmt-ignore
    args: [
      "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE",
      "-keyout", key, "-out", cert,
    ],
    stdout: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return { key, cert, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}
