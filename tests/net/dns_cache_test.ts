// deno-lint-ignore-file no-explicit-any -- passes what the types forbid
import { assertEquals, assertThrows } from "@std/assert";
import { simulate, sleep } from "@verdant/green";
import { DnsCache, type DnsCacheOptions } from "../../net/dns_cache.ts";

/** Those of a, b, c and d that it has. Looks at each, in this order. */
const contents = (cache: DnsCache<number>) =>
  [..."abcd"].filter((key) => cache.get(key) !== undefined).join("");

function filled(options: DnsCacheOptions, keys = "abc"): DnsCache<number> {
  const cache = new DnsCache<number>(options);
  [...keys].forEach((key, index) => cache.set(key, index));
  return cache;
}

Deno.test("DnsCache.get() gives what was set, and undefined for what was not", () => {
  const cache = filled({});
  assertEquals([cache.get("a"), cache.get("c"), cache.get("d"), cache.size], [0, 2, undefined, 3]);
  cache.set("a", 7);
  assertEquals([cache.get("a"), cache.size], [7, 3]);
});

Deno.test("DnsCache.get() gives nothing that is as old as the limit", async () => {
  await simulate(async () => {
    const cache = new DnsCache<number>({ ttl: 1000 });
    cache.set("a", 1);
    await sleep(400);
    cache.set("b", 2);
    await sleep(599);
    assertEquals([cache.get("a"), cache.get("b")], [1, 2]);
    await sleep(1);
    assertEquals([cache.get("a"), cache.get("b"), cache.size], [undefined, 2, 1]);
  });
});

Deno.test("DnsCache.get() does not make an answer any younger, but set() does", async () => {
  await simulate(async () => {
    const cache = filled({ ttl: Temporal.Duration.from({ seconds: 1 }) });
    await sleep(900);
    assertEquals([cache.get("a"), cache.get("b")], [0, 1]);
    cache.set("b", 5);
    await sleep(100);
    assertEquals([cache.get("a"), cache.get("b")], [undefined, 5]);
    await sleep(900);
    assertEquals(cache.get("b"), undefined);
  });
});

Deno.test("DnsCache forgets what was not used for longest when it is full", () => {
  const cache = filled({ maxSize: 3 }, "abcd");
  assertEquals([contents(cache), cache.size], ["bcd", 3]);
  cache.get("b"); // now c is the oldest
  cache.set("a", 1);
  assertEquals([contents(cache), cache.size], ["abd", 3]);
  cache.set("a", 2); // has a place already
  assertEquals([contents(cache), cache.size], ["abd", 3]);
  assertEquals(contents(filled({ maxSize: 1 })), "c");
  assertEquals(contents(filled({ maxSize: 3 }, "abcad")), "acd"); // to be set is to be used
});

Deno.test("DnsCache with ttl: 0 gives nothing back, with ttl: Infinity everything", async () => {
  assertEquals(contents(filled({ ttl: 0 })), "");
  await simulate(async () => {
    const cache = filled({ ttl: Infinity });
    await sleep(1e12);
    assertEquals(contents(cache), "abc");
  });
});

Deno.test("DnsCache.clear() forgets all", () => {
  const cache = filled({});
  cache.clear();
  assertEquals([contents(cache), cache.size], ["", 0]);
});

Deno.test("DnsCache gives nothing whose age it cannot know: set under the clock of another hub", async () => {
  const cache = new DnsCache<number>({ ttl: 1000 });
  await simulate(() => cache.set("a", 1), { start: 1e9 });
  assertEquals(await simulate(() => cache.get("a"), { start: 1 }), undefined);
});

Deno.test("new DnsCache() refuses bad bounds with their value", () => {
  for (const maxSize of [0, -1, 1.5, NaN, Infinity]) {
    const message = `Cannot create DNS cache: maxSize must be a positive integer, received ${maxSize}`;
    assertThrows(() => new DnsCache({ maxSize }), RangeError, message);
  }
  for (const ttl of [-1, NaN]) assertThrows(() => new DnsCache({ ttl }), RangeError, `ttl must be 0 or more`);
  assertThrows(() => new DnsCache({ ttl: "1 s" as any }), TypeError, "received 1 s");
});
