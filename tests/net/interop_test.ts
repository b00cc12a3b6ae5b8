/** Other people's programs at the other end. How to install them is in CONTRIBUTING.md. */
import { assertEquals, assertRejects } from "@std/assert";
import {
  connect,
  connectTls,
  DatagramServer,
  DnsError,
  listen,
  Queue,
  resolve,
  Resolver,
  reverse,
  startTls,
  StreamServer,
} from "@verdant/green";
import { type Certificate, certificate, deadPort, unixPlace } from "./network.ts";
import { Program } from "./program.ts";
import { ask, echo, portOf, startServer } from "./servers.ts";

/** Where programs are that only the administrator is expected to call. */
const SYSTEM_PATHS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

function find(program: string): string | undefined {
  const paths = [...(Deno.env.get("PATH") ?? "").split(":"), ...SYSTEM_PATHS];
  return paths.map((path) => `${path}/${program}`).find((file) => {
    try {
      return Deno.statSync(file).isFile;
    } catch {
      return false;
    }
  });
}

/** Registers a test that needs a program, or says that it is skipped. */
function interopTest(program: string, name: string, test: (program: string) => Promise<void>): void {
  const path = find(program);
  if (path === undefined) console.log(`Skipped, because there is no ${program}: ${name}`);
  Deno.test({ name: `${name} (${program})`, ignore: path === undefined, fn: () => test(path!) });
}

/** Connects to a program that is about to listen. */
async function untilListening<T>(attempt: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + 10_000;;) {
    try {
      return await attempt();
    } catch (error) {
      const early = error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound;
      if (!early || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

// ---- OpenSSL ---------------------------------------------------------------------------------------

/** The certificate and its key in files, removed when disposed of. */
async function certificateFiles(): Promise<Certificate & AsyncDisposable> {
  const { cert, key } = await certificate();
  const directory = await Deno.makeTempDir({ prefix: "green-" });
  const files = { cert: `${directory}/cert.pem`, key: `${directory}/key.pem` };
  await Deno.writeTextFile(files.cert, cert);
  await Deno.writeTextFile(files.key, key);
  return { ...files, [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }) };
}

const VERSIONS = { "-tls1_3": "TLS 1.3", "-tls1_2": "TLS 1.2" };

for (const [flag, version] of Object.entries(VERSIONS)) {
  interopTest("openssl", `StreamServer serves openssl s_client by ${version}`, async (openssl) => {
    const { cert, key } = await certificate();
    await using files = await certificateFiles();
    const endings = new Queue<string>();
    await using server = await startServer(async (conn) => {
      await echo(conn);
      await endings.put("end of stream");
    }, { tls: { cert, key } });
    await using client = new Program(openssl, [
      ...["s_client", "-connect", `127.0.0.1:${portOf(server)}`, flag, "-CAfile", files.cert],
      ...["-servername", "localhost", "-verify_hostname", "localhost", "-verify_return_error"],
      ...["-quiet", "-no_ign_eof"],
    ]);
    await client.write("hello\nworld\n");
    assertEquals([await client.readLine(), await client.readLine()], ["hello", "world"]);
    await client.closeInput();
    assertEquals(await endings.get({ timeout: 10_000 }), "end of stream");
    assertEquals((await client.status).code, 0, await client.errors);
  });

  interopTest("openssl", `connectTls() talks to openssl s_server by ${version}`, async (openssl) => {
    const { cert } = await certificate();
    await using files = await certificateFiles();
    const { server, port } = await startSslServer(openssl, [flag, "-rev"], files);
    await using _server = server;
    using conn = await connectTls({ port, hostname: "localhost", caCerts: [cert] });
    assertEquals([await ask(conn, "hello"), await ask(conn, "world")], ["olleh", "dlrow"]);
    const long = "x".repeat(10_000) + "y";
    assertEquals(await ask(conn, long), "y" + "x".repeat(10_000));
  });
}

/** Starts `openssl s_server` on a free port. */
async function startSslServer(openssl: string, args: string[], files: Certificate) {
  const server = new Program(openssl, [
    ...["s_server", "-accept", "127.0.0.1:0", "-cert", files.cert, "-key", files.key],
    ...args,
  ]);
  const [, port] = await server.readUntil(/^ACCEPT 127\.0\.0\.1:(\d+)$/);
  return { server, port: Number(port) };
}

interopTest("openssl", "StreamServer agrees on a protocol with openssl s_client", async (openssl) => {
  const { cert, key } = await certificate();
  const tls = { cert, key, alpnProtocols: ["two", "one"] };
  await using server = await startServer(echo, { tls });
  await using client = new Program(openssl, [
    ...["s_client", "-connect", `127.0.0.1:${portOf(server)}`, "-alpn", "three,one"],
  ]);
  assertEquals((await client.readUntil(/^ALPN protocol: (.*)$/))[1], "one");
  await client.closeInput(); // it says farewell, as TLS demands
  assertEquals((await client.status).code, 0);
});

interopTest("openssl", "connectTls() agrees on a protocol with openssl s_server", async (openssl) => {
  const { cert } = await certificate();
  await using files = await certificateFiles();
  const { server, port } = await startSslServer(openssl, ["-rev", "-alpn", "two,one"], files);
  await using _server = server;
  using conn = await connectTls({ port, hostname: "localhost", caCerts: [cert], alpnProtocols: ["one"] });
  assertEquals((await conn.handshake()).alpnProtocol, "one");
});

interopTest("openssl", "connectTls() shows a certificate to openssl s_server", async (openssl) => {
  const { cert, key } = await certificate();
  await using files = await certificateFiles();
  const flags = ["-rev", "-Verify", "1", "-CAfile", files.cert];
  const { server, port } = await startSslServer(openssl, flags, files);
  await using _server = server;
  {
    using conn = await connectTls({ port, hostname: "localhost", caCerts: [cert], cert, key });
    assertEquals(await ask(conn, "hello"), "olleh");
  }
  // With TLS 1.3 a client learns only from the first read that it was refused.
  await assertRejects(async () => {
    using conn = await connectTls({ port, hostname: "localhost", caCerts: [cert] });
    await ask(conn, "hello");
  });
});

interopTest(
  "openssl",
  "connectTls() refuses a certificate of openssl s_server that nobody vouches for",
  async (openssl) => {
    await using files = await certificateFiles();
    const { server, port } = await startSslServer(openssl, ["-rev"], files);
    await using _server = server;
    await assertRejects(() => connectTls({ port, hostname: "localhost" }), Deno.errors.InvalidData);
  },
);

interopTest("openssl", "startTls() turns a connection to openssl s_server into TLS", async (openssl) => {
  const { cert } = await certificate();
  await using files = await certificateFiles();
  const { server, port } = await startSslServer(openssl, ["-rev"], files);
  await using _server = server;
  const plain = await connect({ port });
  using conn = await startTls(plain, { hostname: "localhost", caCerts: [cert] });
  assertEquals(await ask(conn, "hello"), "olleh");
});

// ---- netcat ----------------------------------------------------------------------------------------

interopTest("nc", "StreamServer serves netcat, which closes its writing side first", async (nc) => {
  await using server = await startServer(async (conn) => {
    const lines = await Array.fromAsync(conn.lines());
    await conn.writeAll(`${lines.join(" ")}\n${lines.length} lines\n`);
  });
  await using client = new Program(nc, ["-N", "127.0.0.1", `${portOf(server)}`]);
  await client.write("one\r\ntwo\nthree");
  await client.closeInput();
  assertEquals(await client.readAll(), ["one two three", "3 lines"]);
  assertEquals((await client.status).code, 0);
});

interopTest("nc", "connect() talks to netcat, which ends when the writing side is closed", async (nc) => {
  const port = deadPort();
  await using server = new Program(nc, ["-l", "-N", "127.0.0.1", `${port}`]);
  using conn = await untilListening(() => connect({ port }));
  await conn.writeAll("question\n");
  assertEquals(await server.readLine(), "question");
  await server.write("answer\n");
  assertEquals(await conn.readLine(), "answer");
  await conn.closeWrite();
  assertEquals([await conn.readLine(), (await server.status).code], [null, 0]);
});

interopTest("nc", "StreamServer serves netcat over a Unix socket", async (nc) => {
  using place = unixPlace();
  await using server = new StreamServer({ path: place.path }, echo);
  await server.start();
  await using client = new Program(nc, ["-N", "-U", place.path]);
  await client.write("hello\n");
  assertEquals(await client.readLine(), "hello");
  await client.closeInput();
  assertEquals([await client.readAll(), (await client.status).code], [[], 0]);
});

interopTest("nc", "connect() talks to netcat over a Unix socket", async (nc) => {
  using place = unixPlace();
  await using server = new Program(nc, ["-l", "-U", place.path]);
  using conn = await untilListening(() => connect({ path: place.path }));
  await conn.writeAll("question\n");
  assertEquals(await server.readLine(), "question");
  await server.write("answer\n");
  assertEquals(await conn.readLine(), "answer");
});

interopTest("nc", "Listener.close() is seen by netcat", async (nc) => {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const probe = async () => {
    await using client = new Program(nc, ["-z", "127.0.0.1", `${port}`]);
    return (await client.status).code;
  };
  assertEquals(await probe(), 0);
  listener.close();
  assertEquals(await probe(), 1);
});

interopTest("nc", "DatagramServer serves netcat", async (nc) => {
  const place = { hostname: "127.0.0.1", port: 0 };
  await using server = new DatagramServer(place, (data, from, server) => server.send(data, from));
  await server.start();
  await using client = new Program(nc, ["-u", "127.0.0.1", `${server.address!.port}`]);
  for (const line of ["hello", "world"]) {
    await client.write(`${line}\n`);
    assertEquals(await client.readLine(), line);
  }
});

// ---- dnsmasq ---------------------------------------------------------------------------------------

/** What the name server knows, as options of dnsmasq. */
const ZONE = [
  "--address=/one.test/192.0.2.1",
  "--address=/one.test/2001:db8::1",
  "--cname=alias.test,one.example.test",
  "--mx-host=mail.test,mx1.mail.test,10",
  "--mx-host=mail.test,mx2.mail.test,20",
  "--txt-record=text.test,hello,world",
  "--srv-host=_http._tcp.test,one.test,8080,5,7",
  "--caa-record=one.test,0,issue,ca.test",
  "--naptr-record=naptr.test,100,10,S,SIP+D2U,,_sip._udp.test",
  "--host-record=one.example.test,192.0.2.7",
];

/** Starts a name server on a free port. */
async function startNameServer(dnsmasq: string): Promise<{ program: Program; nameServer: string }> {
  const port = deadPort();
  const program = new Program(dnsmasq, [
    ...["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=", "--log-facility=-"],
    ...["--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=127.0.0.1", `--port=${port}`],
    ...ZONE,
  ]);
  (await untilListening(() => connect({ port }))).close(); // it listens for TCP as well
  return { program, nameServer: `127.0.0.1:${port}` };
}

interopTest("dnsmasq", "resolve() gets records of each kind", async (dnsmasq) => {
  const { program, nameServer } = await startNameServer(dnsmasq);
  await using _program = program;
  const options = { nameServer };
  assertEquals(await resolve("one.test", "A", options), ["192.0.2.1"]);
  assertEquals(await resolve("one.test", "AAAA", options), ["2001:db8::1"]);
  assertEquals((await resolve("mail.test", "MX", options)).toSorted((a, b) => a.preference - b.preference), [
    { preference: 10, exchange: "mx1.mail.test." },
    { preference: 20, exchange: "mx2.mail.test." },
  ]);
  assertEquals(await resolve("text.test", "TXT", options), [["hello", "world"]]);
  assertEquals(await resolve("_http._tcp.test", "SRV", options), [
    { priority: 5, weight: 7, port: 8080, target: "one.test." },
  ]);
  assertEquals(await resolve("alias.test", "CNAME", options), ["one.example.test."]);
  assertEquals(await resolve("one.test", "CAA", options), [{
    critical: false,
    tag: "issue",
    value: "ca.test",
  }]);
  assertEquals(await resolve("naptr.test", "NAPTR", options), [
    {
      order: 100,
      preference: 10,
      flags: "S",
      services: "SIP+D2U",
      regexp: "",
      replacement: "_sip._udp.test.",
    },
  ]);
  assertEquals(await reverse("192.0.2.7", options), ["one.example.test"]);
});

interopTest("dnsmasq", "Resolver remembers, and says what there is not", async (dnsmasq) => {
  const { program, nameServer } = await startNameServer(dnsmasq);
  const resolver = new Resolver({ nameServers: [nameServer], timeout: 2_000 });
  {
    await using _program = program;
    assertEquals(await resolver.resolve("one.test", "A"), ["192.0.2.1"]);
    const error = await assertRejects(() => resolver.resolve("text.test", "MX"), DnsError);
    assertEquals(error.code, "not-found");
  }
  assertEquals(await resolver.resolve("one.test", "A"), ["192.0.2.1"]); // nobody is there to be asked
});
