/** `HttpServer.stop()` and answers that are being sent. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Event, eventStream, Queue, respondFrom, sleep, spawn } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { never } from "../servers.ts";
import { begin, get, post, startHttp } from "./http_servers.ts";

const encoder = new TextEncoder();

Deno.test("HttpServer.stop() ends event streams at once, and cleanly", async () => {
  let [ended, cancelled] = [0, 0];
  async function* ticks() {
    try {
      for (let i = 0;; i++) {
        yield `tick ${i}`;
        await sleep(5);
      }
    } finally {
      ended++;
    }
  }
  const server = await startHttp((request) => {
    if (request.url.endsWith("/ticks")) return eventStream(ticks());
    const stream = new ReadableStream({
      start: (controller) => controller.enqueue(encoder.encode("data: silent\n\n")),
      cancel: () => void cancelled++,
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
  });
  const clients = [await begin(server, get("/ticks")), await begin(server, get("/silent"))];
  await clients[0]!.until("tick 2");
  await clients[1]!.until("data: silent");
  const before = performance.now();
  await server.stop({ timeout: 60_000 });
  assert(performance.now() - before < 5_000);
  for (const client of clients) {
    assert((await client.rest()).endsWith("0\r\n\r\n")); // the end of the chunks, not a cut
    assertEquals(client.end, "closed");
    client.leave();
  }
  await eventually(() => ended === 1);
  assertEquals(cancelled, 1);
  await assertIdleSoon();
});

Deno.test("HttpServer.stop() ends event streams that begin while it waits", async () => {
  const [begun, go] = [new Event(), new Event()];
  const server = await startHttp(async () => {
    begun.set();
    await go.wait();
    return eventStream((async function* () {
      yield "first";
      await never();
    })());
  });
  using client = await begin(server);
  await begun.wait();
  const stopping = spawn(() => server.stop({ timeout: 60_000 }));
  await sleep();
  go.set();
  const { status, complete } = await client.receive();
  assertEquals([status, complete], [200, true]);
  await stopping.get();
});

Deno.test("HttpServer.stop() lets other streams finish", async () => {
  const lines = new Queue<string>();
  const server = await startHttp(() => respondFrom(lines));
  using client = await begin(server);
  lines.putNowait("first\n");
  await client.until("first\n");
  const stopping = spawn(() => server.stop({ timeout: 60_000 }));
  await sleep();
  lines.putNowait("last\n");
  lines.shutdown();
  assert((await client.rest()).endsWith("last\n\r\n0\r\n\r\n"));
  await stopping.get();
});

Deno.test("HttpServer.stop() lets streams finish that begin while it waits", async () => {
  const [begun, go] = [new Event(), new Event()];
  const server = await startHttp(async () => {
    begun.set();
    await go.wait();
    return respondFrom((async function* () {
      for (let i = 0; i < 5; i++) {
        await sleep(2);
        yield `${i}`;
      }
    })());
  });
  using client = await begin(server);
  await begun.wait();
  const stopping = spawn(() => server.stop({ timeout: 60_000 }));
  await sleep();
  go.set();
  const { body, complete } = await client.receive();
  assertEquals([body, complete], ["01234", true]);
  await stopping.get();
});

for (
  const [when, handler] of [["before", (body: Response) => body], [
    "while",
    async (body: Response) => {
      await sleep(20);
      return body;
    },
  ]] as const
) {
  Deno.test(`HttpServer.stop() cuts streams when time is up that began ${when} it waited, quietly`, async () => {
    using errors = captureErrors();
    const begun = new Event();
    let cancelled = 0;
    const server = await startHttp(() => {
      begun.set();
      return handler(
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(encoder.encode("beginning")),
            cancel: () => void cancelled++,
          }),
        ),
      );
    });
    using client = await begin(server);
    await begun.wait();
    if (when === "before") await client.until("beginning");
    const before = performance.now();
    await server.stop({ timeout: 50 });
    const took = performance.now() - before;
    assert(took >= 49 && took < 900, `${took} ms`);
    await client.rest();
    assert(client.end !== "open");
    assertEquals([cancelled, errors.seen, server.running], [1, [], 0]);
    await assertIdleSoon();
  });
}

Deno.test("HttpServer.stop() without patience cuts a stream whose greenlet has not begun", async () => {
  using errors = captureErrors();
  const server = await startHttp(async () => {
    try {
      await never();
    } catch {
      // An answer all the same: it comes after the kill.
    }
    return new Response(new ReadableStream({}));
  });
  using client = await begin(server);
  await eventually(() => server.running === 1);
  await server.stop({ timeout: 0 });
  await client.rest();
  assertEquals([client.end !== "open", server.running, errors.seen], [true, 0, []]);
  await assertIdleSoon();
});

/** How many pieces of an endless stream were asked for. */
let pulls = 0;

function pull(controller: ReadableStreamDefaultController<Uint8Array>): void {
  pulls++;
  controller.enqueue(new Uint8Array(65_536));
}

/** Waits until what lies between the server and its client is full. */
async function fullPipe(): Promise<void> {
  for (let before = -1; before !== pulls;) {
    before = pulls;
    await sleep(100);
  }
}

for (
  const [kind, handler, request] of [
    [
      "takes nothing of a stream",
      () => new Response(new ReadableStream({ pull })),
      get(),
    ],
    ["takes nothing of a large answer", () => new Response(new Uint8Array(50_000_000)), get()],
    [
      "does not send the rest of a body that nobody reads",
      () => new Response("hello"),
      post("").replace("length: 0", "length: 9"),
    ],
  ] as const
) {
  Deno.test(`HttpServer.stop() waits no longer than a second for a client that ${kind}, and reports it`, async () => {
    using errors = captureErrors();
    const server = await startHttp(handler);
    const client = await begin(server, request);
    await client.until("\r\n\r\n");
    await fullPipe();
    const before = performance.now();
    await server.stop({ timeout: 0 });
    const took = performance.now() - before;
    assert(took >= 900 && took < 3_000, `${took} ms`);
    assertEquals(errors.seen.length, 1);
    assertStringIncludes(
      String(errors.seen[0]),
      "Connections are still open: their clients neither take nor send",
    );
    client.leave();
    await eventually(() => server.running === 0);
    await assertIdleSoon();
    assertEquals(errors.seen.length, 1);
  });
}
