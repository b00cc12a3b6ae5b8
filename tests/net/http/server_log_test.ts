/** The `accessLog` option. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import {
  type AccessLogEntry,
  combinedLogLine,
  Event,
  type HttpHandler,
  HttpServer,
  type HttpServerOptions,
  Queue,
  respondFrom,
  sleep,
} from "@verdant/green";
import { LineWriter } from "../../../net/http/access_log.ts";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually, unixPlace } from "../network.ts";
import { never } from "../servers.ts";
import { askOnce, begin, get, post, postChunks, RawClient, startHttp } from "./http_servers.ts";

/** The entries of the requests, once their server has stopped. */
async function entriesOf(
  handler: HttpHandler,
  requests: readonly [request: string, method?: string][],
  options: HttpServerOptions = {},
): Promise<AccessLogEntry[]> {
  const entries: AccessLogEntry[] = [];
  const server = await startHttp(handler, { accessLog: (entry) => entries.push(entry), ...options });
  for (const [request, method] of requests) await askOnce(server, request, method);
  await server.stop();
  return entries;
}

const brief = ({ method, target, status, bytes }: AccessLogEntry) => [method, target, status, bytes];

Deno.test("HttpServer logs who asked for what, and what came of it", async () => {
  const before = Date.now();
  const lines = ["referer: http://example.org/from", "user-agent: Test/1.0"];
  const [entry] = await entriesOf(() => new Response("hello"), [[get("/path?a=1", ...lines)]]);
  const { time, duration, ...rest } = entry!;
  assertEquals(rest, {
    address: "127.0.0.1",
    method: "GET",
    target: "/path?a=1",
    status: 200,
    bytes: 5,
    referer: "http://example.org/from",
    userAgent: "Test/1.0",
  });
  assert(time.getTime() >= before && time.getTime() <= Date.now());
  assert(duration >= 0 && duration < 1_000, `${duration} ms`);
});

Deno.test("HttpServer logs the bytes of text, bytes, streams and nothing", async () => {
  const responses: Record<string, () => Response> = {
    "/text": () => new Response("12345"),
    "/utf-8": () => new Response("grün €"),
    "/json": () => Response.json({ a: "ü" }),
    "/bytes": () => new Response(new Uint8Array(1_000)),
    "/headers": () => new Response("12345", { headers: { "x-a": "1" } }),
    "/stream": () => respondFrom(["abc", "def", "ü"]),
    "/empty": () => new Response(""),
    "/204": () => new Response(null, { status: 204 }),
    "/304": () => new Response(null, { status: 304 }),
    "/redirect": () => Response.redirect("http://example.org/"),
  };
  const requests = Object.keys(responses).map((path): [string] => [get(path)]);
  const entries = await entriesOf((request) => responses[new URL(request.url).pathname]!(), requests);
  assertEquals(entries.map(brief), [
    ["GET", "/text", 200, 5],
    ["GET", "/utf-8", 200, 9],
    ["GET", "/json", 200, 10],
    ["GET", "/bytes", 200, 1_000],
    ["GET", "/headers", 200, 5],
    ["GET", "/stream", 200, 8],
    ["GET", "/empty", 200, 0],
    ["GET", "/204", 204, 0],
    ["GET", "/304", 304, 0],
    ["GET", "/redirect", 302, 0],
  ]);
});

Deno.test("HttpServer logs no bytes for HEAD", async () => {
  const head = (path: string): [string, string] => [get(path).replace("GET", "HEAD"), "HEAD"];
  const handler: HttpHandler = (request) =>
    request.url.endsWith("/stream") ? respondFrom(["abc"]) : new Response("12345");
  const entries = await entriesOf(handler, [head("/text"), head("/stream")]);
  assertEquals(entries.map(brief), [["HEAD", "/text", 200, 0], ["HEAD", "/stream", 200, 0]]);
});

Deno.test("HttpServer logs what it answers by itself", async () => {
  using errors = captureErrors();
  const handler: HttpHandler = async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/fail") throw new Error("no");
    if (pathname === "/slow") await never();
    return new Response(await request.text());
  };
  const requests: [string][] = [[get("/fail")], [get("/slow")], [post("x".repeat(11))], [
    postChunks(["x".repeat(11)]),
  ]];
  const entries = await entriesOf(handler, requests, {
    maxBodyBytes: 10,
    requestTimeout: 20,
    timeoutStatus: 504,
  });
  assertEquals(entries.map(brief), [
    ["GET", "/fail", 500, 22],
    ["GET", "/slow", 504, 16],
    ["POST", "/body", 413, 18],
    ["POST", "/body", 413, 18],
  ]);
  assertEquals(errors.seen.length, 1);
});

Deno.test("HttpServer logs those who found the queue full, or left it", async () => {
  const entries: AccessLogEntry[] = [];
  const go = new Event();
  const server = await startHttp(async () => {
    await go.wait();
    return new Response();
  }, { spawn: 1, maxQueued: 1, accessLog: (entry) => entries.push(entry) });
  using first = await begin(server, get("/first"));
  await eventually(() => server.running === 1);
  const leaving = await begin(server, get("/leaving"));
  await eventually(() => server.queued === 1);
  await askOnce(server, get("/too-many"));
  leaving.leave();
  await eventually(() => server.queued === 0);
  go.set();
  await first.receive();
  await server.stop();
  assertEquals(entries.map(brief), [
    ["GET", "/too-many", 503, 20],
    ["GET", "/leaving", 499, 0],
    ["GET", "/first", 200, 0],
  ]);
});

Deno.test("HttpServer logs 499 for clients that left before the answer, once", async () => {
  const entries: AccessLogEntry[] = [];
  const begun = new Event();
  const server = await startHttp(async () => {
    begun.set();
    await never();
    return new Response();
  }, { accessLog: (entry) => entries.push(entry), requestTimeout: 1_000 });
  const client = await begin(server, get("/gone"));
  await begun.wait();
  client.leave();
  await eventually(() => entries.length > 0);
  await server.stop();
  assertEquals(entries.map(brief), [["GET", "/gone", 499, 0]]);
});

Deno.test("HttpServer logs a stream when it is over, with what was sent and how long it took", async () => {
  const entries: AccessLogEntry[] = [];
  const lines = new Queue<string>();
  const server = await startHttp(() => respondFrom(lines), { accessLog: (entry) => entries.push(entry) });
  using client = await begin(server);
  lines.putNowait("first\n");
  await client.until("first\n");
  await sleep(30);
  assertEquals(entries, []);
  lines.putNowait("second\n");
  lines.shutdown();
  await client.until("0\r\n\r\n");
  await server.stop();
  assertEquals(entries.map(brief), [["GET", "/", 200, 13]]);
  assert(entries[0]!.duration >= 29, `${entries[0]!.duration} ms`);
});

Deno.test("HttpServer logs a stream whose client leaves with the bytes until then", async () => {
  const entries: AccessLogEntry[] = [];
  const server = await startHttp(
    () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1_000)) })),
    {
      accessLog: (entry) => entries.push(entry),
    },
  );
  const client = await begin(server);
  await client.until("\r\n\r\n");
  client.leave();
  await eventually(() => entries.length === 1);
  assertEquals(entries[0]!.status, 200);
  assertEquals(entries[0]!.bytes! % 1_000, 0);
  assertNotEquals(entries[0]!.bytes, 0);
  await server.stop();
});

Deno.test("HttpServer logs how long a request took, the queue included", async () => {
  const entries = await entriesOf(async () => {
    await sleep(30);
    return new Response();
  }, [[get()]]);
  assert(entries[0]!.duration >= 29 && entries[0]!.duration < 1_000, `${entries[0]!.duration} ms`);
});

Deno.test("HttpServer logs clients without an address, and targets of every form", async () => {
  using place = unixPlace();
  const entries: AccessLogEntry[] = [];
  const server = new HttpServer({ path: place.path }, () => new Response(), {
    accessLog: (entry) => entries.push(entry),
  });
  await server.start();
  await askOnce(server, get("/?q"));
  await askOnce(server, get("http://example.org/absolute?q"));
  await askOnce(server, get("*").replace("GET", "OPTIONS"));
  await server.stop();
  assertEquals(entries.map(({ address, target }) => [address, target]).slice(0, 2), [["-", "/?q"], [
    "-",
    "/absolute?q",
  ]]);
  assertEquals([entries[2]!.method, entries[2]!.status], ["OPTIONS", 200]);
});

Deno.test("HttpServer reports a log function that throws or rejects, and serves on", async () => {
  const failure = new Error("log is full");
  for (
    const accessLog of [() => Promise.reject(failure), () => {
      throw failure;
    }]
  ) {
    using errors = captureErrors();
    const server = await startHttp(async (request) => {
      if (request.url.endsWith("/wait")) await sleep(1);
      return request.url.endsWith("/stream") ? respondFrom(["abc"]) : new Response("abc");
    }, { accessLog });
    for (const path of ["/", "/wait", "/stream"]) {
      assertEquals((await askOnce(server, get(path))).body, "abc");
    }
    await server.stop();
    assertEquals(errors.seen, [failure, failure, failure]);
    await assertIdleSoon();
  }
});

Deno.test("HttpServer does not wait for a log function that takes its time", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = await startHttp(() => new Response("hello"), { accessLog: () => gate.promise });
  assertEquals((await askOnce(server)).body, "hello");
  gate.resolve();
});

// ---- combinedLogLine() -----------------------------------------------------------------------------

const ENTRY: AccessLogEntry = {
  address: "192.0.2.1",
  time: new Date(2026, 0, 9, 3, 4, 5),
  method: "GET",
  target: "/path?a=1",
  status: 200,
  bytes: 1234,
  referer: "http://example.org/",
  userAgent: "Test/1.0",
  duration: 12.5,
};

Deno.test("combinedLogLine() writes what Apache writes", () => {
  const line = combinedLogLine(ENTRY).replace(/[+-]\d{4}\]/, "+0000]");
  assertEquals(
    line,
    '192.0.2.1 - - [09/Jan/2026:03:04:05 +0000] "GET /path?a=1 HTTP/1.1" 200 1234 "http://example.org/" "Test/1.0"',
  );
  const bare = combinedLogLine({ ...ENTRY, bytes: undefined, referer: undefined, userAgent: undefined });
  assert(bare.endsWith('HTTP/1.1" 200 - "-" "-"'), bare);
  assert(combinedLogLine({ ...ENTRY, bytes: 0 }).includes('" 200 0 "'));
});

for (
  const [zone, expected] of [["America/St_Johns", "-0330"], ["Asia/Kathmandu", "+0545"], [
    "UTC",
    "+0000",
  ]] as const
) {
  Deno.test(`combinedLogLine() writes the local time with its offset in ${zone}`, async () => {
    const module = new URL("../../../net/http/access_log.ts", import.meta.url).href;
    const { time: _time, ...entry } = ENTRY;
    const code = `import { combinedLogLine } from "${module}";
      console.log(combinedLogLine({ ...${JSON.stringify(entry)}, time: new Date(Date.UTC(2026, 0, 9)) }));`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", code],
      env: { TZ: zone, NO_COLOR: "1" },
    }).output();
    assertMatch(
      new TextDecoder().decode(stdout),
      new RegExp(`:\\d\\d:\\d\\d ${expected.replace("+", "\\+")}\\]`),
    );
  });
}

Deno.test("combinedLogLine() lets nobody forge a line or command a terminal", async () => {
  const hostile = ['" 200 5 "-" "-"', "back\\slash", "\x9b31m", "tab\there", "\x85next line", "\xa0\xff"];
  const entries = await entriesOf(
    () => new Response(),
    hostile.map((agent) => [get("/", `user-agent: ${agent}`, `referer: ${agent}`)]),
  );
  assertEquals(entries.map(({ userAgent }) => userAgent), hostile);
  const quoted = entries.map((entry) => /"([^"\\]|\\.)*"$/.exec(combinedLogLine(entry))![0]);
  assertEquals(quoted, [
    String.raw`"\" 200 5 \"-\" \"-\""`,
    String.raw`"back\\slash"`,
    String.raw`"\x9b31m"`,
    String.raw`"tab\x09here"`,
    String.raw`"\x85next line"`,
    '"\xa0\xff"',
  ]);
  for (const entry of entries) {
    const line = combinedLogLine(entry);
    // deno-lint-ignore no-control-regex -- they are what must not be there
    assert(!/[\x00-\x1f\x7f-\x9f]/.test(line), line);
    assertMatch(line, /^\S+ - - \[[^\]]+\] "([^"\\]|\\.)*" 200 0 "([^"\\]|\\.)*" "([^"\\]|\\.)*"$/);
  }
  const forged = combinedLogLine({ ...ENTRY, userAgent: "a\n192.0.2.9 - - forged\r\x1b[2J\0" });
  assert(forged.endsWith(String.raw`"a\x0a192.0.2.9 - - forged\x0d\x1b[2J\x00"`), forged);
});

// ---- LineWriter ------------------------------------------------------------------------------------

/** Takes the place of the standard output: writes are done when the test says so, in parts. */
class FakeOutput implements Disposable {
  text = "";
  readonly #write = Deno.stdout.write;
  #gate = Promise.withResolvers<void>();

  constructor() {
    Deno.stdout.write = async (bytes) => {
      await this.#gate.promise;
      const part = bytes.subarray(0, Math.ceil(bytes.length / 2));
      this.text += new TextDecoder().decode(part);
      return part.length;
    };
  }

  open(): void {
    this.#gate.resolve();
  }

  [Symbol.dispose](): void {
    Deno.stdout.write = this.#write;
  }
}

Deno.test("LineWriter.flush() waits for the lines that are being written, too", async () => {
  using output = new FakeOutput();
  const writer = new LineWriter();
  writer.write("one");
  void writer.flush();
  const over = writer.flush().then(() => output.text);
  output.open();
  assertEquals(await over, "one\n");
  await writer.flush();
  writer.write("two");
  writer.write("three");
  await writer.flush();
  assertEquals(output.text, "one\ntwo\nthree\n");
});

Deno.test("LineWriter tells how many lines it has dropped when nobody takes them", async () => {
  using output = new FakeOutput();
  const writer = new LineWriter();
  writer.write("first");
  const first = writer.flush();
  for (let i = 0; i < 100_007; i++) writer.write("x");
  output.open();
  await first;
  await writer.flush();
  assert(output.text.startsWith("first\nx\n"));
  assert(output.text.endsWith("x\n(7 lines dropped)\n"), output.text.slice(-50));
});

Deno.test("HttpServer.stop() does not wait for ever for a standard output that takes nothing", async () => {
  using output = new FakeOutput();
  const server = await startHttp(() => new Response(), { accessLog: true });
  using client = await RawClient.connect(server);
  await client.ask(get());
  await server.stop();
  assertEquals(output.text, "");
  output.open();
  await eventually(() => output.text.endsWith("\n"));
  assertMatch(output.text, /^127\.0\.0\.1 - - \[.*\] "GET \/ HTTP\/1\.1" 200 0 "-" "-"\n$/);
});
