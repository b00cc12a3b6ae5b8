import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  connect,
  createSocketPair,
  type Greenlet,
  GreenletExit,
  joinAll,
  listen,
  type Listener,
  Queue,
  seededRandom,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { FakeLookup } from "./fake_lookup.ts";
import { interruptAnywhere } from "../interrupt_anywhere.ts";
import {
  assertIdle,
  assertIdleSoon,
  deadPort,
  eventually,
  fullListener,
  local,
  portOf,
  portsOf,
  text,
  unixPlace,
} from "./network.ts";

/** Waits until a greenlet waits for something whose description contains `what`. */
async function untilWaitsFor(greenlet: Greenlet, what: string): Promise<void> {
  await eventually(() => greenlet.allWaits().some(({ source }) => source.what.includes(what)));
}

/** Accepts all that come, and tells how many have seen the end of their connection. */
function countEnds(listener: Listener): { come: number; ended: number; readonly server: Greenlet } {
  const counts = {
    come: 0,
    ended: 0,
    server: spawn(async () => {
      for await (const client of listener) {
        counts.come++;
        spawn(async () => {
          using conn = client;
          while (await conn.readSome().catch(() => null) !== null);
          counts.ended++;
        });
      }
    }),
  };
  return counts;
}

Deno.test("connect() reaches a listener by address, by name and by path", async () => {
  using place = unixPlace();
  using tcp = local();
  using unix = listen({ path: place.path });
  const port = portOf(tcp);
  for (
    const [target, listener] of [
      [{ port }, tcp],
      [{ port, hostname: "127.0.0.1" }, tcp],
      [{ port, hostname: "localhost" }, tcp],
      [{ path: place.path }, unix],
    ] as const
  ) {
    using conn = await connect(target);
    using far = await listener.accept();
    await far.writeAll("hello\n");
    assertEquals(await conn.readLine(), "hello");
  }
  assertIdle();
});

Deno.test("connect() where nobody listens throws ConnectionRefused and names the place", async () => {
  const port = deadPort();
  for (const hostname of [undefined, "127.0.0.1", "localhost"]) {
    const error = await assertRejects(() => connect({ port, hostname }), Deno.errors.ConnectionRefused);
    assert(error.message.includes(`Cannot connect to 127.0.0.1:${port}: `), error.message);
  }
  assertIdle();
});

Deno.test("connect() takes an IPv6 address with or without brackets, and names it with them", async () => {
  const listener = listen({ hostname: "[::1]", port: 0 });
  const port = portOf(listener);
  for (const hostname of ["::1", "[::1]"]) (await connect({ hostname, port })).close();
  listener.close();
  for (const hostname of ["::1", "[::1]"]) {
    const error = await assertRejects(() => connect({ hostname, port }), Deno.errors.ConnectionRefused);
    assert(error.message.includes(`Cannot connect to [::1]:${port}: `), error.message);
  }
});

Deno.test("connect() to a host that is not there throws NotFound and names it", async () => {
  await assertRejects(
    () => connect({ hostname: "no-such-host.invalid", port: 80 }),
    Deno.errors.NotFound,
    "no-such-host.invalid",
  );
  assertIdle();
});

Deno.test("connect() to a path where nothing is throws NotFound and names it", async () => {
  using place = unixPlace();
  await assertRejects(() => connect({ path: place.path }), Deno.errors.NotFound, place.path);
  const { path } = place;
  Deno.writeTextFileSync(path, "no socket");
  await assertRejects(() => connect({ path }), Deno.errors.ConnectionRefused, path);
  assertIdle();
});

Deno.test("connect() that takes too long throws Timeout and names the place", async () => {
  using full = await fullListener();
  const { port } = full;
  for (const timeout of [5, Temporal.Duration.from({ milliseconds: 5 })]) {
    const error = await assertRejects(() => connect({ port, timeout }), Timeout);
    assertEquals(error.message, `Timed out after 5 ms: connecting to 127.0.0.1:${port}`);
  }
  const limit = new Timeout(5);
  assertStrictEquals(await connect({ port, timeout: limit }).catch((error) => error) as unknown, limit);
  const silent = new Timeout(5, { silent: true });
  assertStrictEquals(await connect({ port, timeout: silent }).catch((error) => error) as unknown, silent);
  const own = new Timeout(5, { error: new RangeError("mine") });
  await assertRejects(() => connect({ port, timeout: own }), RangeError, "mine");
  using running = Timeout.start(5);
  assertStrictEquals(await connect({ port, timeout: running }).catch((error) => error) as unknown, running);
  await assertIdleSoon();
});

Deno.test("connect() with timeout: 0 neither switches nor begins", async () => {
  using listener = local();
  using place = unixPlace();
  let othersRan = false;
  spawn(() => othersRan = true);
  const port = portOf(listener);
  const error = await assertRejects(() => connect({ port, timeout: 0 }), Timeout);
  assertEquals(error.message, `Timed out after 0 ms: connecting to 127.0.0.1:${port}`);
  await assertRejects(
    () => connect({ path: place.path, timeout: 0 }),
    Timeout,
    `connecting to ${place.path}`,
  );
  await assertRejects(() => createSocketPair({ timeout: 0 }), Timeout, "creating a socket pair");
  assertEquals(othersRan, false);
  await assertIdleSoon();
});

Deno.test("connect() ends with the reason of its signal", async () => {
  using full = await fullListener();
  const { port } = full;
  const controller = new AbortController();
  const connecting = connect({ port, signal: controller.signal }).catch((reason) => reason);
  await sleep();
  controller.abort("enough");
  assertEquals(await connecting as unknown, "enough");
  const signal = AbortSignal.abort("before");
  for (const options of [{ port, signal }, { path: "/no/such", signal }]) {
    assertEquals(await connect(options).catch((reason) => reason) as unknown, "before");
  }
  const both = connect({ port, timeout: 60_000, signal: AbortSignal.timeout(5) });
  await assertRejects(() => both, DOMException, "timeout");
  await assertIdleSoon();
});

Deno.test("connect() that takes too long ends no other wait of its greenlet", async () => {
  using full = await fullListener();
  const queue = new Queue<string>();
  const greenlet = spawn(() => Promise.allSettled([connect({ port: full.port, timeout: 5 }), queue.get()]));
  const error = await spawn(async () => {
    await sleep(20);
    await queue.put("still waiting");
    const [connecting, getting] = await greenlet.get();
    assertEquals((getting as PromiseFulfilledResult<string>).value, "still waiting");
    return (connecting as PromiseRejectedResult).reason;
  }).get();
  assertInstanceOf(error, Timeout);
  await assertIdleSoon();
});

Deno.test("connect() lets the others run", async () => {
  using listener = local();
  let othersRan = false;
  spawn(() => othersRan = true);
  using _conn = await connect({ port: portOf(listener) });
  assertEquals(othersRan, true);
});

// ---- Killed in every phase -------------------------------------------------------------------------

Deno.test("connect() killed before it began does nothing", async () => {
  using listener = local();
  const victim = spawn(() => connect({ port: portOf(listener) }));
  await victim.kill();
  await assertRejects(() => listener.accept({ timeout: 5 }), Timeout);
});

Deno.test("connect() killed in the look-up of the name ends at once, and connects to nobody", async () => {
  using system = new FakeLookup();
  using listener = local();
  const victim = spawn(() => connect({ hostname: "example.com", port: portOf(listener) }));
  await sleep();
  assertEquals(victim.waits?.source.what, "the addresses of example.com");
  await victim.kill();
  assertIdle();
  system.answer("127.0.0.1");
  await assertRejects(() => listener.accept({ timeout: 5 }), Timeout);
});

Deno.test("connect() that takes too long or is aborted in the look-up of the name ends at once", async () => {
  using system = new FakeLookup();
  const target = { hostname: "example.com", port: 80 };
  const error = await assertRejects(() => connect({ ...target, timeout: 5 }), Timeout);
  assertEquals(error.message, "Timed out after 5 ms: connecting to example.com:80");
  const controller = new AbortController();
  const connecting = connect({ ...target, signal: controller.signal });
  controller.abort("enough");
  assertEquals(await connecting.catch((reason) => reason) as unknown, "enough");
  assertEquals(system.asked, ["example.com", "example.com"]);
  assertIdle();
});

Deno.test("connect() to a name with several addresses takes one that answers", async () => {
  using system = new FakeLookup();
  using listener = local();
  const connecting = connect({ hostname: "example.com", port: portOf(listener) });
  system.answer("::1", "127.0.0.1"); // nobody listens on the first
  using conn = await connecting;
  using far = await listener.accept();
  assertEquals(portsOf(far).far, portsOf(conn).near);
  await assertIdleSoon();
});

Deno.test("connect() to a name with several addresses, none of which answers, tells of all", async () => {
  using system = new FakeLookup();
  const port = deadPort();
  const connecting = connect({ hostname: "example.com", port });
  system.answer("127.0.0.1", "::1");
  const error = await assertRejects(() => connecting, Deno.errors.ConnectionRefused);
  assert(error.message.includes(`connect to 127.0.0.1:${port}`), error.message);
  assert(error.message.includes(`connect to [::1]:${port}`), error.message);
  await assertIdleSoon();
});

Deno.test("connect() killed while nobody answers ends at once, and with it the attempt", async () => {
  using full = await fullListener();
  const victim = spawn(() => connect({ port: full.port }));
  await untilWaitsFor(victim, `a connection to 127.0.0.1:${full.port}`);
  await victim.kill();
  assertInstanceOf(victim.value, GreenletExit);
  await assertIdleSoon();
});

Deno.test("connect() to a path killed while nobody answers closes the connection that comes", async () => {
  using place = unixPlace();
  using listener = listen({ path: place.path });
  const victim = spawn(() => connect({ path: place.path }));
  await sleep();
  assertEquals(victim.waits?.source.what, `a connection to ${place.path}`);
  await victim.kill();
  assertIdle();
  using late = await listener.accept();
  assertEquals(await late.readSome(), null);
});

for (const kind of ["TCP", "Unix"]) {
  interruptAnywhere(`connect() (${kind})`, () => {
    const place = unixPlace();
    const listener = kind === "TCP" ? local() : listen({ path: place.path });
    const target = kind === "TCP" ? { port: portOf(listener), hostname: "localhost" } : { path: place.path };
    let used = 0;
    const counts = countEnds(listener);
    return {
      victim: async () => {
        using _conn = await connect(target);
        used++;
      },
      others: [async () => {
        // One more client tells that those before it have come.
        await sleep(2);
        using conn = await connect(target);
        await conn.writeAll("last");
      }],
      check: async () => {
        await eventually(() => counts.come >= 1 + used && counts.ended === counts.come);
        assert(counts.come <= 2, `${counts.come} connections for one victim`);
        listener.close();
        await counts.server.join();
        place[Symbol.dispose]();
      },
    };
  });
}

Deno.test("connect() of many that are killed at random leaves no connection open at the other side", async () => {
  const listener = local(1000);
  const port = portOf(listener);
  const counts = countEnds(listener);
  const random = seededRandom(1);
  const strikeAtRandom = async () => {
    for (let round = 0; round < 100; round++) {
      const victim = spawn(() => connect({ port }).then((conn) => conn.close()));
      // In a timer of the platform: so some are struck after their connection came, before they hear of it.
      await new Promise((resolve) => setTimeout(resolve, random() * 4));
      await victim.kill();
    }
  };
  await joinAll(Array.from({ length: 20 }, () => spawn(strikeAtRandom)));
  using last = await connect({ port });
  last.close();
  await eventually(() => counts.come > 0 && counts.ended === counts.come);
  listener.close();
  await counts.server.join();
  await assertIdleSoon();
});

// ---- createSocketPair() ----------------------------------------------------------------------------

Deno.test("createSocketPair() makes two ends of one connection", async () => {
  const [a, b] = await createSocketPair({ timeout: 1000 });
  using _a = a;
  using _b = b;
  assertEquals(portsOf(a), { near: portsOf(b).far, far: portsOf(b).near });
  await a.writeAll("to b");
  await b.writeAll("to a");
  assertEquals([text(await b.readExactly(4)), text(await a.readExactly(4))], ["to b", "to a"]);
  assertIdle();
});

Deno.test("createSocketPair() by many at a time mixes nothing up", async () => {
  const making = Array.from({ length: 50 }, () => spawn(() => createSocketPair()));
  for (const greenlet of making) {
    const [a, b] = await greenlet.get();
    assertEquals(portsOf(a).near, portsOf(b).far);
    a.close();
    b.close();
  }
});

interruptAnywhere("createSocketPair()", () => ({
  victim: async () => {
    for (const conn of await createSocketPair()) conn.close();
  },
  others: [() => sleep(2)],
  check: () => {}, // what is left open, the sanitizer finds
}));
