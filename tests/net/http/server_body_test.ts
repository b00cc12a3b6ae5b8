/** The bodies of requests: their limit, and the ways to read them. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  BodyTooLargeError,
  Event,
  type HttpServer,
  type HttpServerOptions,
  sleep,
  withTimeout,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import {
  askOnce,
  begin,
  chunk,
  fromLatin1,
  get,
  post,
  postChunks,
  RawClient,
  type RawResponse,
  startHttp,
  urlOf,
} from "./http_servers.ts";

const FORM = "content-type: application/x-www-form-urlencoded";

/** What each way to read yields, as text. */
const reads: Record<string, (request: Request) => Promise<string>> = {
  text: (request) => request.text(),
  json: async (request) => JSON.stringify(await request.json()),
  bytes: async (request) => fromLatin1(await request.bytes()),
  arrayBuffer: async (request) => fromLatin1(new Uint8Array(await request.arrayBuffer())),
  blob: async (request) => await (await request.blob()).text(),
  formData: async (request) =>
    new URLSearchParams([...await request.formData()] as [string, string][]).toString(),
  stream: async (request) =>
    fromLatin1(new Uint8Array((await Array.fromAsync(request.body!)).flatMap((c) => [...c]))),
  byob: (request) => readByob(request.body!),
  clone: (request) => request.clone().text(),
  "clone of a clone": (request) => request.clone().clone().text(),
  "clone of a streamed one": (request) => {
    assert(request.body !== null);
    return request.clone().text();
  },
  "what was cloned": async (request) => {
    const copy = request.clone();
    const text = await request.text();
    assertEquals(await copy.text(), text);
    return text;
  },
  "what was cloned after a look": async (request) => {
    assert(request.body !== null);
    const copy = request.clone();
    const [text, other] = await Promise.all([request.text(), copy.text()]);
    assertEquals(other, text);
    return text;
  },
};

async function readByob(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const reader = body.getReader({ mode: "byob" });
  let text = "";
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(3));
    if (value !== undefined) text += fromLatin1(value);
    if (done) return text;
  }
}

/** Serves a way to read, by name. */
function startReading(options?: HttpServerOptions, seen: unknown[] = []): Promise<HttpServer> {
  return startHttp(async (request) => {
    const name = request.headers.get("x-read")!;
    try {
      return new Response(await reads[name]!(request));
    } catch (error) {
      seen.push(error);
      throw error;
    }
  }, options);
}

for (const name of Object.keys(reads)) {
  Deno.test(`HttpServer limits bodies that are read by ${name}: the limit itself is fine, one byte more is 413`, async () => {
    using errors = captureErrors();
    const seen: unknown[] = [];
    await using server = await startReading({ maxBodyBytes: 10 }, seen);
    const lines = [`x-read: ${name}`, ...(name === "formData" ? [FORM] : [])];
    const body = { formData: "a=12345678", json: '{"a":1234}' }[name] ?? "0123456789";
    assertEquals((await askOnce(server, post(body, ...lines))).body, body);
    assertEquals((await askOnce(server, postChunks([body.slice(0, 3), body.slice(3)], ...lines))).body, body);
    assertEquals(seen, []);

    const announced = await askOnce(server, post(`${body}x`, ...lines));
    assertEquals([announced.status, announced.body], [413, "Content Too Large\n"]);
    assertEquals([announced.headers["connection"], seen], ["close", []]); // the handler was not called
    const chunked = await askOnce(server, postChunks([body, "x"], ...lines));
    assertEquals([chunked.status, chunked.body], [413, "Content Too Large\n"]);
    assertEquals([chunked.headers["connection"], seen.length, errors.seen], ["close", 1, []]);
    assertInstanceOf(seen[0], BodyTooLargeError);
    assertEquals(seen[0].message, "The body of the request is larger than 10 bytes");
  });
}

Deno.test("HttpServer with maxBodyBytes 0 takes requests without a body", async () => {
  await using server = await startReading({ maxBodyBytes: 0 });
  const nothing = "POST / HTTP/1.1\r\nhost: a\r\nx-read: text\r\n";
  const bodyOf = async (request: string) => (await askOnce(server, request)).body;
  assertEquals(await bodyOf(`${nothing}\r\n`), "");
  assertEquals(await bodyOf(`${nothing}content-length: 0\r\n\r\n`), "");
  assertEquals(await bodyOf(postChunks([], "x-read: text")), "");
  assertEquals(await bodyOf(post("x", "x-read: text")), "Content Too Large\n");
  assertEquals(await bodyOf(postChunks(["x"], "x-read: text")), "Content Too Large\n");
});

Deno.test("HttpServer takes 10 MiB by default, and not a byte more", async () => {
  const TEN_MIB = 10 * 1024 * 1024;
  await using server = await startHttp(async (request) => new Response(`${(await request.bytes()).length}`));
  const body = new Uint8Array(TEN_MIB + 1);
  const send = (body: BodyInit) =>
    fetch(urlOf(server), { method: "POST", body }).then((answer) => answer.text());
  assertEquals(await send(body.subarray(1)), `${TEN_MIB}`);
  assertEquals(await send(body), "Content Too Large\n");
});

Deno.test("HttpServer with maxBodyBytes Infinity takes all", async () => {
  await using server = await startHttp(async (request) => new Response(`${(await request.bytes()).length}`), {
    maxBodyBytes: Infinity,
  });
  const body = new Uint8Array(12 * 1024 * 1024);
  assertEquals(await (await fetch(urlOf(server), { method: "POST", body })).text(), `${body.length}`);
});

Deno.test("HttpServer lets a handler answer a body that is too large itself", async () => {
  await using server = await startHttp(async (request) => {
    try {
      return new Response(await request.text());
    } catch (error) {
      assertInstanceOf(error, BodyTooLargeError);
      return new Response("Much too large", { status: 413 });
    }
  }, { maxBodyBytes: 5, onError: () => new Response("unexpected") });
  assertEquals((await askOnce(server, postChunks(["too much"]))).body, "Much too large");
});

Deno.test("HttpServer answers 413 although it has an onError", async () => {
  let called = 0;
  const options = { maxBodyBytes: 5, onError: () => new Response(`${++called}`) };
  await using server = await startHttp(async (request) => new Response(await request.text()), options);
  assertEquals((await askOnce(server, postChunks(["too much"]))).status, 413);
  assertEquals(called, 0);
});

Deno.test("HttpServer reads no further than the limit", async () => {
  let chunks = 0;
  const go = new Event();
  await using server = await startHttp(async (request) => {
    for await (const _chunk of request.body!) {
      chunks++;
      await go.wait();
    }
    return new Response();
  }, { maxBodyBytes: 10 });
  using client = await begin(server, `${postChunks(["123456"]).slice(0, -5)}`); // without the last chunk
  await eventually(() => chunks === 1);
  await client.send(chunk("123456"));
  go.set();
  assertEquals((await client.receive()).status, 413); // although the body has no end
  assertEquals(chunks, 1);
});

Deno.test("HttpServer answers 413 to a client that sends it all before it reads", async () => {
  await using server = await startHttp(async (request) => new Response(await request.text()), {
    maxBodyBytes: 10,
  });
  const much = "x".repeat(2_000_000);
  using announced = await begin(server, post(much));
  assertEquals((await announced.receive()).status, 413);
  using chunked = await begin(server, postChunks([much, much]));
  assertEquals((await chunked.receive()).status, 413);
});

Deno.test("HttpServer tells by bodyUsed whether somebody has begun to read, and lets nobody read twice", async () => {
  await using server = await startHttp(async (request) => {
    const log: unknown[] = [request.bodyUsed];
    if (request.headers.has("x-look")) {
      const { body } = request;
      log.push(request.bodyUsed, body!.locked);
      const reader = body!.getReader();
      log.push(request.bodyUsed, body!.locked);
      reader.releaseLock();
      log.push(request.bodyUsed, request.body === body);
    }
    const reading = request.text();
    log.push(request.bodyUsed, await reading, request.bodyUsed);
    for (const again of ["text", "json", "bytes", "clone"] as const) {
      try {
        await request[again]();
      } catch (error) {
        log.push(error instanceof TypeError);
      }
    }
    log.push(request.body?.locked ?? null);
    return Response.json(log);
  });
  const once = [true, "abc", true, true, true, true, true];
  const look = [false, false, false, true, false, true];
  for (
    const [lines, expected] of [[[], [false, ...once]], [["x-look: 1"], [false, ...look, ...once]]] as const
  ) {
    for (const request of [post("abc", ...lines), postChunks(["abc"], ...lines)]) {
      const log = JSON.parse((await askOnce(server, request)).body);
      assertEquals(log.slice(0, -1), expected, request);
    }
  }
});

Deno.test("HttpServer knows an empty body, and none", async () => {
  await using server = await startHttp(async (request) =>
    Response.json([request.body === null, request.bodyUsed, await request.text()])
  );
  assertEquals(JSON.parse((await askOnce(server, get())).body), [true, false, ""]);
  assertEquals(JSON.parse((await askOnce(server, postChunks([]))).body)[2], "");
  assertEquals(JSON.parse((await askOnce(server, post(""))).body)[2], "");
});

Deno.test("HttpServer ignores the body of a GET, and serves what follows", async () => {
  await using server = await startHttp((request) => new Response(`${request.method} ${request.body}`));
  using client = await RawClient.connect(server);
  await client.send(`${get("/", "content-length: 3")}abc${get("/next")}`);
  assertEquals([(await client.receive()).body, (await client.receive()).body], ["GET null", "GET null"]);
});

Deno.test("HttpServer reads bodies of every method that may have one", async () => {
  await using server = await startReading({ maxBodyBytes: 3 });
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
    const ask = (body: string) =>
      askOnce(server, post(body, "x-read: text").replace(/^POST/, method)).then(({ status }) => status);
    assertEquals([method, await ask("abc"), await ask("abcd")], [method, 200, 413]);
  }
});

Deno.test("HttpServer serves the next request of a client whose body nobody has read", async () => {
  await using server = await startHttp(() => new Response("not read"), { maxBodyBytes: Infinity });
  let client = await RawClient.connect(server);
  const requests = [post("short"), post("x".repeat(500_000)), postChunks(["a", "b"]), get()];
  for (const request of requests) {
    const { body, headers } = await client.ask(request);
    assertEquals(body, "not read");
    if (headers["connection"] !== "close") continue; // the platform does not want to read so much in vain
    client.leave();
    client = await RawClient.connect(server);
  }
  client.leave();
});

Deno.test("HttpServer keeps the request the platform's own, with all that belongs to it", async () => {
  await using server = await startHttp(async (request) => {
    assertInstanceOf(request, Request);
    const copy = request.clone();
    assertEquals([copy.method, copy.url, copy.headers.get("x-a")], ["POST", request.url, "1"]);
    const forwarded = new Request("http://elsewhere.example/", request);
    return new Response(await forwarded.text());
  });
  assertEquals((await askOnce(server, post("forward me", "x-a: 1"))).body, "forward me");
  assertEquals((await askOnce(server, postChunks(["forward", " me"], "x-a: 1"))).body, "forward me");
});

Deno.test("HttpServer sends the body of a request back as it comes", async () => {
  const server = await startHttp((request) => new Response(request.body));
  {
    using client = await begin(server, postChunks(["one "]).slice(0, -5));
    assertEquals((await client.until("one \r\n"))?.endsWith("one \r\n"), true); // before the rest has been sent
    await client.send(chunk("two"));
    assertEquals(await client.until("two\r\n"), chunk("two"));
    await client.send(chunk(""));
    assertEquals(await client.until("0\r\n\r\n"), chunk(""));
  }
  await server.stop();
  await assertIdleSoon();
});

Deno.test("HttpServer lets time-outs of the handler's own end the wait for a body", async () => {
  await using server = await startHttp(async (request) => {
    const text = await withTimeout(20, () => request.text(), { value: "too slow" });
    return new Response(text);
  });
  for (const head of ["content-length: 5", "transfer-encoding: chunked"]) {
    using client = await begin(server, `POST / HTTP/1.1\r\nhost: a\r\n${head}\r\n\r\n`);
    assertEquals((await client.receive()).body, "too slow");
  }
});

Deno.test("HttpServer serves others while slow bodies come in, each piece by piece", async () => {
  await using server = await startReading();
  const slow = await Promise.all(Array.from({ length: 20 }, async () => {
    const client = await begin(
      server,
      post("", "x-read: text").replace("content-length: 0", "content-length: 10"),
    );
    return client;
  }));
  for (let piece = 0; piece < 10; piece++) {
    for (const client of slow) await client.send(`${piece}`);
    assertEquals((await askOnce(server, post("quick", "x-read: text"))).body, "quick");
    await sleep(1);
  }
  const answers: RawResponse[] = [];
  for (const client of slow) answers.push(await client.receive());
  for (const client of slow) client.leave();
  assertEquals(answers.map(({ body }) => body), Array(20).fill("0123456789"));
});
