import { assertEquals, assertThrows } from "@std/assert";
import { toMilliseconds } from "../../hub/mod.ts";

Deno.test("toMilliseconds() takes milliseconds and durations", () => {
  assertEquals(toMilliseconds(0, "wait"), 0);
  assertEquals(toMilliseconds(Infinity, "wait"), Infinity);
  assertEquals(toMilliseconds(Temporal.Duration.from({ seconds: 1, milliseconds: 5 }), "wait"), 1005);
});

Deno.test("toMilliseconds() throws RangeError for what is below 0 or not a number, TypeError for other types", () => {
  for (const bad of [-1, NaN, -Infinity]) {
    assertThrows(() => toMilliseconds(bad, "wait"), RangeError, `Cannot wait: timeout must be 0 or more`);
    assertThrows(() => toMilliseconds(bad, "wait"), RangeError, String(bad));
  }
  assertThrows(() => toMilliseconds(Temporal.Duration.from({ seconds: -1 }), "wait"), RangeError, "-1000");
  for (const bad of ["5", {}, null]) {
    assertThrows(
      () => toMilliseconds(bad as number, "sleep", "duration"),
      TypeError,
      "Cannot sleep: duration",
    );
  }
});
