/** What the server sends: kinds of responses, and streams with back-pressure. */
import { assert, assertEquals } from "@std/assert";
import { Event, type HttpServer, Queue, respondFrom, sleep } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { askOnce, begin, get, RawClient, startHttp, turns } from "./http_servers.ts";

const encoder = new TextEncoder();

Deno.test("HttpServer sends text and bytes whole, with their length", async () => {
  const responses: Record<string, () => Response> = {
    text: () => new Response("grün"),
    "text with status": () => new Response("grün", { status: 404 }),
    "text with headers": () => new Response("grün", { headers: { "x-a": "1" } }),
    "text with init": () => new Response("grün", {}),
    "text with headers set later": () => {
      const response = new Response("grün");
      response.headers.set("x-a", "1");
      return response;
    },
    json: () => Response.json("grün"),
    bytes: () => new Response(encoder.encode("grün")),
    buffer: () => new Response(encoder.encode("grün").buffer),
    "bytes with headers": () => new Response(encoder.encode("grün"), { headers: { "x-a": "1" } }),
    form: () => new Response(new URLSearchParams({ "gr": "ün" })),
    clone: () => new Response("grün").clone(),
    empty: () => new Response(""),
    none: () => new Response(),
    null: () => new Response(null, { status: 404 }),
  };
  await using server = await startHttp((request) =>
    responses[decodeURI(new URL(request.url).pathname.slice(1))]!()
  );
  for (const name of Object.keys(responses)) {
    const expected = await responses[name]!().text();
    const { body, headers, complete } = await askOnce(server, get(`/${encodeURI(name)}`));
    assertEquals([name, new TextDecoder().decode(Uint8Array.from(body, (c) => c.charCodeAt(0)))], [
      name,
      expected,
    ]);
    const length = `${encoder.encode(expected).length}`;
    assertEquals([name, headers["content-length"], complete], [name, length, true]);
  }
});

Deno.test("HttpServer sends status, headers and type as the response has them", async () => {
  await using server = await startHttp(() => {
    const headers = new Headers({ "content-type": "text/html", "x-word": "green" });
    headers.append("set-cookie", "a=1");
    return new Response("<p>", { status: 201, headers });
  });
  const { status, headers } = await askOnce(server);
  assertEquals(
    [status, headers["content-type"], headers["x-word"], headers["set-cookie"]],
    [201, "text/html", "green", "a=1"],
  );
});

Deno.test("HttpServer keeps status and headers of streams, and of many cookies each", async () => {
  await using server = await startHttp(() => {
    const headers = new Headers({ "content-type": "text/csv" });
    for (const cookie of ["a=1", "b=2"]) headers.append("set-cookie", cookie);
    return new Response(ReadableStream.from(["a,b\n"]).pipeThrough(new TextEncoderStream()), {
      status: 203,
      headers,
    });
  });
  using client = await begin(server);
  const head = (await client.until("\r\n\r\n"))!.toLowerCase();
  assert(head.startsWith("http/1.1 203 "), head);
  for (const line of ["content-type: text/csv", "set-cookie: a=1", "set-cookie: b=2"]) {
    assert(head.includes(line), head);
  }
});

Deno.test("HttpServer sends no body with 204, 304 and redirects, and keeps the connection", async () => {
  await using server = await startHttp((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/redirect") return Response.redirect("http://example.org/elsewhere", 307);
    return new Response(null, { status: Number(pathname.slice(1)) });
  });
  using client = await RawClient.connect(server);
  for (const status of [204, 304]) assertEquals((await client.ask(get(`/${status}`))).status, status);
  const { status, headers, body } = await client.ask(get("/redirect"));
  assertEquals([status, headers["location"], body], [307, "http://example.org/elsewhere", ""]);
  assertEquals((await client.ask(get("/204"))).status, 204);
});

Deno.test("HttpServer answers HEAD without a body, whatever the handler returns", async () => {
  const log: string[] = [];
  await using server = await startHttp((request) => {
    switch (new URL(request.url).pathname) {
      case "/text":
        return new Response("hello");
      case "/bytes":
        return new Response(new Uint8Array(1_000), { headers: { "x-a": "1" } });
      default:
        return new Response(
          new ReadableStream({
            pull: (controller) => {
              log.push("pull");
              controller.enqueue(new Uint8Array(10));
            },
            cancel: () => void log.push("cancel"),
          }, { highWaterMark: 0 }),
        );
    }
  });
  using client = await RawClient.connect(server);
  const head = (path: string) => client.ask(get(path).replace("GET", "HEAD"), "HEAD");
  assertEquals((await head("/text")).headers["content-length"], "5");
  assertEquals((await head("/bytes")).headers["content-length"], "1000");
  assertEquals((await head("/stream")).status, 200);
  await eventually(() => server.running === 0);
  assertEquals(log.at(-1), "cancel"); // nobody will read it
  assertEquals((await client.ask(get("/text"))).body, "hello"); // in step with the client
});

// ---- Streams ---------------------------------------------------------------------------------------

/** A stream that makes chunks whenever they are asked for, and counts them. */
class Source {
  chunks = 0;
  readonly cancelled: unknown[] = [];

  constructor(readonly size: number, readonly count: number = Infinity) {}

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: (controller) => {
        if (this.chunks === this.count) return controller.close();
        this.chunks++;
        controller.enqueue(new Uint8Array(this.size).fill(97));
      },
      cancel: (reason) => void this.cancelled.push(reason),
    }, { highWaterMark: 0 });
  }
}

Deno.test("HttpServer sends a stream chunk by chunk as it comes", async () => {
  const lines = new Queue<string>();
  await using server = await startHttp(() => respondFrom(lines));
  using client = await begin(server);
  for (const line of ["first\n", "second\n", "third\n"]) {
    lines.putNowait(line);
    assert((await client.until(line)) !== undefined);
  }
  lines.shutdown();
  assert((await client.until("0\r\n\r\n")) !== undefined);
});

Deno.test("HttpServer sends large streams whole", async () => {
  const source = new Source(100_000, 100);
  await using server = await startHttp(() => new Response(source.stream()));
  const { body, complete } = await askOnce(server);
  assertEquals([body.length, complete, source.cancelled], [10_000_000, true, []]);
});

Deno.test("HttpServer sends byte streams, and chunks that are views of other kinds", async () => {
  const chunks = [new Uint8Array([97, 98]), new Uint8Array([99, 99, 99]).subarray(1, 2), new Uint8Array(0)];
  await using server = await startHttp((request) => {
    const type = request.url.endsWith("/bytes") ? "bytes" as const : undefined;
    return new Response(
      new ReadableStream({
        // deno-lint-ignore no-explicit-any -- one source for two types of streams
        type: type as any,
        start(controller) {
          for (const chunk of chunks) {
            if (type === undefined || chunk.length > 0) controller.enqueue(chunk.slice());
          }
          controller.close();
        },
      }),
    );
  });
  assertEquals((await askOnce(server, get("/bytes"))).body, "abc");
  assertEquals((await askOnce(server, get("/any"))).body, "abc");
});

Deno.test("HttpServer does not let a stream run ahead of a client that reads slowly", async () => {
  const [CHUNK, MUCH] = [64 * 1024, 64 * 1024 * 1024];
  const source = new Source(CHUNK, MUCH / CHUNK);
  await using server = await startHttp(() => new Response(source.stream()));
  using client = await begin(server);
  await client.until("\r\n\r\n");
  // What the sockets of the system hold; then it must stand still.
  let before = -1;
  await eventually(() => {
    const still = source.chunks > 0 && source.chunks === before;
    before = source.chunks;
    return still;
  });
  await sleep(50);
  const held = source.chunks * CHUNK;
  assert(held < MUCH / 4, `${held} bytes were made for a client that reads nothing`);
  let got = 0;
  while (got < 8 * 1024 * 1024) got += (await client.until("\r\n"))!.length;
  assert(source.chunks * CHUNK < got + held + MUCH / 8, `${source.chunks} chunks for ${got} bytes`);
});

Deno.test("HttpServer cancels the stream of a client that leaves, once", async () => {
  using errors = captureErrors();
  const source = new Source(1_000);
  const server = await startHttp(() => new Response(source.stream()));
  const client = await begin(server);
  await client.until("aaa");
  client.leave();
  await eventually(() => server.running === 0);
  await turns();
  assertEquals([source.cancelled.length, errors.seen], [1, []]);
  await server.stop();
  await assertIdleSoon();
});

Deno.test("HttpServer cancels the stream of a client that leaves while nothing is sent", async () => {
  using errors = captureErrors();
  let cancelled = 0;
  const begun = new Event();
  const server = await startHttp(() =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(encoder.encode("hello")),
        pull: () => {
          begun.set();
          return new Promise(() => {}); // the next one never comes
        },
        cancel: () => void cancelled++,
      }),
    )
  );
  const client = await begin(server);
  await client.until("hello");
  await begun.wait();
  client.leave();
  await eventually(() => cancelled === 1);
  await eventually(() => server.running === 0);
  assertEquals(errors.seen, []);
  await server.stop();
});

Deno.test("HttpServer does not mind a stream whose cancel() fails", async () => {
  using errors = captureErrors();
  let cancelled = 0;
  await using server = await startHttp(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
        cancel: () => {
          cancelled++;
          throw new Error("no");
        },
      }),
    )
  );
  const client = await begin(server);
  await client.until("\r\n\r\n");
  client.leave();
  await eventually(() => server.running === 0);
  assertEquals([cancelled, errors.seen], [1, []]);
});

/** How many bytes a client that is never slow is told in a moment. */
async function load(server: HttpServer): Promise<number> {
  const { body, complete } = await askOnce(server, get("/good"));
  assert(complete);
  return body.length;
}

Deno.test("HttpServer serves others beside clients that do not read", async () => {
  const endless = new Source(64 * 1024);
  await using server = await startHttp(
    (request) =>
      new Response(request.url.endsWith("/good") ? new Source(1_000, 1_000).stream() : endless.stream()),
    { stopTimeout: 0 },
  );
  const deaf = await Promise.all(Array.from({ length: 10 }, () => begin(server)));
  await eventually(() => server.running === 10);
  for (let i = 0; i < 3; i++) assertEquals(await load(server), 1_000_000);
  for (const client of deaf) client.leave();
  await eventually(() => server.running === 0);
});
