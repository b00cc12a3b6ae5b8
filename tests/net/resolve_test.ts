// deno-lint-ignore-file no-explicit-any -- passes what the types forbid
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  DnsError,
  type DnsRecords,
  getCurrent,
  getHub,
  type RecordType,
  resolve,
  reverse,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { parseIp } from "../../net/ip_address.ts";
import { reverseName } from "../../net/reverse_name.ts";
import * as dns from "./dns_server.ts";
import { DnsServer } from "./dns_server.ts";

const zone: Record<string, dns.Data[]> = {
  A: [dns.ipv4("192.0.2.1"), dns.ipv4("192.0.2.2")],
  AAAA: [dns.ipv6("2001:db8:0:0:0:0:0:1")],
  ANAME: [dns.domain("real.example.com")],
  CAA: [dns.caa(0, "issue", "ca.example"), dns.caa(128, "iodef", "mailto:a@example.com")],
  CNAME: [dns.domain("real.example.com")],
  MX: [dns.mx(20, "backup.example.com"), dns.mx(10, "mail.example.com")],
  NAPTR: [dns.naptr(1, 2, ["S", "SIP+D2U", "!^.*$!sip:a@b!"], "sip.example.com")],
  NS: [dns.domain("ns1.example.com"), dns.domain("ns2.example.com")],
  PTR: [dns.domain("host.example.com")],
  SOA: [dns.soa("ns1.example.com", "admin.example.com", [2024, 2, 3, 4, 5])],
  SRV: [dns.srv(1, 2, 443, "web.example.com")],
  TXT: [dns.txt("in two ", "parts"), dns.txt("in one")],
};
const records: { [T in RecordType]: DnsRecords[T][] } = {
  A: ["192.0.2.1", "192.0.2.2"],
  AAAA: ["2001:db8::1"],
  ANAME: ["real.example.com."],
  CAA: [
    { critical: false, tag: "issue", value: "ca.example" },
    { critical: true, tag: "iodef", value: "mailto:a@example.com" },
  ],
  CNAME: ["real.example.com."],
  MX: [
    { preference: 20, exchange: "backup.example.com." },
    { preference: 10, exchange: "mail.example.com." },
  ],
  NAPTR: [{
    order: 1,
    preference: 2,
    flags: "S",
    services: "SIP+D2U",
    regexp: "!^.*$!sip:a@b!",
    replacement: "sip.example.com.",
  }],
  NS: ["ns1.example.com.", "ns2.example.com."],
  PTR: ["host.example.com."],
  SOA: [{
    mname: "ns1.example.com.",
    rname: "admin.example.com.",
    serial: 2024,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum: 5,
  }],
  SRV: [{ priority: 1, weight: 2, port: 443, target: "web.example.com." }],
  TXT: [["in two ", "parts"], ["in one"]],
};

const fromZone: dns.Zone = ({ type }) => zone[type] ?? "nothing";
const silent: dns.Zone = () => "silence";

/** What the hub still waits for, or runs. */
function busy(): { greenlets: number; foreignWaits: number; timers: number } {
  const { greenlets, foreignWaits, timers } = getHub().stats();
  return { greenlets, foreignWaits, timers };
}
const IDLE = { greenlets: 0, foreignWaits: 0, timers: 0 };

for (const type of Object.keys(records) as RecordType[]) {
  Deno.test(`resolve() gives the records of type ${type}`, async () => {
    await using server = await DnsServer.start(fromZone);
    assertEquals(await resolve("www.example.com", type, { nameServer: server.address }), records[type]);
    assertEquals(server.questions, [{ name: "www.example.com", type }]);
  });
}

Deno.test("resolve() knows by the type of record what the records are", async () => {
  await using server = await DnsServer.start(fromZone);
  const options = { nameServer: server.address };
  const [mx] = await resolve("example.com", "MX", options);
  const [srv] = await resolve("example.com", "SRV", options);
  const [txt] = await resolve("example.com", "TXT", options);
  const [address] = await resolve("example.com", "A", options);
  assertEquals(mx!.exchange satisfies string, "backup.example.com.");
  assertEquals(srv!.port satisfies number, 443);
  assertEquals(txt!.join("") satisfies string, "in two parts");
  assertEquals(address!.split(".").length, 4);
});

Deno.test("resolve() takes a server in any notation, IPv6 included", async () => {
  await using server = await DnsServer.start(fromZone, "::1");
  assert(server.address.startsWith("[::1]:"));
  for (const nameServer of [server.address, { ipAddr: "::1", port: server.port }]) {
    assertEquals(await resolve("example.com", "A", { nameServer }), records.A);
  }
  assertEquals(server.count, 2);
});

for (const answer of ["nothing", "NXDOMAIN", "SERVFAIL", "REFUSED"] as const) {
  Deno.test(`resolve() throws DnsError "not-found" for ${answer}, which the platform does not tell apart`, async () => {
    await using server = await DnsServer.start(() => answer);
    const error = await assertRejects(
      () => resolve("nowhere.example.com", "MX", { nameServer: server.address }),
      DnsError,
      `Cannot resolve MX of nowhere.example.com: ${server.address} found nothing`,
    );
    assertEquals(error.code, "not-found");
    assertInstanceOf(error.cause, Deno.errors.NotFound);
    assertEquals(server.count, 1);
  });
}

Deno.test('resolve() throws DnsError "failed" for what the platform cannot ask', async () => {
  await using server = await DnsServer.start(fromZone);
  const error = await assertRejects(
    () => resolve("xn--a.com", "A", { nameServer: server.address }), // not Punycode
    DnsError,
    `Cannot resolve A of xn--a.com with ${server.address}: `,
  );
  assertEquals([error.code, server.count], ["failed", 0]);
  assertInstanceOf(error.cause, Error);
});

Deno.test({
  name: "resolve() throws what the platform throws without permission",
  permissions: { net: false },
  fn: () => assertRejects(() => resolve("example.com", "A"), Deno.errors.NotCapable) as Promise<any>,
});

Deno.test("resolve() lets others run, and keeps nothing when it is done", async () => {
  let answer!: (records: dns.Data[]) => void;
  await using server = await DnsServer.start(() => new Promise((resolve) => answer = resolve));
  const asker = spawn(() => resolve("example.com", "A", { nameServer: server.address, timeout: 5000 }));
  await server.asked(1);
  await sleep();
  assertEquals([asker.ready, busy()], [false, { greenlets: 1, foreignWaits: 1, timers: 1 }]);
  answer([dns.ipv4("192.0.2.9")]);
  assertEquals(await asker.get(), ["192.0.2.9"]);
  assertEquals(busy(), IDLE);
});

Deno.test("resolve() that is killed ends at once", async () => {
  await using server = await DnsServer.start(silent);
  const victim = spawn(() => resolve("example.com", "A", { nameServer: server.address }));
  await server.asked(1);
  assertEquals([await victim.kill(), victim.value instanceof Error, busy()], [true, true, IDLE]);
  assertEquals(server.count, 1);
});

Deno.test("resolve() ends with its time-out, which is told by what it throws", async () => {
  await using server = await DnsServer.start(silent);
  const ask = (timeout?: number | Timeout) =>
    resolve("example.com", "A", { nameServer: server.address, timeout });
  await assertRejects(() => ask(10), Timeout, "Timed out after 10 ms: waiting for A of example.com");
  const own = new Timeout(10);
  assertStrictEquals(await ask(own).catch((error) => error), own);
  const foreign = Timeout.start(10);
  assertStrictEquals(await ask(60_000).catch((error) => error), foreign);
  const before = server.count;
  await assertRejects(() => ask(0), Timeout);
  assertEquals([server.count, busy()], [before, IDLE]);
});

Deno.test("resolve() ends with the reason of its signal or kill, whatever that is", async () => {
  await using server = await DnsServer.start(silent);
  const options = { nameServer: server.address };
  for (const reason of ["text", new Error("plain"), new Deno.errors.NotFound("not of DNS")]) {
    const controller = new AbortController();
    const asking = resolve("example.com", "A", { ...options, signal: controller.signal });
    await server.asked(server.count + 1);
    controller.abort(reason);
    assertStrictEquals(await asking.catch((error) => error), reason);
    const victim = spawn(() => resolve("example.com", "A", options).catch((error) => error));
    await server.asked(server.count + 1);
    victim.throw(reason);
    const caught = await victim.get();
    if (typeof reason === "string") assertStringIncludes(caught.message, reason);
    else assertStrictEquals(caught, reason);
  }
  const signal = AbortSignal.abort("before");
  assertEquals(await resolve("example.com", "A", { ...options, signal }).catch((reason) => reason), "before");
});

Deno.test("resolve() throws an interruption that came before it, without asking", async () => {
  await using server = await DnsServer.start(silent);
  const error = new RangeError("came before");
  const victim = spawn(async () => {
    getCurrent()!.throw(error);
    return await resolve("example.com", "A", { nameServer: server.address }).catch((caught) => caught);
  });
  assertStrictEquals(await victim.get(), error);
  assertEquals(server.count, 0);
});

Deno.test("resolve() that nobody awaits is safe to kill", async () => {
  await using server = await DnsServer.start(silent);
  const careless = spawn(async () => {
    void resolve("example.com", "A", { nameServer: server.address });
    void reverse("192.0.2.1", { nameServer: server.address });
    await sleep(60_000);
  });
  await server.asked(2);
  await careless.kill();
  assertEquals(busy(), IDLE);
});

Deno.test("resolve() of a silent server ends in a Timeout when the platform gives up", async () => {
  await using server = await DnsServer.start(silent);
  const begun = performance.now();
  const error = await assertRejects(
    () => resolve("example.com", "A", { nameServer: server.address }),
    Timeout,
    `: resolving A of example.com: No answer from ${server.address}`,
  );
  const elapsed = performance.now() - begun;
  assert(Math.abs(elapsed - error.ms!) < 50, `${error.ms} ms of ${elapsed}`);
});

Deno.test("reverse() asks for the name of the address and gives names without a dot at the end", async () => {
  await using server = await DnsServer.start(
    () => [dns.domain("a.example.com"), dns.domain("b.example.com")],
  );
  const options = { nameServer: server.address };
  assertEquals(await reverse("192.0.2.10", options), ["a.example.com", "b.example.com"]);
  assertEquals(await reverse("2001:db8::567:89ab", options), ["a.example.com", "b.example.com"]);
  assertEquals(server.questions, [
    { name: "10.2.0.192.in-addr.arpa", type: "PTR" },
    { name: "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", type: "PTR" },
  ]);
});

Deno.test("reverse() fails, times out and is killed as resolve() is", async () => {
  await using server = await DnsServer.start(({ name }) => name.startsWith("1.") ? "NXDOMAIN" : "silence");
  const options = { nameServer: server.address };
  const error = await assertRejects(() => reverse("192.0.2.1", options), DnsError);
  assertEquals(error.code, "not-found");
  await assertRejects(() => reverse("192.0.2.2", { ...options, timeout: 10 }), Timeout);
  const victim = spawn(() => reverse("192.0.2.3", options));
  await server.asked(3);
  await victim.kill();
  assertEquals(busy(), IDLE);
});

Deno.test("reverseName() gives the names of RFC 1035 and RFC 3596", () => {
  const zeros = (count: number) => "0.".repeat(count);
  const names: Record<string, string> = {
    "0.0.0.0": "0.0.0.0.in-addr.arpa",
    "255.1.20.3": "3.20.1.255.in-addr.arpa",
    "::": `${zeros(32)}ip6.arpa`,
    "::1": `1.${zeros(31)}ip6.arpa`,
    "1::": `${zeros(28)}1.0.0.0.ip6.arpa`,
    "2001:DB8::1": `1.${zeros(23)}8.b.d.0.1.0.0.2.ip6.arpa`,
    "1:2:3:4:5:6:7:8": "8.0.0.0.7.0.0.0.6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.ip6.arpa",
    "::ffff:192.0.2.1": `1.0.2.0.0.0.0.c.f.f.f.f.${zeros(20)}ip6.arpa`,
  };
  for (const [ip, name] of Object.entries(names)) assertEquals(reverseName(ip), name);
});

const NO_ADDRESSES = [
  "",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.3.256",
  "01.2.3.4",
  "1.2.3.0x4",
  " 1.2.3.4",
  "1.2.3.4:80",
  "example.com",
  ":",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1::2::3",
  "::12345",
  "::1.2.3",
  "::1.2.3.256",
  "fe80::1%eth0",
  "[::1]",
  "::1]:80/[::1",
  "::g",
];

Deno.test("parseIp() knows what is no address", () => {
  for (const text of [...NO_ADDRESSES, 5, undefined, null]) {
    assertEquals(parseIp(text), undefined, String(text));
  }
});

Deno.test("reverse() refuses what is no address at the call", () => {
  for (const ip of [...NO_ADDRESSES, 5 as any, undefined as any]) {
    assertThrows(() => void reverse(ip), TypeError, `received ${JSON.stringify(ip)}`);
  }
});

Deno.test("resolve() refuses bad input at the call, with its value", () => {
  const tooLong = ["a".repeat(64) + ".com", "a.".repeat(126) + "aa"]; // more than 63, more than 253
  const names: any[] = [
    "",
    "a..b",
    "..",
    ".a",
    "a b",
    "a\n",
    "x/y",
    "[::1]",
    "-a.com",
    ...tooLong,
    5,
    undefined,
  ];
  for (const name of names) {
    assertThrows(() => void resolve(name, "A"), TypeError, `received ${JSON.stringify(name)}`);
  }
  for (const type of ["BAD", "a", "", undefined, 1, "toString"] as any[]) {
    assertThrows(
      () => void resolve("a", type),
      TypeError,
      `CAA, CNAME, MX, NAPTR, NS, PTR, SOA, SRV, TXT, received`,
    );
  }
  const servers: any[] = [
    "",
    "localhost",
    "localhost:53",
    "1.2.3.4:",
    "1.2.3.4:x",
    "[1.2.3.4",
    "::1:99999:",
    {},
    5,
    null,
  ];
  for (const nameServer of [...servers, { ipAddr: "1.2.3" }, { port: 53 }, "1.2.3:53", "[::1"]) {
    const value = `received ${JSON.stringify(nameServer)}`;
    assertThrows(() => void resolve("a", "A", { nameServer }), TypeError, value);
  }
  for (const nameServer of ["1.2.3.4:65536", "[::1]:65536", { ipAddr: "1.2.3.4", port: 65536 }]) {
    assertThrows(() => void resolve("a", "A", { nameServer }), RangeError, "received 65536");
  }
  assertThrows(() => void resolve("a", "A", { nameServer: "1.2.3.4:0" }), RangeError, "port 0");
  assertThrows(() => void resolve("a", "A", { timeout: -1 }), RangeError, "received -1");
  assertThrows(() => void reverse("::1", { timeout: NaN }), RangeError, "received NaN");
});

Deno.test("resolve() takes every name that is none of these", async () => {
  await using server = await DnsServer.start(fromZone);
  const long = "a".repeat(63);
  const names = [
    ".",
    "a",
    "a.",
    "_sip._tcp.a",
    "*.a",
    "1.2",
    "a-",
    "bücher.example",
    `${long}.a`,
    "a.".repeat(127),
  ];
  for (const name of names) {
    assertEquals(await resolve(name, "A", { nameServer: server.address }), records.A, name);
  }
  assertEquals(server.count, names.length);
});

Deno.test("resolve() throws BlockingSwitchOutError in a callback of the hub", async () => {
  const seen: unknown[] = [];
  for (const call of [() => resolve("example.com", "A"), () => reverse("::1")]) {
    getHub().runCallback(() => {
      try {
        void call();
      } catch (error) {
        seen.push(error);
      }
    });
  }
  await sleep();
  assert(seen.length === 2 && seen.every((error) => error instanceof BlockingSwitchOutError), String(seen));
});
