// deno-lint-ignore-file no-explicit-any -- passes what the types forbid
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  DnsError,
  getHub,
  Greenlet,
  isKill,
  joinAll,
  Resolver,
  type ResolverOptions,
  simulate,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import * as dns from "./dns_server.ts";
import { DnsServer, type Zone } from "./dns_server.ts";

const ADDRESS = "192.0.2.1";
const found: Zone = () => [dns.ipv4(ADDRESS)];
const silent: Zone = () => "silence";
/** How long (ms) a server is waited for that does not answer: long enough for any other to answer. */
const PATIENCE_MS = 100;

/** A zone that answers with 192.0.2.1, 192.0.2.2, …: each question gets another one. */
function counting(): Zone {
  let count = 0;
  return () => [dns.ipv4(`192.0.2.${++count}`)];
}

/** A zone whose answers wait until the test lets them out. */
function held(answer: Zone = found): { zone: Zone; release(): void } {
  const gate = Promise.withResolvers<void>();
  return { zone: (question) => gate.promise.then(() => answer(question)), release: gate.resolve };
}

function resolverOf(servers: DnsServer[], options: ResolverOptions = {}): Resolver {
  return new Resolver({
    nameServers: servers.map(({ address }) => address),
    ...options,
  });
}

/** Until disposed, the platform does not ask name servers but fails as told for each of them. */
function fakePlatform(failures: Record<string, () => Error>): Disposable & { readonly asked: string[] } {
  const { resolveDns } = Deno;
  const asked: string[] = [];
  Deno.resolveDns = ((_name: string, _type: string, { nameServer }: Deno.ResolveDnsOptions) => {
    asked.push(nameServer!.ipAddr);
    return Promise.reject(failures[nameServer!.ipAddr]!());
  }) as typeof resolveDns;
  return { asked, [Symbol.dispose]: () => Deno.resolveDns = resolveDns };
}

/** What the hub still waits for, or runs. */
function busy(): number[] {
  const { greenlets, foreignWaits, timers } = getHub().stats();
  return [greenlets, foreignWaits, timers];
}

Deno.test("Resolver.resolve() asks the first server, and nobody else if that one answers", async () => {
  await using first = await DnsServer.start(found);
  await using second = await DnsServer.start(found);
  const resolver = resolverOf([first, second]);
  assertEquals(await resolver.resolve("www.example.com", "A"), [ADDRESS]);
  assertEquals([first.questions, second.count], [[{ name: "www.example.com", type: "A" }], 0]);
});

Deno.test("Resolver.resolve() asks the next server if one is silent", async () => {
  await using first = await DnsServer.start(silent);
  await using second = await DnsServer.start(found);
  assertEquals(await resolverOf([first, second], { timeout: PATIENCE_MS }).resolve("example.com", "A"), [
    ADDRESS,
  ]);
  assertEquals([first.count, second.count], [1, 1]);
});

for (const answer of ["nothing", "NXDOMAIN", "SERVFAIL", "REFUSED"] as const) {
  Deno.test(`Resolver.resolve() asks the next server, too, if one answers ${answer}`, async () => {
    await using first = await DnsServer.start(() => answer);
    await using second = await DnsServer.start(found);
    assertEquals(await resolverOf([first, second]).resolve("example.com", "A"), [ADDRESS]);
    assertEquals([first.count, second.count], [1, 1]);
  });
}

Deno.test("Resolver.resolve() goes round the servers as often as it may, then throws Timeout", async () => {
  await using first = await DnsServer.start(silent);
  await using second = await DnsServer.start(silent);
  const order: number[] = [];
  const resolver = resolverOf([first, second], { timeout: PATIENCE_MS, attempts: 3 });
  const looking = resolver.resolve("example.com", "A");
  for (let i = 1; i <= 3; i++) {
    await first.asked(i);
    order.push(first.count, second.count);
    await second.asked(i);
    order.push(first.count, second.count);
  }
  const error = await assertRejects(
    () => looking,
    Timeout,
    `resolving A of example.com: no answer from ${first.address}, ${second.address} in 3 attempts`,
  );
  assertEquals(order, [1, 0, 1, 1, 2, 1, 2, 2, 3, 2, 3, 3]);
  assert(error.ms! >= 590, error.message);
  assertEquals(busy(), [0, 0, 0]);
});

Deno.test("Resolver.resolve() hears a server that was silent at first", async () => {
  let count = 0;
  await using server = await DnsServer.start(() => ++count < 3 ? "silence" : [dns.ipv4(ADDRESS)]);
  const resolver = resolverOf([server], { timeout: PATIENCE_MS, attempts: 3 });
  assertEquals([await resolver.resolve("example.com", "A"), server.count], [[ADDRESS], 3]);
});

Deno.test("Resolver.resolve() throws DnsError if a server has nothing and no other has more, each asked once", async () => {
  await using nothing = await DnsServer.start(() => "NXDOMAIN");
  await using broken = await DnsServer.start(() => "SERVFAIL");
  await using mute = await DnsServer.start(silent);
  const resolver = resolverOf([mute, nothing, broken], { timeout: PATIENCE_MS, attempts: 3 });
  const error = await assertRejects(() => resolver.resolve("example.com", "A"), DnsError, "found nothing");
  assertEquals(error.code, "not-found");
  assertEquals([mute.count, nothing.count, broken.count], [3, 1, 1]);
});

Deno.test("Resolver.resolve() does not ask again when every server has nothing", async () => {
  await using server = await DnsServer.start(() => "NXDOMAIN");
  await assertRejects(() => resolverOf([server], { attempts: 5 }).resolve("example.com", "A"), DnsError);
  assertEquals(server.count, 1);
});

Deno.test("Resolver.resolve() throws the most telling error: nothing found, then a failure, then silence", async () => {
  const [nothing, failing, mute] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
  using platform = fakePlatform({
    [nothing!]: () => new Deno.errors.NotFound("no records found"),
    [failing!]: () => new Error("io error"),
    [mute!]: () => new Deno.errors.TimedOut("request timed out"),
  });
  const outcome = async (...nameServers: string[]) => {
    const error = await new Resolver({ nameServers }).resolve("example.com", "A").catch((error) => error);
    return error instanceof DnsError ? error.code : error.name;
  };
  assertEquals(await outcome(nothing!, failing!, mute!), "not-found");
  assertEquals(await outcome(mute!, failing!, nothing!), "not-found");
  assertEquals(await outcome(failing!, mute!), "failed");
  assertEquals(await outcome(mute!, failing!), "failed");
  platform.asked.length = 0;
  assertEquals([await outcome(mute!), platform.asked], ["Timeout", [mute, mute]]);
});

Deno.test({
  name: "Resolver.resolve() throws what the platform throws without permission, and tries nothing else",
  permissions: { net: ["127.0.0.1:5353"] },
  fn: async () => {
    const resolver = new Resolver({ nameServers: ["192.0.2.1", "127.0.0.1:5353"] });
    await assertRejects(() => resolver.resolve("example.com", "A"), Deno.errors.NotCapable, "192.0.2.1");
  },
});

Deno.test("Resolver.reverse() looks names up, and remembers them", async () => {
  await using server = await DnsServer.start(() => [dns.domain("host.example.com")]);
  const resolver = resolverOf([server]);
  assertEquals(await resolver.reverse("192.0.2.1"), ["host.example.com"]);
  assertEquals(await resolver.reverse("192.0.2.1"), ["host.example.com"]);
  assertEquals(await resolver.resolve("1.2.0.192.in-addr.arpa", "PTR"), ["host.example.com."]);
  assertEquals(server.questions, [{ name: "1.2.0.192.in-addr.arpa", type: "PTR" }]);
});

// ---- Interruptions -------------------------------------------------------------------------------

Deno.test("Resolver.resolve() that is killed ends at once, and the query with it", async () => {
  await using server = await DnsServer.start(silent);
  const resolver = resolverOf([server]);
  for (const call of [() => resolver.resolve("example.com", "A"), () => resolver.reverse("192.0.2.1")]) {
    const victim = spawn(call);
    await server.asked(server.count + 1);
    await victim.kill();
    assertEquals([isKill(victim.value), busy()], [true, [0, 0, 0]]);
  }
  assertEquals(server.count, 2);
});

Deno.test("Resolver.resolve() ends with its time-out or signal, whatever the attempts may take", async () => {
  await using server = await DnsServer.start(silent);
  const resolver = resolverOf([server]);
  await assertRejects(
    () => resolver.resolve("example.com", "A", { timeout: 10 }),
    Timeout,
    "Timed out after 10 ms: resolving A of example.com",
  );
  const own = new Timeout(10);
  const caught = (options: { timeout?: Timeout; signal?: AbortSignal }) =>
    resolver.resolve("example.com", "A", options).catch((error) => error);
  assertStrictEquals(await caught({ timeout: own }), own);
  const foreign = Timeout.start(10);
  assertStrictEquals(await caught({}), foreign);
  const controller = new AbortController();
  const asked = server.asked(server.count + 1).then(() => controller.abort("enough"));
  assertEquals(await caught({ signal: controller.signal }), "enough");
  await asked;
  const refused = caught({ signal: AbortSignal.abort("before") });
  assertEquals(busy(), [0, 0, 0]); // it has not even begun
  assertEquals(await refused, "before");
});

Deno.test("Resolver.resolve() with timeout: 0 gives what is remembered and asks nobody", async () => {
  await using server = await DnsServer.start(found);
  const resolver = resolverOf([server]);
  const now = () => resolver.resolve("example.com", "A", { timeout: 0 });
  let othersRan = false;
  getHub().runCallback(() => othersRan = true);
  await assertRejects(now, Timeout);
  assertEquals([othersRan, server.count], [false, 0]);
  await resolver.resolve("example.com", "A");
  assertEquals(await now(), [ADDRESS]);
});

Deno.test("Resolver.resolve() that nobody awaits is safe to kill", async () => {
  await using server = await DnsServer.start(silent);
  const resolver = resolverOf([server]);
  const careless = spawn(async () => {
    void resolver.resolve("example.com", "A");
    void resolver.reverse("192.0.2.1");
    await sleep(60_000);
  });
  await server.asked(2);
  await careless.kill();
  while (getHub().stats().greenlets > 0) await sleep();
  assertEquals(busy(), [0, 0, 0]);
});

// ---- Sharing -------------------------------------------------------------------------------------

Deno.test("Resolver.resolve() asks once for all who ask the same at a time, in upper or lower case", async () => {
  const { zone, release } = held();
  await using server = await DnsServer.start(zone);
  const resolver = resolverOf([server], { cache: false });
  const names = ["example.com", "EXAMPLE.com", "example.com"];
  const callers = names.map((name) => spawn(() => resolver.resolve(name, "A")));
  await server.asked(1);
  callers.push(spawn(() => resolver.resolve("example.com", "A")));
  await sleep();
  release();
  const answers = await Promise.all(callers.map((caller) => caller.get()));
  assertEquals([answers, server.count], [[[ADDRESS], [ADDRESS], [ADDRESS], [ADDRESS]], 1]);
  assertNotStrictEquals(answers[0], answers[1]);
});

Deno.test("Resolver.resolve() does not mix up names, types, nor names with and without a dot at the end", async () => {
  await using server = await DnsServer.start(({ name, type }) =>
    type === "TXT" ? [dns.txt(name)] : [dns.domain(name)]
  );
  const resolver = resolverOf([server]);
  const answers = await Promise.all([
    resolver.resolve("a.example", "TXT"),
    resolver.resolve("b.example", "TXT"),
    resolver.resolve("a.example", "NS"),
    resolver.resolve("a.example.", "NS"),
  ]);
  assertEquals(answers, [[["a.example"]], [["b.example"]], ["a.example."], ["a.example."]]);
  assertEquals(server.count, 4);
});

Deno.test("Resolver.resolve() that is killed or timed out leaves the query to the others; the last one ends it", async () => {
  const { zone, release } = held();
  await using server = await DnsServer.start(zone);
  const resolver = resolverOf([server]);
  const ask = () => spawn(() => resolver.resolve("example.com", "A"));
  const [first, second, third] = [ask(), ask(), ask()];
  await server.asked(1);
  await first.kill(); // it began the look-up
  await assertRejects(() => resolver.resolve("example.com", "A", { timeout: 1 }), Timeout);
  assertEquals([second.ready, third.ready, server.count], [false, false, 1]);
  await joinAll([second, third].map((victim) => spawn(() => victim.kill())));
  assertEquals([isKill(second.value), isKill(third.value), busy()], [true, true, [0, 0, 0]]);
  const late = ask();
  await server.asked(2);
  release();
  assertEquals(await late.get(), [ADDRESS]);
});

Deno.test("Resolver.resolve() throws all who share it the same error", async () => {
  const { zone, release } = held(() => "NXDOMAIN");
  await using server = await DnsServer.start(zone);
  const resolver = resolverOf([server]);
  const callers = [1, 2].map(() => spawn(() => resolver.resolve("example.com", "A").catch((error) => error)));
  await server.asked(1);
  release();
  const [error, other] = [await callers[0]!.get(), await callers[1]!.get()];
  assertInstanceOf(error, DnsError);
  assertStrictEquals(other, error);
  assertEquals(server.count, 1);
});

Deno.test("Resolver.resolve() shows what is being looked up", async () => {
  await using server = await DnsServer.start(silent);
  const victim = spawn(() => resolverOf([server]).resolve("Example.com", "MX"));
  await server.asked(1);
  const names = [...getHub().tasks()].filter((task) => task instanceof Greenlet).map(({ label }) => label);
  assert(names.includes("resolve MX of example.com"), names.join());
  await victim.kill();
});

// ---- The cache -----------------------------------------------------------------------------------

Deno.test("Resolver.resolve() remembers answers for as long as it is told", async () => {
  await using server = await DnsServer.start(counting());
  await simulate(async () => {
    const resolver = resolverOf([server], { cache: { ttl: 1000 } });
    const ask = async () => (await resolver.resolve("example.com", "A"))[0];
    assertEquals(await ask(), "192.0.2.1");
    await sleep(999);
    assertEquals([await ask(), server.count], ["192.0.2.1", 1]);
    await sleep(1);
    assertEquals([await ask(), server.count], ["192.0.2.2", 2]);
    await sleep(999);
    assertEquals([await ask(), server.count], ["192.0.2.2", 2]);
  });
});

Deno.test("Resolver.resolve() remembers for half a minute unless told otherwise", async () => {
  await using server = await DnsServer.start(counting());
  await simulate(async () => {
    const resolver = resolverOf([server]);
    for (const [pause, count] of [[0, 1], [29_999, 1], [1, 2]] as const) {
      await sleep(pause);
      await resolver.resolve("example.com", "A");
      assertEquals(server.count, count);
    }
  });
});

Deno.test("Resolver.resolve() forgets what was not asked for longest when it knows enough", async () => {
  await using server = await DnsServer.start(found);
  const resolver = resolverOf([server], { cache: { maxSize: 2 } });
  for (const name of ["a", "b", "a", "c", "a", "b"]) await resolver.resolve(`${name}.example`, "A");
  assertEquals(server.questions.map(({ name }) => name[0]).join(""), "abcb");
});

Deno.test("Resolver.resolve() gives each caller records of its own", async () => {
  await using server = await DnsServer.start(({ type }) =>
    type === "MX" ? [dns.mx(2, "b.example"), dns.mx(1, "a.example")] : [dns.txt("in ", "parts")]
  );
  const resolver = resolverOf([server]);
  const mail = await resolver.resolve("example.com", "MX");
  mail[0]!.exchange = "changed";
  mail.length = 1;
  const texts = await resolver.resolve("example.com", "TXT");
  texts[0]!.push("changed");
  for (let i = 0; i < 2; i++) {
    assertEquals(await resolver.resolve("example.com", "MX"), [
      { preference: 2, exchange: "b.example." },
      { preference: 1, exchange: "a.example." },
    ]);
    const again = await resolver.resolve("example.com", "TXT");
    assertEquals(again, [["in ", "parts"]]);
    again[0]!.push("changed");
  }
  assertEquals(server.count, 2);
});

Deno.test("Resolver.resolve() remembers neither errors nor what was ended", async () => {
  let answer: dns.Answer = "NXDOMAIN";
  await using server = await DnsServer.start(() => answer);
  const resolver = resolverOf([server], { timeout: PATIENCE_MS, attempts: 1 });
  await assertRejects(() => resolver.resolve("example.com", "A"), DnsError);
  answer = "silence";
  await assertRejects(() => resolver.resolve("example.com", "A"), Timeout);
  answer = [dns.ipv4(ADDRESS)];
  assertEquals(await resolver.resolve("example.com", "A"), [ADDRESS]);
  assertEquals(server.count, 3);
});

Deno.test("Resolver.resolve() asks every time with cache: false, and after clearCache()", async () => {
  await using server = await DnsServer.start(counting());
  const forgetful = resolverOf([server], { cache: false });
  assertEquals(await forgetful.resolve("example.com", "A"), ["192.0.2.1"]);
  assertEquals(await forgetful.resolve("example.com", "A"), ["192.0.2.2"]);
  forgetful.clearCache(); // harmless
  const resolver = resolverOf([server]);
  assertEquals(await resolver.resolve("example.com", "A"), ["192.0.2.3"]);
  resolver.clearCache();
  assertEquals(await resolver.resolve("example.com", "A"), ["192.0.2.4"]);
});

Deno.test("Resolver.resolve() does not switch for what is remembered, nor keep others from running for ever", async () => {
  await using server = await DnsServer.start(found);
  const resolver = resolverOf([server]);
  await resolver.resolve("example.com", "A");
  let ran = false;
  const other = spawn(() => ran = true);
  await resolver.resolve("example.com", "A");
  assertEquals(ran, false);
  for (let calls = 0; !ran; calls++) {
    assert(calls < 1_000_000);
    await resolver.resolve("example.com", "A");
  }
  assertEquals(await other.get(), true);
});

Deno.test("Resolver.resolve() in one hub does not use what is remembered under the clock of another", async () => {
  await using server = await DnsServer.start(counting());
  const resolver = resolverOf([server]);
  assertEquals(await resolver.resolve("example.com", "A"), ["192.0.2.1"]);
  await simulate(async () => assertEquals(await resolver.resolve("example.com", "A"), ["192.0.2.2"]));
});

// ---- Bad input -----------------------------------------------------------------------------------

Deno.test("new Resolver() refuses bad options with their value", () => {
  const refuses = (options: any, error: new (...args: any[]) => Error, message: string) =>
    assertThrows(() => new Resolver(options), error, `Cannot create ${message}`);
  for (const attempts of [0, -1, 1.5, NaN, Infinity]) {
    const message = `resolver: attempts must be a positive integer, received ${attempts}`;
    refuses({ attempts }, RangeError, message);
  }
  refuses({ timeout: 0 }, RangeError, "resolver: timeout must be more than 0 ms, received 0");
  refuses({ timeout: -1 }, RangeError, "resolver: timeout must be 0 or more milliseconds, received -1");
  refuses({ timeout: NaN }, RangeError, "resolver: timeout must be 0 or more milliseconds, received NaN");
  refuses({ timeout: "1 s" }, TypeError, "resolver: timeout must be a number");
  const atLeastOne = "resolver: nameServers must be an array of at least one, received ";
  refuses({ nameServers: [] }, TypeError, `${atLeastOne}[]`);
  refuses({ nameServers: "1.1.1.1" }, TypeError, `${atLeastOne}"1.1.1.1"`);
  const notOne = "resolver: name server must be an IP address, or one with a port, received ";
  refuses({ nameServers: ["1.1.1.1", "dns.example"] }, TypeError, `${notOne}"dns.example"`);
  refuses({ nameServers: [{ port: 53 }] }, TypeError, `${notOne}{"port":53}`);
  refuses({ nameServers: ["1.1.1.1:65536"] }, RangeError, "resolver: port must be");
  refuses({ cache: true }, TypeError, "resolver: cache must be false or an object, received true");
  refuses({ cache: null }, TypeError, "resolver: cache must be false or an object, received null");
  refuses({ cache: { maxSize: 0 } }, RangeError, "DNS cache: maxSize must be a positive integer, received 0");
  refuses({ cache: { ttl: -1 } }, RangeError, "DNS cache: ttl must be 0 or more milliseconds, received -1");
});

Deno.test("new Resolver() takes servers in every notation", () => {
  const nameServers = ["1.1.1.1", "1.1.1.1:5353", "::1", "[::1]", "[::1]:5353", { ipAddr: "::1" }];
  new Resolver({ nameServers: [...nameServers, { ipAddr: "1.1.1.1", port: 53 }] });
});

Deno.test("Resolver.resolve() and reverse() refuse bad input at the call, with its value", () => {
  const resolver = new Resolver();
  assertThrows(() => void resolver.resolve("", "A"), TypeError, 'received ""');
  assertThrows(() => void resolver.resolve("a", "BAD" as any), TypeError, 'received "BAD"');
  assertThrows(() => void resolver.resolve("a", "A", { timeout: -1 }), RangeError, "received -1");
  assertThrows(() => void resolver.reverse("1.2.3"), TypeError, 'received "1.2.3"');
  assertThrows(() => void resolver.reverse("::1", { timeout: NaN }), RangeError, "received NaN");
});

Deno.test("Resolver.resolve() throws BlockingSwitchOutError in a callback of the hub", async () => {
  const seen: unknown[] = [];
  getHub().runCallback(() => {
    try {
      void new Resolver().resolve("example.com", "A");
    } catch (error) {
      seen.push(error);
    }
  });
  await sleep();
  assertInstanceOf(seen[0], BlockingSwitchOutError);
});
