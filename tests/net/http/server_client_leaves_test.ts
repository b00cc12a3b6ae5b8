/** Clients that go away before they have been answered. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  type AccessLogEntry,
  Event,
  getCurrent,
  type Greenlet,
  GreenletExit,
  type HttpHandler,
  HttpServer,
  shield,
  simulate,
  sleep,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, certificate, eventually } from "../network.ts";
import { ANY_PORT, never, portOf } from "../servers.ts";
import { askOnce, begin, chunk, FakeRequests, get, post, RawClient, startHttp } from "./http_servers.ts";

/** How soon (ms) a handler must hear of it. Twice that on machines that are busy. */
const SOON_MS = 2 * 150;

/** A handler that waits, and what became of it. */
class Victim {
  readonly begun = new Event();
  readonly ended = new Event();
  greenlet: Greenlet | undefined = undefined;
  /** When (ms) its wait ended. */
  endedAt = 0;
  readonly log: string[] = [];

  readonly handler: HttpHandler = async () => {
    this.greenlet = getCurrent()!;
    this.begun.set();
    try {
      await never();
      return new Response();
    } finally {
      this.endedAt = performance.now();
      await sleep(1);
      this.log.push("clean-up");
      this.ended.set();
    }
  };
}

Deno.test("HttpServer kills the handler of a client that leaves, whose finally runs", async () => {
  using errors = captureErrors();
  const victim = new Victim();
  await using server = await startHttp(victim.handler);
  const client = await begin(server, get("/path?token=secret"));
  await victim.begun.wait();
  const left = performance.now();
  client.leave();
  await victim.ended.wait();
  const took = victim.endedAt - left;
  assert(took < SOON_MS, `${took} ms`);
  await eventually(() => server.running === 0);
  assertInstanceOf(victim.greenlet!.value, GreenletExit);
  assertEquals(victim.greenlet!.value.message, "The client of GET /path has gone");
  assertEquals([victim.log, errors.seen], [["clean-up"], []]);
});

Deno.test("HttpServer hears of a client that leaves in any moment of a long request", async () => {
  for (const after of [0, 10, 60, 120]) {
    const victim = new Victim();
    await using server = await startHttp(victim.handler);
    const client = await begin(server);
    await victim.begun.wait();
    await sleep(after);
    const left = performance.now();
    client.leave();
    await victim.ended.wait();
    assert(victim.endedAt - left < SOON_MS, `${victim.endedAt - left} ms`);
  }
});

Deno.test("HttpServer looks after many clients at a time: only those that leave lose their handlers", async () => {
  const [all, go] = [new Event(), new Event()];
  const killed: string[] = [];
  let here = 0;
  await using server = await startHttp(async (request) => {
    if (++here === 40) all.set();
    try {
      await go.wait();
    } catch (error) {
      killed.push(new URL(request.url).pathname);
      throw error;
    }
    return new Response();
  });
  const clients = await Promise.all(
    Array.from({ length: 40 }, (_, index) => begin(server, get(`/${index}`))),
  );
  await all.wait();
  for (const [index, client] of clients.entries()) if (index % 2 === 0) client.leave();
  await eventually(() => killed.length >= 20);
  go.set();
  for (const [index, client] of clients.entries()) {
    if (index % 2 === 1) assertEquals((await client.receive()).status, 200);
    client.leave();
  }
  const even = Array.from({ length: 20 }, (_, index) => `/${2 * index}`);
  assertEquals(killed.sort(), even.sort());
});

Deno.test("HttpServer lets a shielded handler run on, whose answer goes nowhere", async () => {
  using errors = captureErrors();
  const entries: AccessLogEntry[] = [];
  const [begun, left] = [new Event(), new Event()];
  let committed = false;
  await using server = await startHttp(async () => {
    await shield(async () => {
      begun.set();
      await left.wait();
      await sleep(200); // it would have been killed meanwhile
      committed = true;
    });
    return new Response("for nobody");
  }, { accessLog: (entry) => entries.push(entry) });
  const client = await begin(server);
  await begun.wait();
  client.leave();
  left.set();
  await eventually(() => entries.length === 1);
  assertEquals([committed, entries[0]!.status, errors.seen, server.running], [true, 499, [], 0]);
  assertEquals((await askOnce(server)).body, "for nobody");
});

Deno.test("HttpServer ends a stream that a shielded handler returns for a client that has gone", async () => {
  const [begun, left] = [new Event(), new Event()];
  let cancelled = 0;
  const entries: AccessLogEntry[] = [];
  await using server = await startHttp(async () => {
    await shield(async () => {
      begun.set();
      await left.wait();
      await sleep(150);
    });
    return new Response(new ReadableStream({ cancel: () => void cancelled++ }));
  }, { accessLog: (entry) => entries.push(entry) });
  const client = await begin(server);
  await begun.wait();
  client.leave();
  left.set();
  await eventually(() => entries.length === 1);
  assertEquals([cancelled, entries[0]!.status, server.running], [1, 499, 0]);
});

Deno.test("HttpServer kills once: a client that leaves after the time-out changes nothing", async () => {
  const kills: string[] = [];
  const begun = new Event();
  let greenlet: Greenlet;
  await using server = await startHttp(async () => {
    greenlet = getCurrent()!;
    begun.set();
    for (let i = 0; i < 2; i++) {
      try {
        await sleep(200);
      } catch (error) {
        kills.push((error as Error).message);
      }
    }
    return new Response();
  }, { requestTimeout: 70 });
  using client = await begin(server, get("/twice"));
  assertEquals((await client.receive()).status, 503);
  client.leave();
  await greenlet!.join();
  assertEquals(kills, ["The request GET /twice took more than 70 ms"]);
});

Deno.test("HttpServer does not take the end of an answer for the leaving of a client", async () => {
  using errors = captureErrors();
  const entries: AccessLogEntry[] = [];
  await using server = await startHttp(async () => {
    await sleep(130); // it has been looked at
    return new Response("there");
  }, { accessLog: (entry) => entries.push(entry) });
  using client = await RawClient.connect(server);
  for (let i = 0; i < 2; i++) assertEquals((await client.ask(get())).body, "there");
  assertEquals([entries.map(({ status }) => status), errors.seen], [[200, 200], []]);
});

for (
  const [name, head, body] of [
    ["announced", "content-length: 100", "abc"],
    ["in chunks", "transfer-encoding: chunked", chunk("abc")],
  ] as const
) {
  for (const how of ["text", "stream"] as const) {
    Deno.test(`HttpServer tells a handler that reads (${how}) a body (${name}) that its client has gone, and nobody else`, async () => {
      using errors = captureErrors();
      const entries: AccessLogEntry[] = [];
      const begun = new Event();
      let caught: unknown;
      await using server = await startHttp(async (request) => {
        begun.set();
        try {
          if (how === "text") await request.text();
          else for await (const _chunk of request.body!);
        } catch (error) {
          caught = error;
          throw error;
        }
        return new Response();
      }, { accessLog: (entry) => entries.push(entry), onError: () => new Response("unexpected") });
      const client = await begin(server, `POST / HTTP/1.1\r\nhost: a\r\n${head}\r\n\r\n${body}`);
      await begun.wait();
      client.leave();
      await eventually(() => entries.length === 1);
      assertInstanceOf(caught, Error);
      const gone = caught instanceof GreenletExit || caught instanceof Deno.errors.ConnectionReset;
      assert(gone, `${caught}`); // the kill may come first
      assertEquals([entries[0]!.status, entries[0]!.bytes, errors.seen], [499, 0, []]);
      assertEquals((await askOnce(server, post("all"))).status, 200);
    });
  }
}

Deno.test("HttpServer hears of a client that leaves although nobody reads its body", async () => {
  const victim = new Victim();
  await using server = await startHttp(victim.handler);
  const client = await begin(server, post("a body that has come as a whole"));
  await victim.begun.wait();
  client.leave();
  await victim.ended.wait();
});

for (
  const [protocol, kind] of [["HTTP/1.1", { http1: true, http2: false }], ["HTTP/2", {
    http2: true,
  }]] as const
) {
  Deno.test(`HttpServer hears of a client that leaves by ${protocol} over TLS`, async () => {
    const { cert, key } = await certificate();
    const victim = new Victim();
    await using server = new HttpServer({ ...ANY_PORT, tls: { cert, key } }, victim.handler);
    await server.start();
    using client = Deno.createHttpClient({ caCerts: [cert], ...kind });
    const leaving = new AbortController();
    const asking = fetch(`https://localhost:${portOf(server)}/`, { client, signal: leaving.signal });
    await victim.begun.wait();
    await sleep(20); // who leaves by HTTP/2 at once is not noticed
    leaving.abort();
    await asking.catch(() => {});
    await victim.ended.wait();
  });
}

Deno.test("HttpServer does not watch over clients whose handlers are quick", async () => {
  await simulate(async (world) => {
    let accesses = 0;
    const requests = new FakeRequests(async () => {
      await sleep(40);
      return new Response();
    });
    using _spy = countAccesses("signal", () => accesses++);
    assertEquals(await requests.statuses("/", "/", "/"), [200, 200, 200]);
    assertEquals(accesses, 0);
    const { answer, leave } = requests.comeAndLeave();
    leave();
    assertEquals((await answer.get()).status, 200); // it is not even asked whether they are there
    await world.advance(200);
    assertEquals([accesses, world.hub.stats().timers], [0, 0]);
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer looks twice before it listens, and then hears at once", async () => {
  await simulate(async (world) => {
    const log: [string, number][] = [];
    const requests = new FakeRequests(async () => {
      try {
        await sleep(1_000);
      } finally {
        log.push(["ended", world.now]);
      }
      return new Response();
    });
    const early = requests.comeAndLeave();
    early.leave();
    assertEquals((await early.answer.get()).status, 503);
    assertEquals(world.now, 100);
    const late = requests.comeAndLeave();
    await world.advance(333);
    late.leave();
    await late.answer.get();
    assertEquals(log, [["ended", 100], ["ended", 433]]);
    await requests.service.stop([]);
  });
});

/** Counts how often somebody reads a property of a request. */
function countAccesses(name: "signal" | "headers" | "url", count: () => void): Disposable {
  const original = Object.getOwnPropertyDescriptor(Request.prototype, name)!;
  Object.defineProperty(Request.prototype, name, {
    configurable: true,
    get() {
      count();
      return original.get!.call(this);
    },
  });
  return { [Symbol.dispose]: () => Object.defineProperty(Request.prototype, name, original) };
}

Deno.test("HttpServer looks neither at headers nor at the URL nor at the signal of a simple request", async () => {
  let accesses = 0;
  using _headers = countAccesses("headers", () => accesses++);
  using _url = countAccesses("url", () => accesses++);
  using _signal = countAccesses("signal", () => accesses++);
  const server = await startHttp(() => new Response("hello"), { spawn: 5, requestTimeout: 1_000 });
  assertEquals([(await askOnce(server)).body, accesses], ["hello", 0]);
  await server.stop();
  await assertIdleSoon();
});
