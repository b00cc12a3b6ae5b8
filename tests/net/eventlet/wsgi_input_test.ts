import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  BodyTooLargeError,
  ConcurrentObjectUseError,
  eventlet,
  GreenletExit,
  sleep,
  spawn,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { WsgiInput } from "../../../net/eventlet/wsgi_input.ts";
import { assertIdleSoon, bytes, calm } from "../network.ts";
import { chunk, get, post, postChunks } from "../http/http_servers.ts";
import { answering, askOnce, dial, startWsgi, textOf } from "./wsgi_servers.ts";

/** A body whose chunks come when the test says so. */
class Body {
  readonly input: WsgiInput;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

  constructor(...chunks: string[]) {
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => this.#start(controller),
    });
    this.input = new WsgiInput(new Request("http://example.org/path", { method: "POST", body }));
    for (const text of chunks) this.send(text);
  }

  send(text: string): void {
    this.#controller.enqueue(bytes(text));
  }

  end(): void {
    this.#controller.close();
  }

  fail(error: Error): void {
    this.#controller.error(error);
  }

  #start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#controller = controller;
  }
}

/** A body that has come as a whole, in these chunks. */
function whole(...chunks: string[]): WsgiInput {
  const body = new Body(...chunks);
  body.end();
  return body.input;
}

Deno.test("WsgiInput.read() reads a number of bytes, or all", async () => {
  const input = whole("01", "2345", "", "6789");
  assertEquals(textOf(await input.read(3)), "012");
  assertEquals(textOf(await input.read(0)), "");
  assertEquals(textOf(await input.read(3)), "345");
  assertEquals(textOf(await input.read(100)), "6789");
  assertEquals(textOf(await input.read(1)), "");
  for (const all of [undefined, null, -1, Infinity]) {
    assertEquals(textOf(await whole("01", "23").read(all)), "0123");
  }
});

Deno.test("WsgiInput.readline() reads a line with its newline, or its first bytes", async () => {
  const input = whole("one\ntw", "o\r\n\nlong line\nlast");
  const lines: string[] = [];
  for (const size of [undefined, null, -1, 4, 100, 2]) lines.push(textOf(await input.readline(size)));
  assertEquals(lines, ["one\n", "two\r\n", "\n", "long", " line\n", "la"]);
  assertEquals([textOf(await input.readline()), textOf(await input.readline())], ["st", ""]);
});

Deno.test("WsgiInput.readlines() reads the lines that are left, or so many bytes of them", async () => {
  const lines = async (input: WsgiInput, hint?: number) => (await input.readlines(hint)).map(textOf);
  assertEquals(await lines(whole("a\nb", "\nc")), ["a\n", "b\n", "c"]);
  assertEquals(await lines(whole("a\nb\nc"), 0), ["a\n", "b\n", "c"]);
  const input = whole("a\nb\nc\nd");
  assertEquals([await lines(input, 3), await lines(input)], [["a\n", "b\n"], ["c\n", "d"]]);
});

Deno.test("WsgiInput yields its lines", async () => {
  const seen: string[] = [];
  for await (const line of whole("a\nb", "\nc")) seen.push(textOf(line));
  assertEquals(seen, ["a\n", "b\n", "c"]);
});

Deno.test("WsgiInput reads large bodies", async () => {
  const text = "x".repeat(300_000);
  const input = whole(text, "\n", text);
  assertEquals((await input.readline()).length, 300_001);
  assertEquals((await input.read(200_000)).length, 200_000);
  assertEquals((await input.read()).length, 100_000);
});

Deno.test("WsgiInput does not need a body", async () => {
  const requests = [
    new Request("http://example.org/"),
    new Request("http://example.org/", { method: "HEAD" }),
    new Request("http://example.org/", { method: "POST" }),
  ];
  for (const request of requests) {
    const input = new WsgiInput(request);
    assertEquals([await input.read(), await input.readline(), await input.readlines()], [
      new Uint8Array(),
      new Uint8Array(),
      [],
    ]);
  }
});

Deno.test("WsgiInput loses nothing when a read times out", async () => {
  const body = new Body("abc");
  const { input } = body;
  await assertRejects(() => input.read(5, { timeout: 1 }), Timeout);
  await assertRejects(() => withTimeout(1, () => input.readline()), Timeout);
  await assertRejects(() => input.readlines(null, { timeout: 1 }), Timeout);
  await assertRejects(() => input.read(5, { timeout: 0 }), Timeout);
  body.send("de\nf");
  assertEquals(textOf(await input.read(5)), "abcde");
  body.end();
  assertEquals(textOf(await input.read()), "\nf");
});

Deno.test("WsgiInput loses nothing when a reader is killed, at every moment", async () => {
  for (let passes = 0; passes < 6; passes++) {
    const body = new Body();
    const reader = spawn(() => body.input.read(4));
    for (let i = 0; i < passes; i++) await sleep();
    body.send("abc");
    for (let i = 0; i < passes; i++) await sleep();
    await reader.kill();
    assertInstanceOf(await reader.get(), GreenletExit);
    body.send("def");
    body.end();
    assertEquals(textOf(await body.input.read()), "abcdef");
  }
  await assertIdleSoon();
});

Deno.test("WsgiInput has one reader at a time", async () => {
  const body = new Body();
  const first = spawn(() => body.input.read(2));
  await calm();
  assertThrows(() => body.input.read(), ConcurrentObjectUseError, "the body of POST /path");
  body.send("ab");
  assertEquals(textOf(await first.get()), "ab");
});

Deno.test("WsgiInput tells the error of the body after what came before it", async () => {
  const body = new Body("one\ntwo");
  const { input } = body;
  assertEquals(textOf(await input.readline()), "one\n");
  const reading = spawn(() => input.readline().catch((error) => error));
  await calm();
  body.fail(new RangeError("broken"));
  assertInstanceOf(await reading.get(), RangeError);
  assertEquals(textOf(await input.read(3)), "two");
  await assertRejects(() => input.read(1), RangeError, "broken");
});

Deno.test("WsgiInput.close() ends its reader, and leaves nothing behind", async () => {
  const body = new Body();
  const reader = spawn(() => body.input.read().catch((error) => error));
  await calm();
  body.input.close();
  const error = await reader.get();
  assertInstanceOf(error, Deno.errors.Interrupted);
  await assertRejects(() => body.input.readline(), Deno.errors.BadResource, "its request is over");
  const unread = whole("never read");
  unread.close();
  await assertRejects(() => unread.read(), Deno.errors.BadResource, "its request is over");
  await assertIdleSoon();
});

Deno.test("WsgiInput refuses bad sizes and limits at the call", () => {
  const input = whole();
  for (const size of [1.5, NaN, "1"]) {
    const message = `size must be an integer, received ${size}`;
    assertThrows(() => input.read(size as number), RangeError, `Cannot read: ${message}`);
    assertThrows(() => input.readline(size as number), RangeError, `Cannot read line: ${message}`);
    assertThrows(() => input.readlines(size as number), RangeError, `Cannot read lines: ${message}`);
  }
  for (const name of ["read", "readline", "readlines"] as const) {
    assertThrows(() => input[name](1, { timeout: -1 }), RangeError, "received -1");
  }
});

Deno.test("wsgi.input reads bodies of every kind from the wire", async () => {
  await using serving = await startWsgi(answering(async (environ) => {
    const lines: string[] = [];
    for await (const line of environ["wsgi.input"]) lines.push(textOf(line));
    return JSON.stringify(lines);
  }));
  using client = await dial(serving);
  assertEquals((await client.ask(post("a\nb\n"))).body, '["a\\n","b\\n"]');
  assertEquals((await client.ask(postChunks(["a", "\nb", "\nc"]))).body, '["a\\n","b\\n","c"]');
  assertEquals((await client.ask(post(""))).body, "[]");
  assertEquals((await client.ask(get())).body, "[]");
});

Deno.test("wsgi.input gets what comes late, and the answer may begin before that", async () => {
  await using serving = await startWsgi(async function* (environ, startResponse) {
    startResponse("200 OK", []);
    for await (const line of environ["wsgi.input"]) yield `${textOf(line).trim()}!`;
  });
  using client = await dial(serving);
  await client.send(postChunks([]).slice(0, -5) + chunk("one\n"));
  await client.until("one!\r\n");
  await client.send(chunk("two\n") + chunk(""));
  assert((await client.until("two!\r\n")) !== undefined);
  await client.until("0\r\n\r\n");
});

Deno.test("wsgi.input of a body that is too large throws, and the client gets 413", async () => {
  const seen: unknown[] = [];
  await using serving = await startWsgi(
    answering(async (environ) => {
      try {
        return textOf(await environ["wsgi.input"].read());
      } catch (error) {
        seen.push(error);
        throw error;
      }
    }),
    { maxBodyBytes: 4 },
  );
  assertEquals((await askOnce(serving, post("1234"))).body, "1234");
  assertEquals((await askOnce(serving, post("12345"))).status, 413);
  assertEquals((await askOnce(serving, postChunks(["123", "45"]))).status, 413);
  assertEquals(seen.map((error) => error instanceof BodyTooLargeError), [true]);
});

Deno.test("wsgi.input that nobody has read does not disturb the next request", async () => {
  await using serving = await startWsgi((environ, startResponse) => {
    startResponse("200 OK", []);
    return eventlet.sleep().then(() => [environ.PATH_INFO]);
  });
  using client = await dial(serving);
  for (let i = 0; i < 3; i++) assertEquals((await client.ask(post("unread"))).body, "/body");
  const { body, headers } = await client.ask(post("unread".repeat(10_000)));
  assertEquals([body, headers["connection"]], ["/body", "close"]); // the platform does not read that much
});
