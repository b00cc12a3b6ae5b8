import { joinAll, killAll, sleep, spawn } from "@verdant/green";
import { measure, repeat } from "./helpers.ts";

const OPERATIONS = 10_000;
const body = async () => {};
const parkOnce = async () => {
  await sleep();
};

measure({
  group: "spawn and join",
  name: "call an async function and await it",
  operations: OPERATIONS,
  baseline: true,
  run: () => repeat(OPERATIONS, body),
});

measure({
  group: "spawn and join",
  name: "spawn().join(), one by one",
  operations: OPERATIONS,
  run: () => repeat(OPERATIONS, () => spawn(body).join()),
});

measure({
  group: "spawn many",
  name: "Promise.all() of async calls",
  operations: OPERATIONS,
  baseline: true,
  run: () => Promise.all(Array.from({ length: OPERATIONS }, body)),
});

measure({
  group: "spawn many",
  name: "joinAll() of greenlets",
  operations: OPERATIONS,
  run: () => joinAll(Array.from({ length: OPERATIONS }, () => spawn(body))),
});

measure({
  group: "spawn and park once",
  name: "Promise.all() of async calls that await null",
  operations: OPERATIONS,
  baseline: true,
  run: () => Promise.all(Array.from({ length: OPERATIONS }, async () => await null)),
});

measure({
  group: "spawn and park once",
  name: "greenlets that sleep(0), unobserved",
  operations: OPERATIONS,
  async run() {
    for (let i = 0; i < OPERATIONS; i++) spawn(parkOnce);
    await sleep();
    await sleep();
  },
});

measure({
  group: "spawn and kill",
  name: "abort 10,000 promises by AbortController",
  operations: OPERATIONS,
  baseline: true,
  async run() {
    const controllers = Array.from({ length: OPERATIONS }, () => new AbortController());
    const waits = controllers.map(({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))).catch(
        () => {},
      )
    );
    for (const controller of controllers) controller.abort();
    await Promise.all(waits);
  },
});

measure({
  group: "spawn and kill",
  name: "kill parked greenlets",
  operations: OPERATIONS,
  async run() {
    const parked = Array.from({ length: OPERATIONS }, () => spawn(() => sleep(Infinity)));
    await sleep();
    await killAll(parked);
  },
});
