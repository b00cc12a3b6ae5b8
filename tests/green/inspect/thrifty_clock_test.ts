import { assert, assertEquals } from "@std/assert";
import { ThriftyClock } from "../../../green/inspect/thrifty_clock.ts";

/** Microseconds between events, one entry each; returns the indices of the events at which the clock was read. */
function readings(clock: ThriftyClock, time: { us: number; left: number }, paces: number[]): number[] {
  const read: number[] = [];
  paces.forEach((pace, index) => {
    time.us += pace;
    if (--time.left > 0) return;
    read.push(index);
    assertEquals(clock.read(), time.us / 1000);
    time.left = clock.batch;
  });
  return read;
}

function make(): { clock: ThriftyClock; time: { us: number; left: number } } {
  const time = { us: 0, left: 1 };
  return { time, clock: new ThriftyClock(() => time.us / 1000) };
}

Deno.test("ThriftyClock.read() is due at every event that comes slowly", () => {
  const { clock, time } = make();
  assertEquals(readings(clock, time, Array(100).fill(25)).length, 100);
});

Deno.test("ThriftyClock.read() is due ever less often while events come fast, at least every 64th time", () => {
  const { clock, time } = make();
  const read = readings(clock, time, Array(1_000).fill(0.01));
  const gaps = read.slice(1).map((index, i) => index - read[i]!);
  assertEquals(gaps.slice(0, 8), [1, 2, 4, 8, 16, 32, 64, 64]);
  assertEquals(Math.max(...gaps), 64);
});

Deno.test("ThriftyClock.read() is due so often that some 6 to 24 µs pass in between", () => {
  for (const pace of [0.2, 0.5, 1, 2, 4]) {
    const { clock, time } = make();
    const read = readings(clock, time, Array(2_000).fill(pace)).slice(20);
    const gaps = new Set(read.slice(1).map((index, i) => (index - read[i]!) * pace));
    for (const gap of gaps) assert(gap >= 6 && gap <= 24, `${gap} µs at a pace of ${pace}`);
  }
});

Deno.test("ThriftyClock.read() is due at every event after a batch that took long, the longer the more", () => {
  for (const [ms, exact] of [[0.05, 28], [1, 556], [50, 4_096]] as const) {
    const { clock, time } = make();
    readings(clock, time, Array(500).fill(0.05));
    const paces = Array(6_000).fill(0.05);
    paces[70] = ms * 1_000;
    const read = readings(clock, time, paces);
    const late = read.findIndex((index) => index >= 70);
    assert(read[late]! < 70 + 64);
    const gaps = read.slice(late + 1).map((index, i) => index - read[late + i]!);
    const ones = gaps.findIndex((gap) => gap > 1);
    assert(Math.abs(ones - exact) <= 4, `${ones} after ${ms} ms`);
    assertEquals(gaps.slice(ones, ones + 6), [2, 4, 8, 16, 32, 64]);
  }
});

Deno.test("ThriftyClock.read() is due around every slow event if one comes again and again", () => {
  const { clock, time } = make();
  const paces = Array(20_000).fill(0.05);
  for (let i = 3_000; i < paces.length; i += 1_000) paces[i] = 10_000;
  const read = new Set(readings(clock, time, paces));
  assert(!read.has(2_999) || !read.has(3_000), "the first time, it comes unexpected");
  for (let i = 4_000; i < paces.length; i += 1_000) assert(read.has(i - 1) && read.has(i), String(i));
});

Deno.test("ThriftyClock.read() is due twice as often once 64 events take more than 24 µs", () => {
  const { clock, time } = make();
  readings(clock, time, Array(500).fill(0.1));
  const read = readings(clock, time, Array(400).fill(0.5)); // 32 µs for 64 of them: half as many from then on
  const gaps = read.slice(1).map((index, i) => index - read[i]!);
  assertEquals(gaps.slice(1), Array(gaps.length - 1).fill(32));
});

Deno.test("ThriftyClock.cutShort() leaves the pace as it is", () => {
  const { clock, time } = make();
  readings(clock, time, Array(500).fill(0.01));
  time.left = 1;
  time.us += 50_000;
  clock.cutShort();
  assertEquals(readings(clock, time, Array(130).fill(0.01)), [0, 64, 128]);
});
