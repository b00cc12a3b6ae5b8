import { deadline, delay } from "@std/async";
import { joinAll, sleep, spawn, withTimeout } from "@verdant/green";
import { measure, repeat } from "./helpers.ts";

const SLEEPERS = 100_000;
const OPERATIONS = 10_000;
/** Spread over this many milliseconds, as real deadlines are. */
const SPREAD_MS = 50;
const duration = (i: number) => 1 + i % SPREAD_MS;

measure({
  group: "sleep of 100,000",
  name: "setTimeout promises",
  operations: SLEEPERS,
  baseline: true,
  run: () =>
    Promise.all(
      Array.from({ length: SLEEPERS }, (_, i) => new Promise((resolve) => setTimeout(resolve, duration(i)))),
    ),
});

measure({
  group: "sleep of 100,000",
  name: "greenlets in sleep()",
  operations: SLEEPERS,
  run: () => joinAll(Array.from({ length: SLEEPERS }, (_, i) => spawn(sleep, duration(i)))),
});

measure({
  group: "a limit that is not reached",
  name: "setTimeout and clearTimeout around await null",
  operations: OPERATIONS,
  baseline: true,
  run: () =>
    repeat(OPERATIONS, async () => {
      const timer = setTimeout(() => {}, 60_000);
      await null;
      clearTimeout(timer);
    }),
});

measure({
  group: "a limit that is not reached",
  name: "@std/async deadline()",
  operations: OPERATIONS,
  run: () => repeat(OPERATIONS, () => deadline(Promise.resolve(), 60_000)),
});

measure({
  group: "a limit that is not reached",
  name: "withTimeout()",
  operations: OPERATIONS,
  run: () => repeat(OPERATIONS, () => withTimeout(60_000, () => null)),
});

measure({
  group: "sleep of 1 ms",
  name: "@std/async delay(1)",
  operations: 1,
  baseline: true,
  run: () => delay(1),
});

measure({ group: "sleep of 1 ms", name: "sleep(1)", operations: 1, run: () => sleep(1) });
