import {
  assertArrayIncludes,
  assertEquals,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Event, eventlet, getHub, type Greenlet, sleep, spawn } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";

const { debug } = eventlet;

/** Keeps the event loop for so long (ms). */
function hold(ms: number): void {
  for (const begin = performance.now(); performance.now() < begin + ms;);
}

/** Who is detected in the middle of `hold(20)`. A busy machine may add others. */
async function detected(): Promise<string[]> {
  const names: string[] = [];
  debug.hubBlockingDetection(true, 10, (task) => names.push(task.label));
  await spawn(function busy() {
    hold(20);
  }).join();
  debug.hubBlockingDetection(false);
  return names;
}

Deno.test("debug.hubExceptions() silences the hub, and lets it report again as before", async () => {
  using errors = captureErrors();
  const fail = async (message: string) => {
    await spawn(() => {
      throw new Error(message);
    }).join();
  };
  await fail("first");
  debug.hubExceptions(true);
  debug.hubExceptions(false);
  debug.hubExceptions(false);
  await fail("unheard");
  debug.hubExceptions();
  debug.hubExceptions(true);
  await fail("last");
  assertEquals(errors.seen.map((error) => (error as Error).message), ["first", "last"]);
});

Deno.test("debug.hubExceptions(true) leaves a handler alone that was set meanwhile", () => {
  using _errors = captureErrors();
  debug.hubExceptions(false);
  using errors = captureErrors();
  debug.hubExceptions(true);
  getHub().handleError("test", "broken");
  assertEquals(errors.seen, ["broken"]);
});

Deno.test("debug.hubListenerStacks() and hubTimerStacks() are hub.debug", () => {
  const hub = getHub();
  const { debug: before } = hub;
  for (const set of [debug.hubListenerStacks, debug.hubTimerStacks]) {
    set(true);
    assertEquals(hub.debug, true);
    set();
    assertEquals(hub.debug, false);
  }
  hub.debug = before;
});

Deno.test("debug.formatHubListeners() tells who waits for what", async () => {
  assertEquals(debug.formatHubListeners(), "LISTENERS:");
  const queue = new eventlet.Queue<string>();
  await using getter: Greenlet = spawn(async function consumer() {
    await queue.get();
  });
  await sleep();
  assertMatch(
    debug.formatHubListeners(),
    new RegExp(`^LISTENERS:\n  #${getter.id} consumer waits for .* get`),
  );
});

Deno.test("debug.formatHubTimers() tells the waits that have a limit, soonest first", async () => {
  assertEquals(debug.formatHubTimers(), "TIMERS: 0");
  const event = new Event();
  await using late = spawn(() => sleep(60_000));
  await using soon = spawn(() => event.wait({ timeout: 30_000 }));
  await using unlimited = spawn(() => event.wait());
  await using waiting = spawn(() => sleep(1));
  late.name = "late";
  soon.name = "soon";
  unlimited.name = "unlimited";
  await waiting.join();
  using _timeout = new eventlet.Timeout(60_000);
  const lines = debug.formatHubTimers().split("\n");
  assertEquals(lines.length, 4);
  assertEquals(lines[0], "TIMERS: 3");
  assertMatch(lines[1]!, /^ {2}in \d+\.\d ms #\d+ soon has waited enough for Event wait$/);
  assertMatch(lines[2]!, /^ {2}in \d+\.\d ms #\d+ late has waited enough for sleep$/);
  assertEquals(lines[3], "  and 1 that end no wait");
});

Deno.test("debug.hubBlockingDetection() reports who kept the event loop, until it is switched off", async () => {
  assertArrayIncludes(await detected(), ["busy"]);
  assertArrayIncludes(await detected(), ["busy"]);
  assertEquals(getHub().tracer, undefined);
  debug.hubBlockingDetection();
});

Deno.test("debug.hubBlockingDetection() replaces the detection that there was", async () => {
  const first: unknown[] = [];
  debug.hubBlockingDetection(true, 10, (task) => first.push(task));
  assertArrayIncludes(await detected(), ["busy"]);
  assertEquals([first, getHub().tracer], [[], undefined]);
});

Deno.test("debug.hubBlockingDetection() writes a line if nothing else is said", async () => {
  const { error } = console;
  const { debug: before } = getHub();
  const lines: string[] = [];
  console.error = (line) => lines.push(line);
  try {
    debug.hubBlockingDetection(true, 10);
    getHub().debug = true;
    await spawn(function busy() {
      hold(20);
    }).join();
  } finally {
    console.error = error;
    getHub().debug = before;
    debug.hubBlockingDetection(false);
  }
  const index = lines.findIndex((line) =>
    /^Blocking detected: #\d+ busy kept the event loop for \d+ ms$/.test(line)
  );
  assertStringIncludes(lines[index + 1]!, "spawned\n");
});

Deno.test("debug.hubBlockingDetection() refuses bad arguments at the call, and changes nothing", () => {
  debug.hubBlockingDetection(true);
  const { tracer } = getHub();
  for (const resolution of [0, -1, NaN, Infinity]) {
    const message = `resolution must be a positive number, received ${resolution}`;
    assertThrows(() => debug.hubBlockingDetection(true, resolution), RangeError, message);
  }
  assertThrows(
    () => debug.hubBlockingDetection(false, 1, 1 as never),
    TypeError,
    "report must be a function",
  );
  assertStrictEquals(getHub().tracer, tracer);
  debug.hubBlockingDetection(false);
});
