import { assert, assertEquals } from "@std/assert";
import { ageOf, tickOf } from "../../hub/ticks.ts";

Deno.test("ageOf() is right to within a tick", () => {
  for (const [then, now] of [[0, 0], [5, 1_000], [123_456.7, 234_567.8], [1e9, 1e9 + 86_400_000]] as const) {
    assert(Math.abs(ageOf(tickOf(then), now) - (now - then)) <= 16);
  }
});

Deno.test("ageOf() is right across the end of the numbers, for seven weeks", () => {
  const weeks = 7 * 7 * 86_400_000;
  const turn = 0x1000_0000 * 16;
  assert(weeks < turn);
  for (const then of [turn - 100, turn * 3 - 20, turn * 1_000 + 5]) {
    assert(Math.abs(ageOf(tickOf(then), then + weeks) - weeks) <= 16, `${then}`);
  }
});

Deno.test("tickOf() leaves the two lowest bits alone, and is a small integer", () => {
  for (const now of [0, 17, 1e6, 1e12, 0x0fff_ffff * 16 + 15]) {
    assertEquals([tickOf(now) & 3, tickOf(now) >= 0, tickOf(now) < 2 ** 30], [0, true, true]);
    assertEquals(ageOf(tickOf(now) | 3, now), 0);
  }
});
