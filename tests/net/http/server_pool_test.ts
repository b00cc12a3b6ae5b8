/** The `spawn` option: how many requests are handled at a time, and the queue of the others. */
import { assert, assertEquals } from "@std/assert";
import {
  type AsyncResult,
  Event,
  explore,
  getCurrent,
  getHub,
  type Greenlet,
  GreenletExit,
  joinAll,
  Pool,
  simulate,
  sleep,
  spawn,
} from "@verdant/green";
import { RequestGreenlet } from "../../../net/http/request_greenlet.ts";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { never } from "../servers.ts";
import { askOnce, begin, FakeRequests, get, RawClient, startHttp } from "./http_servers.ts";

const pathOf = (request: Request) => new URL(request.url).pathname;

Deno.test("HttpServer with a number never handles more at a time, and serves all in the order of arrival", async () => {
  await simulate(async () => {
    const order: string[] = [];
    let [running, most] = [0, 0];
    const requests = new FakeRequests(async (request) => {
      order.push(pathOf(request));
      most = Math.max(most, ++running);
      await sleep(order.length % 3 + 1);
      running--;
      return new Response(pathOf(request));
    }, { spawn: 3 });
    for (let burst = 0; burst < 2; burst++) {
      const paths = Array.from({ length: 20 }, (_, index) => `/${burst}-${index}`);
      const answers = paths.map((path) => requests.come(path));
      assertEquals([requests.service.queued, requests.service.size], [17, 20]);
      const bodies: string[] = [];
      for (const answer of answers) bodies.push(await (await answer.get()).text());
      assertEquals([bodies, order.splice(0), most], [paths, paths, 3]);
      assertEquals([requests.service.queued, requests.service.size], [0, 0]);
    }
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer with a number lets nobody overtake who waits, even if a slot is free at that moment", async () => {
  await simulate(async () => {
    const order: string[] = [];
    const go = new Event();
    const requests = new FakeRequests(async (request) => {
      order.push(pathOf(request));
      if (pathOf(request) === "/1") await go.wait();
      return new Response();
    }, { spawn: 1 });
    requests.come("/1");
    await sleep();
    go.set(); // in the next turn the slot is free,
    const latecomer = spawn(() => requests.come("/3").get()); // then this one comes,
    const second = requests.come("/2"); // and only then the one who is told of it
    await second.get();
    await latecomer.get();
    assertEquals(order, ["/1", "/2", "/3"]);
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer with a number lets a handler that does not wait have its slot for no time", async () => {
  await simulate(async () => {
    const requests = new FakeRequests(() => new Response("hello"), { spawn: 1, maxQueued: 0 });
    for (let i = 0; i < 10; i++) assertEquals(await requests.statuses("/"), [200]);
    assertEquals([requests.service.size, requests.service.queued], [0, 0]);
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer answers 503 with Retry-After when the queue is full, and never calls the handler", async () => {
  const go = new Event();
  const served: string[] = [];
  await using server = await startHttp(async (request) => {
    served.push(pathOf(request));
    await go.wait();
    return new Response("served");
  }, { spawn: 1, maxQueued: 2 });
  const clients: RawClient[] = [];
  for (const path of ["/1", "/2", "/3"]) {
    clients.push(await begin(server, get(path)));
    await eventually(() => server.running === clients.length);
  }
  assertEquals([server.queued, server.running], [2, 3]);
  using refused = await RawClient.connect(server);
  const { status, headers, body } = await refused.ask(get("/4"));
  assertEquals([status, headers["retry-after"], body], [503, "1", "Service Unavailable\n"]);
  go.set();
  for (const client of clients) {
    assertEquals((await client.receive()).body, "served");
    client.leave();
  }
  assertEquals((await refused.ask(get("/5"))).body, "served"); // its connection was kept
  assertEquals(served, ["/1", "/2", "/3", "/5"]);
});

Deno.test("HttpServer with maxQueued 0 refuses whoever would have to wait", async () => {
  await simulate(async () => {
    const requests = new FakeRequests(async () => {
      await sleep(10);
      return new Response();
    }, { spawn: 2, maxQueued: 0 });
    assertEquals(await requests.statuses("/", "/", "/"), [200, 200, 503]);
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer takes requests whose client leaves out of the queue", async () => {
  const go = new Event();
  const served: string[] = [];
  await using server = await startHttp(async (request) => {
    served.push(pathOf(request));
    await go.wait();
    return new Response();
  }, { spawn: 1 });
  using first = await begin(server, get("/1"));
  await eventually(() => server.running === 1);
  const second = await begin(server, get("/2"));
  await eventually(() => server.queued === 1);
  using third = await begin(server, get("/3"));
  await eventually(() => server.queued === 2);
  second.leave();
  await eventually(() => server.queued === 1);
  go.set();
  await first.receive();
  await third.receive();
  assertEquals(served, ["/1", "/3"]);
});

Deno.test("HttpServer counts the time in the queue: a request whose time is up leaves it and gets 503", async () => {
  await simulate(async (world) => {
    const served: string[] = [];
    const requests = new FakeRequests(async (request) => {
      served.push(pathOf(request));
      await sleep(80);
      return new Response();
    }, { spawn: 1, requestTimeout: 100 });
    const ends: [string, number, number][] = [];
    const clients = ["/1", "/2", "/3"].map((path) => {
      const answer = requests.come(path);
      return spawn(async () => ends.push([path, (await answer.get()).status, world.now]));
    });
    await joinAll(clients);
    assertEquals(ends, [["/1", 200, 80], ["/2", 503, 100], ["/3", 503, 100]]);
    assertEquals([served, requests.service.queued], [["/1", "/2"], 0]); // the second was killed at work
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer shares a Pool with others: who comes first is served first", async () => {
  await simulate(async () => {
    const pool = new Pool(1);
    const order: string[] = [];
    const requests = new FakeRequests(async (request) => {
      order.push(pathOf(request));
      assert(pool.has(getCurrent()!));
      await sleep(1);
      return new Response();
    }, { spawn: pool });
    const job = (name: string) =>
      spawn(() =>
        pool.spawn(async () => {
          order.push(name);
          await sleep(1);
        })
      );
    job("job 1");
    await sleep();
    const answers = [requests.come("/1")];
    await sleep();
    job("job 2");
    await sleep();
    answers.push(requests.come("/2"));
    for (const answer of answers) await answer.get();
    assertEquals(order, ["job 1", "/1", "job 2", "/2"]);
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer gets its share of a Pool that others use all the time", async () => {
  await simulate(async (world) => {
    const pool = new Pool(1);
    const greedy = [1, 2, 3].map(() =>
      spawn(async () => {
        for (;;) await (await pool.spawn(() => sleep(1))).join();
      })
    );
    await world.advance(10);
    const requests = new FakeRequests(() => new Response("served"), { spawn: pool });
    const answer = requests.come();
    await world.advance(20);
    assertEquals(requests.service.size, 0);
    assertEquals(await (await answer.get()).text(), "served");
    for (const greenlet of greedy) await greenlet.kill();
    await pool.kill();
    await requests.service.stop([]);
  });
});

Deno.test("HttpServer answers 503 to requests whose pool is killed, and serves the next ones", async () => {
  const pool = new Pool(1);
  const begun = new Event();
  let patient = true;
  await using server = await startHttp(async () => {
    begun.set();
    if (patient) await never();
    return new Response("served");
  }, { spawn: pool });
  using first = await begin(server);
  await begun.wait();
  using second = await begin(server);
  await eventually(() => server.queued === 1);
  await pool.kill(); // those who come in meanwhile, too
  assertEquals([(await first.receive()).status, (await second.receive()).status], [503, 503]);
  patient = false;
  assertEquals((await askOnce(server)).body, "served");
});

Deno.test("HttpServer.stop() serves those in the queue as long as there is time, and then answers 503", async () => {
  const served: string[] = [];
  const go = new Event();
  const server = await startHttp(async (request) => {
    served.push(pathOf(request));
    await go.wait();
    if (pathOf(request) === "/3") await never();
    return new Response(pathOf(request));
  }, { spawn: 1 });
  const clients: RawClient[] = [];
  for (const path of ["/1", "/2", "/3", "/4"]) {
    clients.push(await begin(server, get(path)));
    await eventually(() => server.running === clients.length);
  }
  const stopping = spawn(() => server.stop({ timeout: 100 }));
  await sleep(1);
  go.set();
  await stopping.get();
  const answers = await Promise.all(clients.map((client) => client.receive()));
  assertEquals(answers.map(({ status }) => status), [200, 200, 503, 503]);
  assertEquals([served, server.queued, server.running], [["/1", "/2", "/3"], 0, 0]);
  for (const client of clients) client.leave();
  await assertIdleSoon();
});

Deno.test("HttpServer.stop() leaves the other members of a shared pool alone", async () => {
  const pool = new Pool(2);
  const go = new Event();
  const other = await pool.spawn(() => go.wait());
  const server = await startHttp(() => never().then(() => new Response()), { spawn: pool });
  using client = await begin(server);
  await eventually(() => server.running === 1);
  using queued = await begin(server);
  await eventually(() => server.queued === 1);
  await server.stop({ timeout: 0 });
  assertEquals([(await client.receive()).status, (await queued.receive()).status], [503, 503]);
  assertEquals([other.ready, pool.size, pool.freeCount], [false, 1, 1]);
  go.set();
  await other.get();
});

Deno.test("HttpServer.stop() waits for no slot of a shared pool", async () => {
  const pool = new Pool(1);
  const go = new Event();
  const other = await pool.spawn(() => go.wait());
  const server = await startHttp(() => new Response(), { spawn: pool });
  using queued = await begin(server);
  await eventually(() => server.queued === 1);
  await server.stop({ timeout: 0 });
  assertEquals((await queued.receive()).status, 503);
  assertEquals(getHub().stats().greenlets, 1); // the other
  go.set();
  await other.get();
});

Deno.test("HttpServer frees the slot of a handler that fails", async () => {
  using errors = captureErrors();
  await using server = await startHttp(async (request) => {
    await sleep();
    if (pathOf(request) === "/bad") throw new Error("no");
    return new Response("fine");
  }, { spawn: 1 });
  for (let i = 0; i < 3; i++) assertEquals((await askOnce(server, get("/bad"))).status, 500);
  assertEquals([(await askOnce(server)).body, errors.seen.length], ["fine", 3]);
});

/** Whoever is killed whenever: every request is answered, the pool is empty, and never too full. */
async function underWay(): Promise<void> {
  const pool = new Pool(2);
  let [running, most, served] = [0, 0, 0];
  const requests = new FakeRequests(async () => {
    most = Math.max(most, ++running);
    try {
      await sleep();
      await sleep(1);
      served++;
      return new Response("served");
    } finally {
      running--;
    }
  }, { spawn: pool, maxQueued: 2, requestTimeout: 3 });
  const others = spawn(async () => {
    for (let i = 0; i < 2; i++) await pool.spawn(() => sleep(1));
  });
  const answers: AsyncResult<Response>[] = [];
  const coming = spawn(async () => {
    for (let i = 0; i < 6; i++) {
      answers.push(requests.come(`/${i}`));
      if (i % 2 === 0) await sleep();
    }
  });
  await coming.join();
  const statuses: number[] = [];
  for (const answer of answers) statuses.push((await answer.get()).status);
  for (const status of statuses) assert(status === 200 || status === 503, `${status}`);
  assertEquals(statuses.filter((status) => status === 200).length, served);
  await others.join();
  await pool.join();
  assertEquals([requests.service.queued, requests.service.size, running], [0, 0, 0]);
  assert(most <= 2, `${most} at a time`);
  await requests.service.stop([]);
  assertEquals([pool.freeCount, pool.size], [2, 0]);
}

for (const strategy of ["random", "pct"] as const) {
  Deno.test(`HttpServer answers every request and leaks no slot, whoever is killed when (${strategy})`, async () => {
    const victims = (greenlet: Greenlet) => greenlet instanceof RequestGreenlet;
    await explore(underWay, { strategy, runs: 300, inject: ["kill"], victims });
    await explore(underWay, { strategy, runs: 300 });
  });
}

Deno.test("HttpServer does not start a request that was killed in the queue", async () => {
  await simulate(async () => {
    const greenlets: Greenlet[] = [];
    const requests = new FakeRequests(async () => {
      greenlets.push(getCurrent()!);
      await sleep(10);
      return new Response();
    }, { spawn: 1 });
    const answers = [requests.come("/1"), requests.come("/2"), requests.come("/3")];
    const [, second] = [...requests.service.greenlets()];
    await second!.kill();
    assertEquals([second!.value instanceof GreenletExit, requests.service.queued], [true, 1]);
    const statuses: number[] = [];
    for (const answer of answers) statuses.push((await answer.get()).status);
    assertEquals(statuses, [200, 503, 200]);
    assertEquals(greenlets.length, 2);
    await requests.service.stop([]);
  });
});
