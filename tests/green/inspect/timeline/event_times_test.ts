import { assert, assertEquals } from "@std/assert";
import type { Task } from "../../../../hub/mod.ts";
import { EventRing, SWITCHED, WOKEN } from "../../../../green/inspect/timeline/event_ring.ts";
import { timesOf } from "../../../../green/inspect/timeline/event_times.ts";

const someone = (id: number) => ({ id, label: `t${id}` }) as unknown as Task;

/** A ring with a clock of its own: `at(us, add)` adds an event at that time. */
function ringAt(capacity = 256): { ring: EventRing; at: (us: number, kind?: number) => void } {
  let time = 0;
  let id = 1;
  const ring = new EventRing(capacity, () => time);
  return {
    ring,
    at(us, kind = SWITCHED) {
      time = us / 1000;
      if (kind === WOKEN) ring.expectExact();
      ring.addBy(kind, someone(id++), undefined);
    },
  };
}

Deno.test("timesOf() puts events between two looks at the clock evenly, and says how wrong that may be", () => {
  const { ring, at } = ringAt();
  let us = 0;
  for (let i = 0; i < 200; i++) at(us += 0.1);
  const { times, errors, from } = timesOf(ring, -Infinity, us / 1000);
  assertEquals(from, 0);
  times.forEach((time, i) => assert(Math.abs(time * 1000 - (i + 1) * 0.1) < 0.15, `${time} at ${i}`));
  assert(errors.every((error) => error * 1000 <= 6.5));
  assert(errors.some((error) => error > 0) && errors.some((error) => error === 0));
});

Deno.test("timesOf() marks a batch that took long as inexact as it is", () => {
  const { ring, at } = ringAt();
  let us = 0;
  for (let i = 0; i < 180; i++) at(us += i === 150 ? 50_000 : 0.1);
  const { times, errors } = timesOf(ring, -Infinity, us / 1000);
  for (let i = 1; i < times.length; i++) assert(times[i]! >= times[i - 1]!);
  assert(errors[150]! > 50 || errors[151]! > 50 || times[150]! > 50);
  assertEquals(errors[10]! < 1, true);
});

Deno.test("timesOf() does not stretch what was before a pause into it", () => {
  const { ring, at } = ringAt();
  let us = 0;
  for (let i = 0; i < 140; i++) at(us += 0.1);
  at(us += 1_000_000, WOKEN);
  const { times } = timesOf(ring, -Infinity, us / 1000);
  assert(times[139]! < 1);
  assertEquals(times[140], us / 1000);
});

Deno.test("timesOf() does not stretch the newest events until it is read", () => {
  const { ring, at } = ringAt();
  let us = 0;
  for (let i = 0; i < 140; i++) at(us += 0.1);
  const { times } = timesOf(ring, -Infinity, 5_000);
  assert(times[139]! < 1);
  const tight = timesOf(ring, -Infinity, us / 1000);
  assert(tight.times[139]! <= us / 1000);
});

Deno.test("timesOf() leaves out the oldest events if it cannot say when they were", () => {
  const { ring, at } = ringAt(32);
  let us = 0;
  for (let i = 0; i < 500; i++) at(us += 0.1);
  const { from, times } = timesOf(ring, -Infinity, us / 1000);
  assert(ring.exactAt(from) || from === ring.size);
  assert(times.slice(from).every((time) => time > 0));
});

Deno.test("timesOf() begins with the switch to who ran then", () => {
  const { ring, at } = ringAt();
  at(0);
  at(100);
  at(200, WOKEN);
  at(300, WOKEN);
  at(5_000);
  assertEquals([0.25, 0.05, 6].map((since) => timesOf(ring, since, 6).from), [1, 0, 4]);
});
