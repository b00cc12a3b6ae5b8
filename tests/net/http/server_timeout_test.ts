/** The `requestTimeout` option. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  type AccessLogEntry,
  Event,
  getCurrent,
  type Greenlet,
  GreenletExit,
  shield,
  simulate,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { never } from "../servers.ts";
import { askOnce, begin, chunk, FakeRequests, get, RawClient, startHttp } from "./http_servers.ts";

for (const timeoutStatus of [undefined, 503, 504] as const) {
  Deno.test(`HttpServer answers ${timeoutStatus ?? "503 by default"} when time is up, and the finally of the handler runs`, async () => {
    using errors = captureErrors();
    const log: string[] = [];
    const cleaned = new Event();
    let greenlet: Greenlet;
    await using server = await startHttp(async () => {
      greenlet = getCurrent()!;
      try {
        await never();
        return new Response();
      } finally {
        await sleep(1);
        log.push("clean-up");
        cleaned.set();
      }
    }, { requestTimeout: 20, timeoutStatus });
    const { status, body } = await askOnce(server, get("/slow?token=secret"));
    const expected = timeoutStatus ?? 503;
    assertEquals([status, body], [
      expected,
      expected === 504 ? "Gateway Timeout\n" : "Service Unavailable\n",
    ]);
    await cleaned.wait();
    await greenlet!.join();
    assertInstanceOf(greenlet!.value, GreenletExit);
    assertEquals(greenlet!.value.message, "The request GET /slow took more than 20 ms");
    assertEquals([log, errors.seen], [["clean-up"], []]);
  });
}

Deno.test("HttpServer answers at the time-out, not before and not when the clean-up is over", async () => {
  await simulate(async (world) => {
    const log: [string, number][] = [];
    const requests = new FakeRequests(async () => {
      try {
        await sleep(1_000);
        return new Response();
      } finally {
        await sleep(70);
        log.push(["clean", world.now]);
      }
    }, { requestTimeout: Temporal.Duration.from({ milliseconds: 100 }) });
    const answer = requests.come();
    const { status } = await answer.get();
    assertEquals([status, world.now, requests.service.size], [503, 100, 1]);
    await world.advance(80);
    assertEquals([log, requests.service.size], [[["clean", 170]], 0]);
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer does not touch who is in time, however close", async () => {
  await simulate(async (world) => {
    const requests = new FakeRequests(async () => {
      await sleep(99);
      return new Response("in time");
    }, { requestTimeout: 100 });
    assertEquals(await (await requests.come().get()).text(), "in time");
    await world.advance(1_000);
    assertEquals(world.hub.stats().timers, 0);
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer with requestTimeout 0 lets those answer who do not wait", async () => {
  using _errors = captureErrors();
  await using server = await startHttp(async (request) => {
    if (request.url.endsWith("/wait")) await sleep(1);
    return new Response("at once");
  }, { requestTimeout: 0 });
  assertEquals((await askOnce(server, get("/wait"))).status, 503);
  assertEquals((await askOnce(server)).status, 200);
});

Deno.test("HttpServer answers although the handler ignores its kill, whose answer comes too late", async () => {
  using errors = captureErrors();
  const entries: AccessLogEntry[] = [];
  const ended = new Event();
  await using server = await startHttp(async () => {
    await never().catch(() => {});
    await sleep(150); // the client watch looks at it meanwhile
    ended.set();
    return new Response("too late");
  }, { requestTimeout: 10, accessLog: (entry) => entries.push(entry) });
  using client = await RawClient.connect(server);
  assertEquals((await client.ask(get())).status, 503);
  await ended.wait();
  await eventually(() => server.running === 0);
  assertEquals([entries.map(({ status }) => status), errors.seen], [[503], []]);
  assertEquals((await client.ask(get())).status, 503); // the connection is in order
});

Deno.test("HttpServer answers although the handler is shielded, which runs on to its end", async () => {
  const log: string[] = [];
  const [answered, ended] = [new Event(), new Event()];
  await using server = await startHttp(async () => {
    try {
      await shield(async () => {
        await answered.wait();
        log.push("committed");
      });
      await sleep(60_000); // the kill arrives here
      return new Response();
    } finally {
      log.push("clean-up");
      ended.set();
    }
  }, { requestTimeout: 10 });
  assertEquals((await askOnce(server)).status, 503);
  assertEquals(log, []);
  answered.set();
  await ended.wait();
  assertEquals(log, ["committed", "clean-up"]);
});

Deno.test("HttpServer ends a handler that waits for the body of a slow client", async () => {
  const endings: string[] = [];
  const reads: Record<string, (request: Request) => Promise<unknown>> = {
    json: (request) => request.json(),
    text: (request) => request.text(),
    bytes: (request) => request.bytes(),
    arrayBuffer: (request) => request.arrayBuffer(),
    blob: (request) => request.blob(),
    formData: (request) => request.formData(),
    stream: (request) => Array.fromAsync(request.body!),
    clone: (request) => request.clone().json(),
  };
  await using server = await startHttp(async (request) => {
    const name = new URL(request.url).pathname.slice(1);
    try {
      await reads[name]!(request);
      endings.push(`${name} returned`);
    } catch (error) {
      endings.push(`${name} ${error instanceof GreenletExit ? "killed" : error}`);
      throw error;
    }
    return new Response();
  }, { requestTimeout: 20 });
  for (const name of Object.keys(reads)) {
    for (const head of ["content-length: 100", "transfer-encoding: chunked"]) {
      const type = name === "formData" ? "content-type: application/x-www-form-urlencoded\r\n" : "";
      const body = head.startsWith("content") ? '{"a":' : chunk('{"a":');
      using client = await begin(
        server,
        `POST /${name} HTTP/1.1\r\nhost: a\r\n${type}${head}\r\n\r\n${body}`,
      );
      assertEquals((await client.receive()).status, 503, name);
      await eventually(() => endings.length > 0);
      assertEquals(endings.splice(0), [`${name} killed`]);
    }
  }
});

Deno.test("HttpServer reports the error of a handler that fails after its time, and sends it to nobody", async () => {
  using errors = captureErrors();
  const failure = new Error("too late");
  await using server = await startHttp(async () => {
    try {
      await never();
      return new Response();
    } finally {
      // deno-lint-ignore no-unsafe-finally -- it is what is tested
      throw failure;
    }
  }, { requestTimeout: 10 });
  assertEquals((await askOnce(server)).body, "Service Unavailable\n");
  await eventually(() => errors.seen.length > 0);
  assert(errors.seen.length === 1 && errors.seen[0] === failure);
});

Deno.test("HttpServer does not limit the time of a stream by requestTimeout", async () => {
  await using server = await startHttp(() => {
    const stream = new ReadableStream({
      async start(controller) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        controller.enqueue(new TextEncoder().encode("late"));
        controller.close();
      },
    });
    return new Response(stream);
  }, { requestTimeout: 10 });
  assertEquals((await askOnce(server)).body, "late");
});

Deno.test("HttpServer keeps no timer of a request that is over", async () => {
  const server = await startHttp(async () => {
    await sleep(1);
    return new Response();
  }, { requestTimeout: 60_000 });
  const clients = Array.from({ length: 5 }, () => spawn(() => askOnce(server)));
  for (const client of clients) await client.get();
  await server.stop();
  await assertIdleSoon();
});
