import { assert, assertEquals } from "@std/assert";
import { getHub, Hub, sleep, spawnWith } from "@verdant/green";
import type { Task } from "../../../hub/mod.ts";
import { RunMeter } from "../../../net/inspector/run_meter.ts";
import { Strip } from "../../../net/inspector/strip.ts";
import { TextTable } from "../../../net/inspector/wire.ts";

const a = { id: 1, label: "a" };
const b = { id: 2, label: "b" };

/** The parts that are over, as `[part, [name, id, µs], …]`. */
function partsOf(strip: Strip, now: number, from = 0) {
  const table = new TextTable();
  strip.seal(now);
  return strip.between(from, strip.partAt(now), table).map(([part, ...numbers]) => [
    part,
    ...Array.from(
      { length: numbers.length / 3 },
      (_, i) => [table.texts[numbers[3 * i]!] ?? "", numbers[3 * i + 1], numbers[3 * i + 2]],
    ),
  ]);
}

Deno.test("Strip adds up who ran in each part, those who ran longest first", () => {
  const strip = new Strip();
  strip.add(a, 1, 2);
  strip.add(b, 2, 5);
  strip.add(a, 5, 6);
  assertEquals(partsOf(strip, 9), [], "the part is not over");
  assertEquals(partsOf(strip, 10), [[0, ["b", 2, 3000], ["a", 1, 2000]]]);
  assertEquals(partsOf(strip, 20), [[0, ["b", 2, 3000], ["a", 1, 2000]]]);
  assertEquals(partsOf(strip, 20, 1), []);
});

Deno.test("Strip spreads a long run over its parts", () => {
  const strip = new Strip();
  strip.add(a, 5, 32.5);
  strip.add(b, 32.5, 40);
  assertEquals(partsOf(strip, 50), [
    [0, ["a", 1, 5000]],
    [1, ["a", 1, 10000]],
    [2, ["a", 1, 10000]],
    [3, ["b", 2, 7500], ["a", 1, 2500]],
  ]);
});

Deno.test("Strip names the largest and adds up the others", () => {
  const strip = new Strip();
  for (let id = 1; id <= 6; id++) strip.add({ id, label: `g${id}` }, 0, id / 10);
  assertEquals(partsOf(strip, 10), [
    [0, ["g6", 6, 600], ["g5", 5, 500], ["g4", 4, 400], ["g3", 3, 300], ["", -1, 300]],
  ]);
});

Deno.test("Strip keeps ten seconds", () => {
  const strip = new Strip();
  strip.add(a, 0, 1);
  strip.add(a, 5_000, 5_001);
  strip.add(b, 20_000, 45_000);
  const parts = partsOf(strip, 45_000);
  assertEquals([parts.length, parts[0]![0], parts.at(-1)![0]], [1000, 3500, 4499]);
  assertEquals(partsOf(strip, 60_000), []);
});

Deno.test("RunMeter enters who runs, for as long as it does", async () => {
  const strip = new Strip();
  const hub = getHub();
  using meter = new RunMeter(hub, strip);
  const spin = (ms: number) => {
    const end = hub.now() + ms;
    while (hub.now() < end);
  };
  const long = spawnWith({ name: "long" }, async () => {
    spin(15);
    await sleep(1);
    spin(15);
  });
  const short = spawnWith({ name: "short" }, () => spin(2));
  await long.join();
  await short.join();
  const times = new Map<unknown, number>();
  for (const [, ...shares] of partsOf(strip, hub.now() + 20)) {
    for (const [name, , time] of shares as [string, number, number][]) {
      times.set(name, (times.get(name) ?? 0) + time);
    }
  }
  assertEquals([...times.keys()].sort(), ["long", "short"]);
  assert(times.get("long")! >= 30_000 && times.get("short")! >= 2_000);
  assertEquals(meter.counts.spawned, 2);
  assert(meter.counts.switches >= 3);
});

/** A meter of a hub whose clock is set by hand, and that is told by hand what happens. */
function meterByHand() {
  const clock = { time: 0, now: () => clock.time, arm() {}, disarm() {} };
  const hub = new Hub({ clock });
  const strip = new Strip();
  const meter = new RunMeter(hub, strip);
  return { clock, strip, meter, a: a as Task, b: b as Task };
}

Deno.test("RunMeter gives each what passes until the next gets the token, or it is taken back", () => {
  const { clock, strip, meter, a, b } = meterByHand();
  meter.switched(a);
  clock.time = 4;
  meter.switched(b);
  clock.time = 9;
  meter.detached();
  clock.time = 15;
  meter.switched(a);
  clock.time = 16;
  meter.detached();
  assertEquals(partsOf(strip, 20), [[0, ["b", 2, 5000], ["a", 1, 4000]], [1, ["a", 1, 1000]]]);
  assertEquals(meter.counts, { spawned: 0, switches: 3 });
});

Deno.test("RunMeter enters nothing for who has the token while the event loop turns", () => {
  const { clock, strip, meter, a, b } = meterByHand();
  meter.switched(a);
  clock.time = 15;
  meter.turned();
  clock.time = 18;
  meter.switched(b);
  clock.time = 20;
  meter.detached();
  assertEquals(partsOf(strip, 30), [[1, ["b", 2, 2000]]]);
});

Deno.test("RunMeter is gone when disposed", () => {
  const hub = getHub();
  const meter = new RunMeter(hub, new Strip());
  assert(hub.tracer !== undefined);
  meter[Symbol.dispose]();
  assertEquals(hub.tracer, undefined);
});
