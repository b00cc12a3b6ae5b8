import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { getCurrent, getHub, patch, simulate, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";
import { AsyncLocalStorage } from "node:async_hooks";
import timers from "node:timers";
import pauses from "node:timers/promises";
import files from "node:fs/promises";
import dns from "node:dns/promises";
import { promisify } from "node:util";
import { captureErrors } from "../../helpers.ts";
import { makePipe, readerIsGone } from "./pipes.ts";

/** Runs in virtual time, with timers patched. */
function timerTest(name: string, fn: () => Promise<void>): void {
  Deno.test(name, async () => {
    using _patches = patch({ timers: true, node: true });
    await simulate(fn);
  });
}

timerTest("setTimeout() in a greenlet goes by the hub's clock, and its callback is a greenlet", async () => {
  const log: unknown[] = [];
  const started = getHub().now();
  setTimeout(
    async (word: string) => {
      await sleep(10);
      log.push([word, getHub().now() - started, getCurrent() === undefined]);
    },
    1_000_000,
    "late",
  );
  await sleep(2_000_000);
  assertEquals(log, [["late", 1_000_010, true]]); // a raw greenlet has no handle
});

timerTest("clearTimeout() stops a timer, by its handle and by its number", async () => {
  const log: string[] = [];
  clearTimeout(setTimeout(() => log.push("handle"), 5));
  clearTimeout(Number(setTimeout(() => log.push("number"), 5)));
  const closed = setTimeout(() => log.push("closed"), 5) as unknown as { close(): void };
  closed.close();
  await sleep(10);
  assertEquals(log, []);
});

timerTest("setInterval() calls again and again until it is cleared", async () => {
  const log: number[] = [];
  const started = getHub().now();
  const timer = setInterval(() => {
    if (log.push(getHub().now() - started) === 3) clearInterval(timer);
  }, 100);
  await sleep(1_000);
  assertEquals(log, [100, 200, 300]);
});

timerTest("the handle of setTimeout() has what Node's has", async () => {
  const log: string[] = [];
  const timer = setTimeout(() => log.push("fired"), 10) as unknown as {
    refresh(): unknown;
    hasRef(): boolean;
    unref(): { hasRef(): boolean };
    ref(): unknown;
  };
  assertEquals([timer.hasRef(), timer.unref().hasRef()], [true, false]);
  timer.ref();
  await sleep(6);
  timer.refresh();
  await sleep(6);
  assertEquals(log, []);
  await sleep(6);
  assertEquals(log, ["fired"]);
  clearTimeout(timer as unknown as number);
});

timerTest("setTimeout() keeps the async context of its caller", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  storage.run("mine", () => setTimeout(() => seen.push(storage.getStore()), 1));
  await sleep(2);
  assertEquals(seen, ["mine"]);
});

timerTest("an error in a callback of setTimeout() is reported, and the others go on", async () => {
  using errors = captureErrors();
  const failure = new Error("in a timer");
  setTimeout(() => {
    throw failure;
  }, 1);
  await sleep(2);
  assertEquals(errors.seen, [failure]);
});

timerTest("setTimeout() with delays that make no sense takes one millisecond", async () => {
  const log: unknown[] = [];
  const started = getHub().now();
  for (const delay of [undefined, -5, NaN, 2 ** 31, "x"]) {
    setTimeout(() => log.push(getHub().now() - started), delay as number);
  }
  await sleep(5);
  assertEquals(log, [1, 1, 1, 1, 1]);
});

timerTest("node:timers/promises waits through the hub", async () => {
  const started = getHub().now();
  assertEquals(await pauses.setTimeout(1_000, "value"), "value");
  await pauses.scheduler.wait(500);
  await promisify(setTimeout)(250);
  await (timers as unknown as { promises: typeof pauses }).promises.setTimeout(50);
  assertEquals(getHub().now() - started, 1_800);
  await assertRejects(() => withTimeout(5, () => pauses.setTimeout(10)), Timeout);
  assertEquals(await pauses.setImmediate("now"), "now");
});

Deno.test("node:timers/promises.setTimeout() with a signal fails as Node says", async () => {
  using _patches = patch({ node: true });
  const signal = AbortSignal.abort();
  const error = await spawn(() => pauses.setTimeout(1, 1, { signal }).catch((error) => error)).get();
  assertEquals([error.name, error.code], ["AbortError", "ABORT_ERR"]);
});

Deno.test("node:timers/promises.setInterval() that is killed ends its timer", async () => {
  using _patches = patch({ node: true });
  let ticks = 0;
  const ticker = spawn(async () => {
    for await (const _tick of pauses.setInterval(1)) ticks++;
  });
  while (ticks < 2) await sleep(1);
  assertStringIncludes(dump(), "waits for node:timers/promises.setInterval");
  assert(await ticker.kill()); // the sanitizer finds a timer that is left
});

Deno.test("node:fs/promises waits through the hub, and what needs no wait does not", async () => {
  using _patches = patch({ node: true });
  await spawn(async () => {
    const reading = files.readFile(new URL(import.meta.url), "utf8");
    assertStringIncludes(dump(), "waits for node:fs/promises.readFile");
    assertStringIncludes(await reading, "Deno.test");
    await assertRejects(() => files.readFile("/nowhere"), Error, "ENOENT");
    const handle = await files.open(new URL(import.meta.url));
    await handle.close();
    assert(Array.isArray(dns.getServers()));
  }).get();
});

Deno.test({
  name: "node:fs/promises.open() that is killed closes the file that comes too late",
  ignore: Deno.build.os === "windows",
  async fn() {
    using _patches = patch({ node: true });
    const folder = await Deno.makeTempDir();
    const pipe = makePipe(`${folder}/pipe`);
    const victim = spawn(() => files.open(pipe));
    await sleep();
    await victim.kill();
    await readerIsGone(pipe);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("clearTimeout() clears a timer that was started outside greenlets in one", async () => {
  using _patches = patch({ timers: true });
  const log: string[] = [];
  const timer = setTimeout(() => log.push("fired"), 1);
  await spawn(() => clearTimeout(timer)).join();
  await sleep(3);
  assertEquals(log, []);
});
