/**
 * Clients that send rubbish, too much, or too little: they are told so or cut off, the others are served, and
 * nothing is left of them.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type AccessLogEntry, type HttpServer, type HttpServerOptions, sleep } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { begin, chunk, get, post, postChunks, RawClient, startHttp } from "./http_servers.ts";

/** Says what it was asked: `"POST /path 3"`. */
async function tell(request: Request): Promise<Response> {
  const text = await request.text();
  const path = URL.parse(request.url)?.pathname ?? "?";
  return new Response(`${request.method} ${path} ${text.length}`);
}

/** A server for bad clients, and one good client. In the end nobody may have noticed anything. */
async function withServer(
  test: (server: HttpServer, assertGood: () => Promise<void>) => Promise<void>,
  options: HttpServerOptions = {},
): Promise<void> {
  using errors = captureErrors();
  const server = await startHttp(tell, options);
  {
    using good = await RawClient.connect(server);
    await test(server, async () => assertEquals((await good.ask(get("/good"))).body, "GET /good 0"));
  }
  await eventually(() => server.running === 0);
  await server.stop();
  await assertIdleSoon();
  assertEquals(errors.seen, []);
}

const START = "GET / HTTP/1.1\r\nhost: a\r\n";
const POST = "POST / HTTP/1.1\r\nhost: a\r\n";
const CHUNKED = `${POST}transfer-encoding: chunked\r\n\r\n`;
const header = (line: string) => `${START}${line}\r\n\r\n`;
const lengthOf = (value: string) => `${POST}content-length: ${value}\r\n\r\nabc`;

const REFUSED: Record<string, string> = {
  "a header of 500 kB": header(`x: ${"y".repeat(500_000)}`),
  "headers of 500 kB": header(
    Array.from({ length: 90 }, (_, i) => `x-${i}: ${"y".repeat(5_500)}`).join("\r\n"),
  ),
  "200 headers": header(Array.from({ length: 200 }, (_, i) => `x-${i}: y`).join("\r\n")),
  "a request line of 70 kB": get(`/${"a".repeat(70_000)}`),
  "a request line of 1 MB": get(`/${"a".repeat(1_000_000)}`),
  "a method of 500 kB": get().replace("GET", "A".repeat(500_000)),
  "a handshake of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
  "text": "hello there\r\n\r\n",
  "bytes of every value": Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join(""),
  "NUL bytes": "\0".repeat(100) + "\r\n\r\n",
  "NUL in the path": get("/a\0b"),
  "NUL in a header": header("x: a\0b"),
  "NUL in the name of a header": header("x\0: a"),
  "a header without a colon": header("x"),
  "a header with a space in its name": header("x y: z"),
  "a header with a space after its name": header("x : z"),
  "a folded header": header("x: a\r\n b"),
  "a carriage return in a header": header("x: a\rb"),
  "an escape in a header": header("x: \x1b[2J"),
  "a negative length": lengthOf("-3"),
  "a length with a sign": lengthOf("+3"),
  "a hexadecimal length": lengthOf("0x3"),
  "a length of letters": lengthOf("three"),
  "an empty length": lengthOf(""),
  "a list of lengths": lengthOf("3, 3"),
  "a length beyond all numbers": lengthOf("9".repeat(30)),
  "two lengths that differ": lengthOf("3\r\ncontent-length: 4"),
  "a length and chunks": `${POST}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n${chunk("abc")}${
    chunk("")
  }`,
  "chunks and a length": `${POST}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n${chunk("abc")}${
    chunk("")
  }`,
  "an unknown transfer coding": `${POST}transfer-encoding: gzip\r\n\r\nabc`,
  "something like chunks": `${POST}transfer-encoding: xchunked\r\n\r\n${chunk("")}`,
  "something after chunks": `${POST}transfer-encoding: chunked, identity\r\n\r\n${chunk("")}`,
  "chunks with HTTP/1.0": CHUNKED.replace("HTTP/1.1", "HTTP/1.0") + chunk(""),
  "two hosts": header("host: b"),
  "a method that is no token": get().replace("GET", "G<T"),
  "a target without a slash": get("path"),
  "a star for GET": get("*"),
  "HTTP/0.9": "GET /\r\n\r\n",
  "HTTP/9.9": get().replace("1.1", "9.9"),
  "HTTP/2.0 in a line": get().replace("1.1", "2.0"),
};

for (const [name, request] of Object.entries(REFUSED)) {
  Deno.test(`HttpServer answers ${name} with 400, calls no handler, and closes the connection`, async () => {
    const entries: AccessLogEntry[] = [];
    await withServer(async (server, assertGood) => {
      for (let i = 0; i < 3; i++) {
        using client = await begin(server, request);
        const text = await client.rest();
        // To be cut off in the middle of so much may cost a client the answer.
        const cut = request.length > 64 * 1024 && client.end === "reset" && text === "";
        if (!cut) assertMatch(text, /^HTTP\/1\.1 400 Bad Request\r\n/);
        assert(client.end !== "open");
        await assertGood();
      }
      const served = entries.filter(({ target }) => target !== "/good");
      assertEquals(served, []);
    }, { accessLog: (entry) => entries.push(entry) });
  });
}

Deno.test("HttpServer closes the connection of a client whose chunks are wrong, or answers 400", async () => {
  const bodies = [
    "xyz\r\nabc\r\n",
    "-3\r\nabc\r\n",
    "+3\r\nabc\r\n",
    `${"f".repeat(18)}\r\nabc\r\n`,
    "3\r\nabcXX0\r\n\r\n",
    "3\r\nabc\r\nzz\r\n",
    "3\r\nabc\r\n\r\n",
    "\r\n\r\n",
    `3;${"x".repeat(100_000)}\r\nabc\r\n`,
    "3\r\nabc\r\n0\r\nno colon\r\n\r\n",
    "3\r\nabc\r\n0\r\nbad name: x\r\n\r\n",
  ];
  await withServer(async (server, assertGood) => {
    for (const body of bodies) {
      for (const atOnce of [true, false]) {
        using client = await begin(server, atOnce ? CHUNKED + body : CHUNKED);
        if (!atOnce) {
          await eventually(() => server.running === 1); // its handler reads
          await client.send(body);
        }
        const text = await client.rest();
        const refused = text.startsWith("HTTP/1.1 400 Bad Request\r\n");
        assert(refused || (atOnce && text === ""), `${body.slice(0, 50)}: ${text}`);
        await assertGood();
      }
    }
  });
});

Deno.test("HttpServer takes chunks with extensions and trailers", async () => {
  await withServer(async (server) => {
    using client = await RawClient.connect(server);
    const ask = async (body: string) => (await client.ask(CHUNKED + body)).body;
    assertEquals(await ask("3;name=value\r\nabc\r\n0\r\n\r\n"), "POST / 3");
    assertEquals(await ask("3\r\nabc\r\n0\r\nx-trailer: 1\r\n\r\n"), "POST / 3");
    assertEquals(await ask("000003\r\nabc\r\n0000\r\n\r\n"), "POST / 3");
    assertEquals(await ask("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), "POST / 20");
    assertEquals(await ask("0\r\n\r\n"), "POST / 0");
  });
});

Deno.test("HttpServer takes what is unusual, but allowed", async () => {
  await withServer(async (server) => {
    using client = await RawClient.connect(server);
    const ask = async (request: string) => (await client.ask(request)).body;
    assertEquals(await ask("\r\n\r\n" + get("/lines-before")), "GET /lines-before 0");
    assertEquals(await ask("GET /lf HTTP/1.1\nhost: a\n\n"), "GET /lf 0");
    assertEquals(await ask(lengthOf("3\r\ncontent-length: 3")), "POST / 3");
    assertEquals(await ask(header("x:y\r\nX:  z  \r\nempty:")), "GET / 0");
    assertEquals(await ask(get("/").replace("GET", "BREW")), "BREW / 0");
    assertEquals(await ask(get("http://other.example/absolute?a")), "GET /absolute 0");
    assertEquals(await ask(get("*").replace("GET", "OPTIONS")), "OPTIONS /* 0");
    assertEquals(await ask(get("//elsewhere.example/path")), "GET //elsewhere.example/path 0");
    assertEquals(await ask(get("/\xc3\xbc%zz%00")), "GET /%C3%BC%zz%00 0");
    assertEquals(await ask("GET /no-host HTTP/1.1\r\n\r\n"), "GET /no-host 0");
    assertEquals(
      await ask(header(Array.from({ length: 90 }, (_, i) => `x-${i}: y`).join("\r\n"))),
      "GET / 0",
    );
    using old = await begin(server, "GET /old HTTP/1.0\r\n\r\n");
    assertMatch(await old.rest(), /^HTTP\/1\.0 200 OK\r\n[^]*\r\n\r\nGET \/old 0$/); // and closes
  });
});

Deno.test("HttpServer serves requests with a Host that makes no URL, and reports a handler that needs one", async () => {
  const hosts = ["a b", "][", "a:port", "[::1", "%", "a:99999999"];
  await withServer(async (server, assertGood) => {
    for (const host of hosts) {
      using client = await begin(server, `GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      assertEquals((await client.receive()).status, 200);
      await assertGood();
    }
  });
  using errors = captureErrors();
  await using server = await startHttp((request) => new Response(new URL(request.url).pathname));
  for (const host of hosts) {
    using client = await begin(server, `GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    assertEquals((await client.receive()).body, "Internal Server Error\n");
  }
  assertEquals(errors.seen.map((error) => (error as Error).name), hosts.map(() => "TypeError"));
});

Deno.test("HttpServer tells a client that expects it to continue when its body is read", async () => {
  const EXPECT = "expect: 100-continue";
  await withServer(async (server) => {
    using client = await begin(
      server,
      post("").replace("content-length: 0", `content-length: 3\r\n${EXPECT}`),
    );
    assertEquals(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    await client.send("abc");
    assertEquals((await client.receive()).body, "POST /body 3");
  });
});

Deno.test("HttpServer refuses a body that is too large before it is sent", async () => {
  await withServer(async (server) => {
    const head = post("").replace("content-length: 0", "content-length: 1000\r\nexpect: 100-continue");
    using client = await begin(server, head);
    assertEquals((await client.receive()).status, 413);
  }, { maxBodyBytes: 10 });
});

const WHOLE: Record<string, string> = {
  "a GET": get("/path?a=1", "x-name: value"),
  "a POST": post("0123456789"),
  "a POST in chunks": postChunks(["0123", "456789"], "x-name: value"),
};

for (const [name, request] of Object.entries(WHOLE)) {
  Deno.test(`HttpServer survives ${name} that is cut at any place, by a client that leaves`, async () => {
    await withServer(async (server, assertGood) => {
      const positions = Array.from(request, (_, position) => position);
      for (let at = 0; at < positions.length; at += 20) {
        const clients = await Promise.all(
          positions.slice(at, at + 20).map((position) => begin(server, request.slice(0, position))),
        );
        await sleep(1);
        for (const client of clients) client.leave();
        await assertGood();
      }
    });
  });

  Deno.test(`HttpServer ends ${name} that is cut at any place, by a client that still listens`, async () => {
    await withServer(async (server, assertGood) => {
      for (let position = 0; position < request.length; position++) {
        using client = await begin(server, request.slice(0, position));
        await client.endSending();
        const text = await client.rest();
        assert(text === "" || text.startsWith("HTTP/1.1 400 "), `${position}: ${text}`);
      }
      await assertGood();
    });
  });

  Deno.test(`HttpServer serves ${name} that comes in pieces, however it is cut`, async () => {
    await withServer(async (server) => {
      using client = await RawClient.connect(server);
      for (let position = 1; position < request.length; position++) {
        await client.send(request.slice(0, position));
        await sleep();
        await client.send(request.slice(position));
        const { status } = await client.receive();
        assertEquals([position, status], [position, 200]);
      }
      for (const character of request) {
        await client.send(character);
        await sleep();
      }
      assertEquals((await client.receive()).status, 200);
    });
  });
}

Deno.test("HttpServer is not confused by what follows a request on its connection", async () => {
  await withServer(async (server) => {
    using client = await begin(
      server,
      post("abc") + postChunks(["de", "f"]) + get("/next") + "garbage\r\n\r\n",
    );
    assertEquals((await client.receive()).body, "POST /body 3");
    assertEquals((await client.receive()).body, "POST /body 3");
    assertEquals((await client.receive()).body, "GET /next 0");
    assertMatch(await client.rest(), /^HTTP\/1\.1 400 /);
  });
});

Deno.test("HttpServer serves others beside many clients that send a byte now and then, or nothing", async () => {
  await withServer(async (server, assertGood) => {
    const beginnings = ["", "GET / HT", post("").replace("content-length: 0", "content-length: 100")];
    const slow = await Promise.all(Array.from({ length: 150 }, (_, i) => begin(server, beginnings[i % 3])));
    for (let i = 0; i < 5; i++) {
      for (const client of slow) await client.send("x");
      await assertGood();
    }
    for (const client of slow) client.leave();
  }, { requestTimeout: 60_000 });
});
