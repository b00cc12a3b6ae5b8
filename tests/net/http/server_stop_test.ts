/** `HttpServer.stop()`: who may finish, who is ended, and that nobody who finished is cut. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  Event,
  getCurrent,
  type Greenlet,
  type HttpServer,
  joinAll,
  respondFrom,
  shield,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { isRefused, never, portOf } from "../servers.ts";
import { begin, get, post, startHttp } from "./http_servers.ts";

Deno.test("HttpServer.stop() with 200 requests in flight: those that can finish do, the others get 503", async () => {
  const COUNT = 200;
  const [all, go] = [new Event(), new Event()];
  let [here, cleaned] = [0, 0];
  const server = await startHttp(async (request) => {
    if (++here === COUNT) all.set();
    const index = Number(new URL(request.url).pathname.slice(1));
    try {
      await go.wait();
      await sleep(index % 2 === 0 ? index % 20 : 60_000);
      return new Response("x".repeat(10_000));
    } finally {
      await sleep(1);
      cleaned++;
    }
  });
  const clients = await Promise.all(
    Array.from({ length: COUNT }, (_, index) => begin(server, get(`/${index}`))),
  );
  await all.wait();
  const stopping = spawn(() => server.stop({ timeout: 300 }));
  await sleep();
  go.set();
  const answers = await Promise.all(clients.map((client) => client.receive()));
  await stopping.get();
  for (const [index, { status, body, complete }] of answers.entries()) {
    const expected = index % 2 === 0 ? [200, 10_000, true] : [503, "Service Unavailable\n".length, true];
    assertEquals([index, status, body.length, complete], [index, ...expected]);
  }
  assertEquals([cleaned, server.running], [COUNT, 0]);
  for (const client of clients) {
    assertEquals([await client.rest(), client.end], ["", "closed"]); // not reset
    client.leave();
  }
  await assertIdleSoon();
});

Deno.test("HttpServer.stop() resets nobody whose large answer is on its way", async () => {
  const [all, go] = [new Event(), new Event()];
  let here = 0;
  const server = await startHttp(async () => {
    if (++here === 20) all.set();
    await go.wait();
    return new Response(new Uint8Array(3_000_000));
  });
  const clients = await Promise.all(Array.from({ length: 20 }, () => begin(server)));
  await all.wait();
  const stopping = spawn(() => server.stop({ timeout: 5_000 }));
  await sleep();
  go.set();
  for (const client of clients) {
    const { body, complete } = await client.receive();
    assertEquals([body.length, complete, await client.rest(), client.end], [3_000_000, true, "", "closed"]);
    client.leave();
  }
  await stopping.get();
});

Deno.test("HttpServer.stop() is over as soon as the last request is", async () => {
  const begun = new Event();
  const server = await startHttp(async () => {
    begun.set();
    await sleep(20);
    return new Response("done");
  });
  using client = await begin(server);
  await begun.wait();
  const before = performance.now();
  await server.stop({ timeout: 60_000 });
  assert(performance.now() - before < 5_000);
  assertEquals((await client.receive()).body, "done");
});

Deno.test("HttpServer.stop() closes idle connections at once, also those in the middle of a head", async () => {
  const server = await startHttp(() => new Response("hello"));
  const beginnings = ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: a\r\n", get(), `${get()}GET /`];
  const clients = await Promise.all(beginnings.map((text) => begin(server, text)));
  for (const client of clients.slice(-2)) assertEquals((await client.receive()).body, "hello");
  await server.stop({ timeout: 60_000 });
  for (const client of clients) {
    assertEquals([await client.rest(), client.end], ["", "closed"]);
    client.leave();
  }
});

Deno.test("HttpServer.stop() refuses new connections at once", async () => {
  const begun = new Event();
  const server = await startHttp(async () => {
    begun.set();
    await never();
    return new Response();
  });
  using client = await begin(server);
  await begun.wait();
  const stopping = spawn(() => server.stop({ timeout: 60_000 }));
  await sleep();
  assert(await isRefused(portOf(server)));
  assertEquals([stopping.ready, server.started, server.closed, server.running], [false, false, true, 1]);
  await stopping.kill();
  assertEquals((await client.receive()).status, 503);
});

Deno.test("HttpServer.stop() serves no further request of a connection that is kept", async () => {
  const [begun, go] = [new Event(), new Event()];
  const served: string[] = [];
  const server = await startHttp(async (request) => {
    served.push(new URL(request.url).pathname);
    begun.set();
    await go.wait();
    return new Response("served");
  });
  using client = await begin(server, get("/1") + get("/2") + get("/3"));
  await begun.wait();
  const stopping = spawn(() => server.stop({ timeout: 60_000 }));
  await sleep();
  go.set();
  assertEquals((await client.receive()).body, "served");
  await stopping.get();
  assertEquals([await client.rest(), client.end, served], ["", "closed", ["/1"]]);
});

Deno.test("HttpServer.stop() gives handlers stopTimeout unless it is told otherwise", async () => {
  for (const [stopTimeout, timeout, expected] of [[40, undefined, 40], [60_000, 30, 30]] as const) {
    const begun = new Event();
    const server = await startHttp(async () => {
      begun.set();
      await never();
      return new Response();
    }, { stopTimeout });
    using client = await begin(server);
    await begun.wait();
    const before = performance.now();
    await server.stop({ timeout });
    const took = performance.now() - before;
    assert(took >= expected - 1 && took < expected + 900, `${took} ms`);
    assertEquals((await client.receive()).status, 503);
  }
});

Deno.test("HttpServer.stop() called by a handler does not wait for that one, which is answered", async () => {
  using errors = captureErrors();
  const others = new Event();
  let server: HttpServer | undefined = undefined;
  let took = 0;
  server = await startHttp(async (request) => {
    if (request.url.endsWith("/other")) {
      others.set();
      await sleep(20);
      return new Response("finished");
    }
    await others.wait();
    const before = performance.now();
    await server!.stop({ timeout: 60_000 });
    took = performance.now() - before;
    return new Response("stopped");
  });
  using stopper = await begin(server, get("/stop"));
  using other = await begin(server, get("/other"));
  assertEquals([(await stopper.receive()).body, (await other.receive()).body], ["stopped", "finished"]);
  assert(took < 900, `${took} ms`);
  assertEquals([await stopper.rest(), stopper.end, errors.seen], ["", "closed", []]);
  await server.stop();
  await assertIdleSoon();
});

Deno.test("HttpServer.stop() called by two handlers and the main flow: all of them are over", async () => {
  using errors = captureErrors();
  let here = 0;
  const both = new Event();
  let server: HttpServer | undefined = undefined;
  server = await startHttp(async () => {
    if (++here === 2) both.set();
    await both.wait();
    await server!.stop();
    return new Response("stopped");
  });
  const serving = spawn(() => server!.serveForever({ signals: [] }));
  await sleep();
  const clients = [await begin(server), await begin(server)];
  for (const client of clients) {
    assertEquals((await client.receive()).body, "stopped");
    client.leave();
  }
  await serving.get();
  await server.stop();
  assertEquals(errors.seen, []);
});

Deno.test("HttpServer.stop() called twice kills nobody twice, so that a finally that waits is not interrupted", async () => {
  using errors = captureErrors();
  const begun = new Event();
  let cleaned = false;
  const server = await startHttp(async () => {
    begun.set();
    try {
      await never();
      return new Response();
    } finally {
      await sleep(50);
      cleaned = true;
    }
  });
  using client = await begin(server);
  await begun.wait();
  await joinAll([spawn(() => server.stop({ timeout: 10 })), spawn(() => server.stop({ timeout: 20 }))]);
  assertEquals([cleaned, server.running, (await client.receive()).status, errors.seen], [true, 0, 503, []]);
});

Deno.test("HttpServer.stop() that is killed kills the handlers at once and awaits their clean-up", async () => {
  const begun = new Event();
  let cleaned = false;
  const server = await startHttp(async () => {
    begun.set();
    try {
      await never();
      return new Response();
    } finally {
      await sleep(5);
      cleaned = true;
    }
  });
  using client = await begin(server);
  await begun.wait();
  const stopping = spawn(() => server.stop({ timeout: 60_000 }));
  await sleep(5);
  assertEquals(stopping.ready, false);
  await stopping.kill();
  assertEquals([cleaned, server.running, (await client.receive()).status], [true, 0, 503]);
  await assertIdleSoon();
});

Deno.test("HttpServer.stop() answers for handlers that ignore their kill, and reports them", async () => {
  using errors = captureErrors();
  const go = new Event();
  let greenlet: Greenlet | undefined = undefined;
  const server = await startHttp(async () => {
    greenlet = getCurrent()!;
    await shield(() => go.wait());
    return new Response("too late");
  }, { stopTimeout: 0 });
  using client = await begin(server, get("/stubborn"));
  await eventually(() => server.running === 1);
  const stopping = spawn(() => server.stop());
  assertEquals((await client.receive()).status, 503);
  await stopping.get();
  assertEquals([errors.seen.length, server.running], [1, 1]);
  assertStringIncludes(String(errors.seen[0]), "Still running after their kill: ");
  assertStringIncludes(String(errors.seen[0]), "GET /stubborn");
  assertEquals([await client.rest(), client.end], ["", "closed"]);
  go.set();
  await greenlet!.join();
  assertEquals(server.running, 0);
  await assertIdleSoon();
});

Deno.test("HttpServer.stop() at any moment of a request leaves nothing, and every answer is whole", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const server = await startHttp(async (request) => {
      await sleep();
      const text = await request.text();
      await sleep();
      return text.length % 2 === 0 ? new Response(text) : respondFrom([text]);
    });
    const clients = await Promise.all([2, 3].map((size) => begin(server, post("x".repeat(size)))));
    for (let i = 0; i < turns; i++) await sleep();
    await server.stop({ timeout: 5_000 });
    for (const client of clients) {
      const text = await client.rest();
      assert(client.end !== "open");
      if (text !== "") assert(/^HTTP\/1\.1 200 [^]*(\r\n\r\nxx|0\r\n\r\n)$/.test(text), text);
      client.leave();
    }
    assertEquals(server.running, 0);
    await assertIdleSoon();
  }
});
