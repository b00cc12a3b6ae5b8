/** How many requests `HttpClient` sends at a time, who waits in line, and when a slot is free again. */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  explore,
  type Greenlet,
  type HttpResponse,
  isKill,
  joinAll,
  sleep,
  spawn,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { type Slot, SlotTable } from "../../../net/http/client_slots.ts";
import { calm, eventually } from "../network.ts";
import {
  assertUnused,
  errorOf,
  MINUTE,
  minutePasses,
  once,
  RawServer,
  reply,
  serveHttp,
  SlowServer,
} from "./client_servers.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

Deno.test("HttpClient sends maxPerHost requests at a time, the others in the order of their calls", async () => {
  await using server = new SlowServer();
  using client = once({ baseUrl: server.origin, maxPerHost: 2 });
  const paths = ["/1", "/2", "/3", "/4", "/5"];
  const calls = paths.map((path) => spawn(async () => await (await client.get(path)).text()));
  await eventually(() => server.pending.size === 2);
  await calm();
  assertEquals([client.active, client.waiting, server.asked.toSorted()], [2, 3, ["/1", "/2"]]);
  for (const [gone, next] of [["/2", "/3"], ["/1", "/4"], ["/3", "/5"]] as const) {
    server.letGo(gone);
    await eventually(() => server.pending.has(next));
  }
  assertEquals([client.active, client.waiting], [2, 0]);
  server.letGo("/4");
  server.letGo("/5");
  assertEquals((await joinAll(calls)).length, 5);
  assertEquals([calls.map((call) => call.value), server.most], [paths, 2]);
  assertUnused(client);
});

Deno.test("HttpClient counts each origin by itself", async () => {
  await using one = new SlowServer();
  await using other = new SlowServer();
  using client = once({ maxPerHost: 1 });
  const calls = [one, one, other].map(({ origin }, index) => spawn(() => client.get(`${origin}/${index}`)));
  await eventually(() => one.pending.size + other.pending.size === 2);
  assertEquals([[...one.pending.keys()], [...other.pending.keys()]], [["/0"], ["/2"]]);
  assertEquals([client.active, client.waiting], [2, 1]);
  for (const call of calls) await call.kill();
  assertUnused(client);
});

Deno.test("HttpClient holds a slot until the body is read, cancelled or disposed of", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once({ maxPerHost: 1, baseUrl: server.origin });
  const ends: Record<string, (response: HttpResponse) => unknown> = {
    text: (response) => response.text(),
    json: (response) => assertRejects(() => response.json(), SyntaxError),
    bytes: (response) => response.bytes(),
    arrayBuffer: (response) => response.arrayBuffer(),
    blob: (response) => response.blob(),
    formData: (response) => assertRejects(() => response.formData(), TypeError),
    iteration: async (response) => {
      for await (const _chunk of response.body!);
    },
    "iteration left": async (response) => {
      for await (const _chunk of response.body!) break;
    },
    cancel: (response) => response.body!.cancel(),
    discard: (response) => response.discard(),
    dispose: (response) => response[Symbol.dispose](),
    clone: async (response) => {
      const copy = response.clone();
      assertEquals([await copy.text(), await response.text()], ["hello", "hello"]);
    },
  };
  for (const [name, end] of Object.entries(ends)) {
    const response = await client.get("/");
    const next = spawn(() => client.head("/"));
    await calm();
    assertEquals([client.active, client.waiting, next.ready], [1, 1, false], name);
    await end(response);
    assertEquals((await next.get()).status, 200, name);
    assertUnused(client);
  }
  {
    using _response = await client.get("/");
    assertEquals(client.active, 1);
  }
  assertUnused(client);
});

Deno.test("HttpClient holds no slot for an answer without a body", async () => {
  const answers: Record<string, string> = {
    "/empty": reply(""),
    "/204": "HTTP/1.1 204 No Content\r\n\r\n",
    "/304": "HTTP/1.1 304 Not Modified\r\n\r\n",
  };
  await using server = new RawServer((to, head) => to.send(answers[/ (\S+) /.exec(head)![1]!] ?? reply("")));
  using client = once({ maxPerHost: 1, baseUrl: server.origin });
  const responses = [await client.head("/head")];
  for (const path of Object.keys(answers)) responses.push(await client.get(path));
  assertUnused(client);
  assertEquals(await Promise.all(responses.map((response) => response.text())), ["", "", "", ""]);
  for (const response of responses) assertEquals([response.body, response.discard()], [null, undefined]);
  assertEquals(server.opened, 1);
});

Deno.test("HttpClient forgets those who wait in line and are killed, timed out or aborted", async () => {
  await using server = new SlowServer();
  using client = once({ baseUrl: server.origin, maxPerHost: 1 });
  const first = spawn(() => client.get("/first"));
  await eventually(() => server.pending.size === 1);
  const limit = new Timeout(MINUTE);
  const controller = new AbortController();
  const killed = spawn(() => client.get("/killed"));
  const late = spawn(() => errorOf(client.get("/late", { timeout: MINUTE })));
  const limited = spawn(() => errorOf(client.get("/limited", { timeout: limit })));
  const block = spawn(() => withTimeout(MINUTE, () => client.get("/block"), { value: "too late" }));
  const aborted = spawn(() => errorOf(client.get("/aborted", { signal: controller.signal })));
  const patient = spawn(async () => await (await client.get("/patient")).text());
  await calm();
  assertEquals([client.active, client.waiting], [1, 6]);
  await killed.kill();
  assert(String(killed.value).includes(`turn at ${server.origin}`), String(killed.value));
  controller.abort("changed my mind");
  assertEquals(await aborted.get(), "changed my mind");
  minutePasses();
  assertEquals(
    String(await late.get()),
    `Timeout: Timed out after 60000 ms: waiting for a turn at ${server.origin}`,
  );
  assertStrictEquals(await limited.get(), limit);
  assertEquals(await block.get(), "too late");
  assertEquals([client.active, client.waiting], [1, 1]);
  server.letGo("/first");
  (await first.get()).discard();
  await eventually(() => server.pending.has("/patient"));
  server.letGo("/patient");
  assertEquals([await patient.get(), server.asked], ["/patient", ["/first", "/patient"]]);
  assertUnused(client);
});

Deno.test("HttpClient remembers neither calls that are over nor their origins", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once();
  const call = async () => {
    const { signal } = new AbortController(); // held by the call
    await (await client.get(server.origin, { signal })).text();
    return new WeakRef(signal);
  };
  const signals = await Promise.all([call(), call()]);
  await eventually(() => {
    collectGarbage();
    return signals.every((signal) => signal.deref() === undefined);
  });
  const slots = new SlotTable(1, {});
  const first = slots.tryTake("here")!;
  first.give();
  assert(slots.tryTake("here") !== first);
});

Deno.test("HttpClient frees the slot of a response that is collected as garbage", async () => {
  await using server = new RawServer((to) =>
    to.send(reply("hello", "200 OK", "content-length: 10").replace("content-length: 5\r\n", ""))
  );
  using client = once({ maxPerHost: 1, baseUrl: server.origin });
  await spawn(async () => {
    assertEquals((await client.get("/")).status, 200);
  }).get();
  assertEquals(client.active, 1);
  const next = spawn(async () => void (await client.get("/")).discard());
  await eventually(() => {
    collectGarbage();
    return next.ready;
  });
  assertEquals([next.successful, server.heads.length], [true, 2]);
  assertUnused(client);
  await server.left();
});

Deno.test("HttpClient keeps reading a body whose response nobody holds any more", async () => {
  for (const read of [(r: Response) => r.text(), (r: Response) => new Response(r.body).text()]) {
    const gate = Promise.withResolvers<void>();
    await using server = new RawServer(async (to) => {
      await to.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst");
      await gate.promise;
      await to.send(" last");
    });
    using client = once();
    const reading = client.get(server.origin).then(read);
    await eventually(() => client.active === 1 && server.heads.length === 1);
    for (let i = 0; i < 5; i++) {
      await sleep(1);
      collectGarbage();
    }
    gate.resolve();
    assertEquals(await reading, "first last");
    assertUnused(client);
  }
});

Deno.test("HttpClient explored: no more slots than there are, none lost, whoever is killed or timed out", async () => {
  const report = await explore(async () => {
    const slots = new SlotTable(2, {});
    let inside = 0;
    const use = async (signal: AbortSignal) => {
      let slot: Slot | undefined;
      try {
        slot = await slots.take("here", signal);
        assert(++inside <= 2);
        await sleep();
      } finally {
        if (slot !== undefined) {
          inside--;
          slot.give();
        }
      }
    };
    const never = new AbortController().signal;
    const controller = new AbortController();
    const users = [never, never, never, controller.signal].map((signal) =>
      spawn(() =>
        use(signal).catch((error) => assert(isKill(error) || error === "abort" || error instanceof Timeout))
      )
    );
    await sleep();
    controller.abort("abort");
    await joinAll(users);
    assertEquals([slots.active, slots.waiting], [0, 0]);
  }, { runs: 300, inject: ["kill", "timeout"], victims: (greenlet: Greenlet) => greenlet.label !== "body" });
  assertEquals(report.runs, 300);
});
