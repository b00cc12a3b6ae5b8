/** `HttpClient` tries again: what, when and how often. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import {
  type FailedTry,
  HttpClient,
  type HttpRequestInit,
  simulate,
  spawn,
  withTimeout,
} from "@verdant/green";
import { assertIdle, bytes, eventually } from "../network.ts";
import {
  assertUnused,
  errorOf,
  MINUTE,
  minutePasses,
  once,
  RawServer,
  reply,
  serveHttp,
} from "./client_servers.ts";

/** Answers with the statuses in turn, then with 200 and how often it was asked. */
function failing(...answers: (number | Response | "break")[]): RawServer {
  let asked = 0;
  return new RawServer(async (to) => {
    const answer = answers[asked++] ?? 200;
    if (answer === "break") return to.close();
    const { status, headers } = typeof answer === "number" ? new Response(null, { status: answer }) : answer;
    await to.send(
      reply(`asked ${asked}`, `${status} X`, ...[...headers].map(([name, value]) => `${name}: ${value}`)),
    );
  });
}

const NO_JITTER = { initial: 100, factor: 2, max: 350, jitter: 0 };

Deno.test("HttpClient tries again after failures, with longer and longer pauses", async () => {
  await using server = failing("break", 502, 503, 504, 429);
  await simulate(async (world) => {
    using client = new HttpClient({ retries: 5, backoff: NO_JITTER });
    const pauses: number[] = [];
    let before = world.now;
    const retryOn = (_failed: FailedTry) => {
      pauses.push(world.now - before);
      before = world.now;
      return true;
    };
    const response = await client.get(server.origin, { retryOn });
    pauses.push(world.now - before);
    assertEquals([response.status, await response.text()], [200, "asked 6"]);
    assertEquals(pauses, [0, 100, 200, 350, 350, 350]);
  });
  assertEquals(server.heads.length, 6);
});

Deno.test("HttpClient lets a call change a part of the backoff", async () => {
  await using server = failing(503, 503);
  await simulate(async (world) => {
    using client = new HttpClient({ backoff: NO_JITTER });
    (await client.get(server.origin, { backoff: { initial: 300 } })).discard();
    assertEquals(world.now, 300 + 350);
  });
});

Deno.test("HttpClient leaves a part of each pause to chance, in a simulation to its seed", async () => {
  const pauseOf = async (seed: number, jitter: number) => {
    await using server = failing(503);
    return await simulate(async (world) => {
      using client = new HttpClient({ backoff: { initial: 1000, jitter } });
      (await client.get(server.origin)).discard();
      return world.now;
    }, { seed });
  };
  const pauses = [];
  for (let seed = 1; seed <= 5; seed++) pauses.push(await pauseOf(seed, 0.25));
  assert(pauses.every((pause) => pause > 750 && pause <= 1000), String(pauses));
  assert(new Set(pauses).size > 1, String(pauses));
  assertEquals([await pauseOf(1, 0.25), await pauseOf(1, 0)], [pauses[0], 1000]);
});

Deno.test("HttpClient holds no slot while it pauses", async () => {
  await using server = failing(503);
  await simulate(async () => {
    using client = new HttpClient({ maxPerHost: 1, backoff: NO_JITTER, baseUrl: server.origin });
    const call = spawn(async () => await (await client.get("/first")).text());
    await eventually(() => server.heads.length === 1 && client.active === 0);
    assertEquals(await (await client.get("/second")).text(), "asked 2");
    assertEquals(await call.get(), "asked 3");
  });
});

Deno.test("HttpClient returns the last answer, or throws the last error, when there are no tries left", async () => {
  await using server = failing(503, 502, 504, 503);
  using client = new HttpClient({ retries: 2, backoff: { initial: 1 } });
  const response = await client.get(server.origin);
  assertEquals([response.status, await response.text(), server.heads.length], [504, "asked 3", 3]);
  await using broken = failing("break", "break", "break");
  const error = await assertRejects(
    () => client.get(broken.origin),
    TypeError,
    `Cannot fetch ${broken.origin}/ in 3 tries: `,
  );
  assertStringIncludes((error.cause as Error).message, "connection closed");
  assertEquals(broken.heads.length, 3);
  assertUnused(client);
});

Deno.test("HttpClient sends once what must not be sent twice, though a kept connection breaks", async () => {
  let asked = 0;
  await using server = new RawServer(async (to, head) => {
    if (++asked % 2 === 0) return to.close();
    await to.send(reply(/^\w+/.exec(head)![0]));
  });
  const { origin } = server;
  using client = once();
  const ask = async (init: HttpRequestInit) => await (await client.fetch(origin, init)).text();
  for (const method of ["POST", "PATCH", "PURGE"]) {
    for (const makeBody of [() => null, () => "", () => new Blob([]).stream()]) {
      const before = asked;
      assertEquals(await ask({ method, body: makeBody() }), method);
      await assertRejects(() => ask({ method, body: makeBody() }), TypeError, "connection closed");
      assertEquals(asked, before + 2, method);
    }
  }
  const request = () => new Request(origin, { method: "POST" });
  assertEquals(await (await client.fetch(request())).text(), "POST");
  await assertRejects(() => client.fetch(request()), TypeError, "connection closed");
  assertEquals(asked, 20);
  assertUnused(client);
});

Deno.test("HttpClient tries again only what may be sent again", async () => {
  const stream = () => new Blob(["body"]).stream();
  const calls: [name: string, (client: HttpClient, url: string) => Promise<Response>, tries: number][] = [
    ["GET", (client, url) => client.get(url), 2],
    ["HEAD", (client, url) => client.head(url), 2],
    ["OPTIONS", (client, url) => client.fetch(url, { method: "options" }), 2],
    ["DELETE", (client, url) => client.delete(url), 2],
    ["PUT", (client, url) => client.put(url, ""), 2],
    ["PUT of a stream", (client, url) => client.put(url, stream()), 1],
    ["POST", (client, url) => client.post(url, ""), 1],
    ["PATCH", (client, url) => client.patch(url, ""), 1],
    ["another", (client, url) => client.fetch(url, { method: "PURGE" }), 1],
    ["Request to PUT", (client, url) => client.fetch(new Request(url, { method: "PUT" })), 2],
    [
      "Request to PUT a body",
      (client, url) => client.fetch(new Request(url, { method: "PUT", body: "x" })),
      1,
    ],
    ["Request to GET", (client, url) => client.fetch(new Request(url)), 2],
    ["POST if told so", (client, url) => client.post(url, "", { retryMethods: ["POST"] }), 2],
    ["GET if told otherwise", (client, url) => client.get(url, { retryMethods: ["POST"] }), 1],
    ["GET without retries", (client, url) => client.get(url, { retries: 0 }), 1],
  ];
  using client = new HttpClient({ retries: 3, backoff: { initial: 1 } });
  for (const [name, call, tries] of calls) {
    let asked = 0;
    await using server = serveHttp(async (request) => {
      await request.text();
      return new Response(null, { status: ++asked === 1 ? 503 : 200 });
    });
    const response = await call(client, server.origin);
    await response.body?.cancel();
    assertEquals([asked, response.status], [tries, tries === 1 ? 503 : 200], name);
  }
  assertUnused(client);
});

Deno.test("HttpClient sends the same body at every try", async () => {
  const form = new FormData();
  form.set("a", "text");
  const bodies: BodyInit[] = ["text", bytes("text"), bytes("text").buffer, new Blob(["text"]), form];
  bodies.push(new URLSearchParams({ a: "text" }));
  using client = new HttpClient({ backoff: { initial: 1 } });
  for (const body of bodies) {
    const texts: string[] = [];
    await using server = serveHttp(async (request) => {
      texts.push((await request.text()).replaceAll(/-{4,}\w*/g, ""));
      return new Response(null, { status: texts.length < 3 ? 503 : 200 });
    });
    (await client.put(server.origin, body)).discard();
    assertEquals(texts.length, 3);
    assert(texts[0]!.includes("text") && texts.every((text) => text === texts[0]), String(texts));
  }
});

Deno.test("HttpClient tries again what retryOn names, or says is worth it", async () => {
  using client = new HttpClient({ retries: 1, retryOn: [404], backoff: { initial: 1 } });
  const triesFor = async (answer: number | "break", init?: HttpRequestInit) => {
    await using server = failing(answer);
    await client.get(`${server.origin}/p`, init).then((response) => response.discard(), () => {});
    return server.heads.length;
  };
  assertEquals([await triesFor(404), await triesFor(503), await triesFor("break")], [2, 1, 2]);
  const failures: FailedTry[] = [];
  const retryOn = (failed: FailedTry) => {
    failures.push(failed);
    return failed.status === 500;
  };
  assertEquals(await Promise.all([500, 503, "break", 200].map((it) => triesFor(it as 500, { retryOn }))), [
    2,
    1,
    1,
    1,
  ]);
  assertEquals(failures.map(({ status, failures, method }) => `${method} ${status} ${failures}`).toSorted(), [
    "GET 500 1",
    "GET 503 1",
    "GET undefined 1",
  ]);
  const broken = failures.find(({ status }) => status === undefined)!;
  assert(broken.error instanceof TypeError && broken.headers === undefined);
  assert(failures.every(({ url }) => /^http:\/\/127.0.0.1:\d+\/p$/.test(url)));
  const failure = new Error("of retryOn");
  await using server = failing(500);
  const caught = await errorOf(client.get(server.origin, {
    retryOn: () => {
      throw failure;
    },
  }));
  assertStrictEquals(caught, failure);
  assertUnused(client);
});

Deno.test("HttpClient pauses as long as Retry-After says, within bounds", async () => {
  const date = new Date(Date.UTC(2030, 0, 1));
  const later = (seconds: number) => new Date(date.getTime() + seconds * 1000).toUTCString();
  const cases: [name: string, headers: Record<string, string>, pause: number | undefined][] = [
    ["seconds", { "retry-after": "30" }, 30_000],
    ["a second", { "retry-after": "1" }, 2_000],
    ["none", {}, 2_000],
    ["nothing", { "retry-after": "0" }, 2_000],
    ["a date by the server's clock", { "retry-after": later(45), date: date.toUTCString() }, 45_000],
    ["a date that is over", { "retry-after": later(-45), date: date.toUTCString() }, 2_000],
    ["nonsense", { "retry-after": "soon" }, 2_000],
    ["too long", { "retry-after": "61" }, undefined],
    ["too late", { "retry-after": later(61), date: date.toUTCString() }, undefined],
    ["very long", { "retry-after": "9".repeat(400) }, undefined],
  ];
  for (const [name, headers, pause] of cases) {
    await using server = failing(new Response(null, { status: 503, headers }));
    await simulate(async (world) => {
      using client = new HttpClient({ backoff: { initial: 2_000, jitter: 0, maxRetryAfter: 60_000 } });
      const response = await client.get(server.origin);
      response.discard();
      assertEquals([response.status, world.now], pause === undefined ? [503, 0] : [200, pause], name);
    });
  }
  // Without a clock of the server, by ours.
  await using server = failing(
    new Response(null, {
      status: 429,
      headers: { "retry-after": new Date(Date.now() + 20_000).toUTCString() },
    }),
  );
  await simulate(async (world) => {
    using client = new HttpClient({ backoff: NO_JITTER });
    (await client.get(server.origin)).discard();
    assert(world.now > 15_000 && world.now <= 20_000, String(world.now));
  });
});

Deno.test("HttpClient does not begin a pause that its timeout would end", async () => {
  await using server = failing("break", 503);
  await simulate(async (world) => {
    using client = new HttpClient({ timeout: 100, backoff: NO_JITTER });
    await assertRejects(() => client.get(server.origin), TypeError, "connection closed");
    const response = await client.get(server.origin);
    response.discard();
    assertEquals([response.status, world.now], [503, 0]);
    assertEquals(world.now, 0);
  });
});

Deno.test("HttpClient that is killed, timed out or aborted in a pause leaves nothing", async () => {
  await using server = new RawServer((to) => to.send(reply("busy", "503 Busy")));
  const controller = new AbortController();
  using client = new HttpClient({
    backoff: { initial: 10 * MINUTE, max: 10 * MINUTE },
    baseUrl: server.origin,
  });
  const killed = spawn(() => client.get("/"));
  const aborted = spawn(() => errorOf(client.get("/", { signal: controller.signal })));
  const block = spawn(() => withTimeout(MINUTE, () => client.get("/"), { value: "too late" }));
  await server.asked(3);
  await eventually(() => client.active === 0);
  await killed.kill();
  assert(String(killed.value).includes("pause before the next try"), String(killed.value));
  controller.abort("changed my mind");
  assertEquals(await aborted.get(), "changed my mind");
  minutePasses();
  assertEquals(await block.get(), "too late");
  assertUnused(client);
  client.close();
  await server.left();
  assertIdle();
});
