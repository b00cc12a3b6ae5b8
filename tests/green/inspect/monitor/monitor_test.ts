import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type BlockedEvent,
  getCurrent,
  getHub,
  MemoryExceededEvent,
  MemoryUnderEvent,
  Monitor,
  monitor,
  simulate,
  sleep,
  spawn,
} from "@verdant/green";

const ROOT = new URL("../../../../", import.meta.url);
/** A process that hangs is killed after this. */
const LIMIT_MS = 60_000;

const PRELUDE = `
  import { getHub, main, monitor, Queue, sleep, spawn, spawnWith } from "@verdant/green";
  /** Blocks the event loop. */
  function block(ms) {
    for (const start = performance.now(); performance.now() < start + ms;);
  }
  async function watching(watch) {
    while (!watch.watching) await sleep(5);
    await sleep(2 * watch.maxBlocking);
  }
`;

/** Runs a program without permissions, with what is in the prelude, and returns what it writes to stderr. */
async function run(program: string, ...args: string[]): Promise<string[]> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, PRELUDE + program);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--no-prompt", "--quiet", "--config", "deno.json", ...args, file],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(LIMIT_MS),
    }).output();
    const decoder = new TextDecoder();
    const lines = decoder.decode(stderr).split("\n").filter((line) =>
      line !== "" && !line.includes("Warning")
    );
    assertEquals([code, decoder.decode(stdout)], [0, ""], lines.join("\n"));
    return lines.filter((line) => !/^ +at file:\/\/\/\S+deno\.json$/.test(line));
  } finally {
    await Deno.remove(file);
  }
}

/** A monitor does not keep the process alive: somebody else has to. */
async function happens(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

Deno.test("monitor() says who blocks the loop while it happens, and afterwards what became of it", async () => {
  const lines = await run(`
    main(async () => {
      const watch = monitor({ maxBlocking: 20 });
      await watching(watch);
      watch.addEventListener("blocked", ({ blocking }) => {
        console.error("event", blocking.greenlet === busy, blocking.name, blocking.held >= 20);
        for (const line of blocking.during.split("\\n")) console.error("during " + line);
      });
      const queue = new Queue();
      let busy;
      await spawnWith({ name: "acceptor" }, async () => {
        busy = spawn(async function parseReport() {
          await queue.get();
          block(400);
          console.error("blocked long enough");
          await sleep(50);
        });
        await sleep(5);
        queue.putNowait(1);
        await busy.join();
      }).join();
      await sleep(50);
    });
  `);
  const live = lines.findIndex((line) => line.includes("has held the event loop for"));
  const ends = lines.indexOf("blocked long enough");
  assert(live >= 0 && live < ends, lines.join("\n"));
  const said =
    /^green monitor: #(\d+) "parseReport" has held the event loop for (\d+) ms, and still does; spawned by #\d+ "acceptor"; it last waited for get$/;
  assert(said.test(lines[live]!), lines[live]);
  const event = lines.indexOf("event true parseReport true");
  assert(event > ends, lines.join("\n"));
  assert(lines[event + 1]!.startsWith("during green monitor: #"), lines[event + 1]);
  assert(lines.slice(ends, event).some((line) => /"parseReport" held the event loop for \d+ ms/.test(line)));
  assert(lines.slice(ends, event).includes("  then it waited for sleep"), lines.join("\n"));
});

Deno.test("monitor() sees a program that blocks at once, before its worker runs", async () => {
  const lines = await run(`
    main(async () => {
      monitor({ maxBlocking: 20 });
      await spawn(function early() { block(1_500); console.error("blocked long enough"); }).join();
    });
  `);
  const live = lines.findIndex((line) => line.includes('"early" has held'));
  assert(live >= 0 && live < lines.indexOf("blocked long enough"), lines.join("\n"));
});

Deno.test("monitor() blames nobody for code outside greenlets", async () => {
  const lines = await run(`
    const watch = monitor({ maxBlocking: 20 });
    watch.addEventListener("blocked", ({ blocking: { greenlet, name } }) => console.error(greenlet, name));
    spawn(async function innocent() { for (;;) await sleep(1); });
    await watching(watch);
    await new Promise((resolve) => setTimeout(() => { block(400); console.error("blocked"); resolve(); }, 1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    Deno.exit();
  `);
  const live = lines.findIndex((line) => line.includes("no greenlet that is known"));
  assert(live >= 0 && live < lines.indexOf("blocked"), lines.join("\n"));
  assert(lines.includes("undefined code outside greenlets"), lines.join("\n"));
  assertEquals(lines.filter((line) => line.includes("innocent")), []);
});

Deno.test("monitor() is silent as long as the loop turns", async () => {
  const lines = await run(`
    main(async () => {
      const watch = monitor({ maxBlocking: 1_000 });
      await watching(watch);
      await spawn(async () => { await new Promise((resolve) => setTimeout(resolve, 1_500)); }).join();
    });
  `);
  assertEquals(lines, []);
});

Deno.test("monitor() does not count time in which the process is stopped", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--quiet",
      `import { monitor, sleep } from "@verdant/green";
      const watch = monitor({ maxBlocking: 1_000 });
      while (!watch.watching) await sleep(5);
      await sleep(50);
      console.log("ready");
      await sleep(500);
      for await (const _ of Deno.stdin.readable) break;`,
    ],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGSTOP");
  await sleep(2_500);
  child.kill("SIGCONT");
  await sleep(500);
  await child.stdin.close();
  while (!(await reader.read()).done);
  const stderr = await new Response(child.stderr).text();
  assertEquals((await child.status).code, 0);
  assertEquals(stderr.split("\n").filter((line) => line.includes("green monitor")), []);
});

Deno.test("monitor() works in a worker", async () => {
  const inner = `
    import { monitor, sleep, spawn } from "@verdant/green";
    onmessage = async () => {
      const watch = monitor({ maxBlocking: 20 });
      while (!watch.watching) await sleep(5);
      await sleep(50);
      await spawn(function inner() {
        for (const start = performance.now(); performance.now() < start + 400;);
        console.error("blocked long enough");
      }).join();
      await sleep(50);
      postMessage(0);
      close();
    };`;
  const lines = await run(
    `
    const code = ${JSON.stringify(inner)};
    const url = URL.createObjectURL(new Blob([code], { type: "text/typescript" }));
    const worker = new Worker(url, { type: "module" });
    worker.postMessage(0);
    await new Promise((resolve) => worker.onmessage = resolve);
  `,
    "--allow-read",
  );
  const live = lines.findIndex((line) => line.includes('"inner" has held'));
  assert(live >= 0 && live < lines.indexOf("blocked long enough"), lines.join("\n"));
});

Deno.test("monitor() does not keep the process alive, and says nothing of its end", async () => {
  const busyEnd = `addEventListener("unload", () => block(2_000));`;
  assertEquals(await run(`monitor({ maxBlocking: 500 });${busyEnd}`), []);
  assertEquals(await run(`monitor({ maxBlocking: Infinity, maxMemory: "1TB" });`), []);
});

Deno.test("monitor() does not hide a deadlock", async () => {
  const lines = await run(`
    main(async () => {
      monitor({ maxBlocking: 10_000 });
      addEventListener("unload", () => Deno.exitCode = 0);
      await new Queue().get().catch((error) => console.error(error.name));
    });
  `);
  assertEquals(lines, ["LoopExit"]);
});

Deno.test("monitor() with print: false prints nothing, but says it in the event", async () => {
  using watch = monitor({ maxBlocking: 20, print: false });
  const events: BlockedEvent[] = [];
  watch.addEventListener("blocked", (event) => {
    if (event.blocking.greenlet !== undefined) events.push(event); // the machine may be busy, too
  });
  while (!watch.watching) await sleep(1);
  await sleep(40);
  const greenlet = spawn(function busy() {
    for (const start = performance.now(); performance.now() < start + 300;);
  });
  await greenlet.join();
  await happens(() => events.length > 0);
  const { type, blocking, report } = events[0]!;
  assertEquals(type, "blocked");
  assertStrictEquals(blocking.greenlet, greenlet);
  assertStringIncludes(blocking.during, `#${greenlet.id} "busy"`);
  assert(blocking.held <= blocking.blocked);
  assertStringIncludes(report, "then it ended");
});

Deno.test("Monitor.ignore() lets a greenlet block until it is disposed", async () => {
  const lines = await run(`
    main(async () => {
      const watch = monitor({ maxBlocking: 20 });
      await watching(watch);
      await spawn(async function allowed() {
        using _ignored = watch.ignore();
        block(400);
        await sleep(50);
        block(400);
      }).join();
      const other = spawn(async function other() { await sleep(1); block(400); });
      const ignored = watch.ignore(other);
      await other.join();
      await sleep(50);
      const again = spawn(async function again() { await sleep(50); block(400); console.error("blocked"); });
      watch.ignore(again)[Symbol.dispose]();
      await again.join();
      await sleep(50);
    });
  `);
  assertEquals(lines.filter((line) => /allowed|other/.test(line)), []);
  const live = lines.findIndex((line) => line.includes('"again" has held'));
  assert(live >= 0 && live < lines.indexOf("blocked"), lines.join("\n"));
});

Deno.test("Monitor.ignore() refuses what is no greenlet of its hub", async () => {
  using watch = monitor({ print: false });
  for (const wrong of [null, "busy", {}]) {
    assertThrows(() => watch.ignore(wrong as never), TypeError, "Cannot ignore blocking: greenlet must be");
  }
  const foreign: unknown[] = [];
  await simulate(async () => {
    foreign.push(spawn(() => {}));
    await sleep(1);
  });
  assertThrows(() => watch.ignore(foreign[0] as never), Error, "belongs to another hub");
});

Deno.test("Monitor.ignore() is harmless with memory only, and after the end of the greenlet", async () => {
  const greenlet = spawn(() => {});
  {
    using watch = monitor({ maxBlocking: Infinity });
    watch.ignore(greenlet)[Symbol.dispose]();
    assertEquals(watch.watching, false);
  }
  using watch = monitor({ print: false });
  const ignored = watch.ignore(greenlet);
  await greenlet.join();
  ignored[Symbol.dispose]();
  ignored[Symbol.dispose]();
  watch.ignore(greenlet)[Symbol.dispose]();
});

Deno.test("monitor() refuses a second one for the same hub, until the first has stopped", () => {
  const hub = getHub();
  const { tracer } = hub;
  const watch = monitor({ print: false });
  assert(watch instanceof Monitor && watch instanceof EventTarget);
  assertThrows(() => monitor(), Error, "Cannot start monitor: this hub has one already");
  assertEquals(watch.stopped, false);
  watch.stop();
  watch.stop();
  assertEquals([watch.stopped, watch.watching, hub.tracer], [true, false, tracer]);
  monitor({ print: false }).stop();
});

Deno.test("monitor() refuses bad options, and nothing is left behind", () => {
  const wrong: [Record<string, unknown>, typeof Error, string][] = [
    [{ maxBlocking: 4 }, RangeError, "maxBlocking must be at least 5 milliseconds, received 4"],
    [{ maxBlocking: -1 }, RangeError, "maxBlocking must be 0 or more milliseconds, received -1"],
    [{ maxBlocking: NaN }, RangeError, "received NaN"],
    [{ maxBlocking: "1s" }, TypeError, "maxBlocking must be a number of milliseconds"],
    [{ memoryPeriod: 0 }, RangeError, "memoryPeriod must be more than 0"],
    [{ memoryPeriod: Infinity }, RangeError, "memoryPeriod must be more than 0"],
    [{ memoryPeriod: "x" }, TypeError, "memoryPeriod must be a number of milliseconds"],
    [{ maxMemory: 0 }, RangeError, "maxMemory must be a positive number of bytes, received 0"],
    [{ maxMemory: "much" }, TypeError, 'like "100MB", received much'],
    [{ memoryUsage: 5 }, TypeError, "memoryUsage must be a function, received 5"],
  ];
  for (const [options, kind, message] of wrong) {
    assertThrows(() => monitor(options), kind as ErrorConstructor, message);
  }
  monitor({ maxBlocking: Temporal.Duration.from({ seconds: 1 }), print: false }).stop();
});

Deno.test("monitor() tells when memory is short and becomes less, and once when there is enough", async () => {
  const usages = [50, 150, 150, 140, 160, 90, 80, 170];
  const seen: unknown[] = [];
  using watch = monitor({
    maxBlocking: Infinity,
    maxMemory: 100,
    memoryPeriod: 1,
    print: false,
    memoryUsage: () => usages.shift() ?? 0,
  });
  assertEquals([watch.maxMemory, watch.maxBlocking], [100, Infinity]);
  watch.addEventListener("memoryexceeded", (event) => {
    assert(event instanceof MemoryExceededEvent);
    seen.push([event.usage, event.limit]);
  });
  watch.addEventListener("memoryunder", (event) => {
    assert(event instanceof MemoryUnderEvent);
    seen.push([event.usage, event.limit, event.most]);
  });
  await happens(() => seen.length === 5);
  await sleep(5);
  assertEquals(seen, [[150, 100], [160, 100], [90, 100, 160], [170, 100], [0, 100, 170]]);
});

Deno.test("monitor() reads the memory of the process if it is not told how", async () => {
  const lines = await run(`
    const watch = monitor({ maxBlocking: Infinity, maxMemory: "1KB", memoryPeriod: 5 });
    let seen = false;
    watch.addEventListener("memoryexceeded", () => seen = true);
    while (!seen) await sleep(5);
  `);
  assert(
    /^green monitor: [\d.]+ MB of memory are in use, above the limit and growing \(1\.0 KB\)$/.test(
      lines[0]!,
    ),
  );
});

Deno.test("monitor() dispatches outside greenlets, also if a greenlet has started it", async () => {
  const seen: unknown[] = [];
  let watch!: Monitor;
  const starter = spawn(async () => {
    watch = monitor({
      maxBlocking: Infinity,
      maxMemory: 1,
      memoryPeriod: 1,
      print: false,
      memoryUsage: () => 2,
    });
    watch.addEventListener("memoryexceeded", () => seen.push(getCurrent()));
    await sleep(60_000);
  });
  await happens(() => watch !== undefined);
  await happens(() => seen.length > 0);
  watch.stop();
  await starter.kill();
  assertEquals(seen, [undefined]);
});

Deno.test("monitor() watches the hub of a simulation", async () => {
  await simulate(async () => {
    using watch = monitor({ print: false });
    await sleep(60_000);
    assertEquals(watch.stopped, false);
  });
});

Deno.test("monitor() sees to it that removed listeners are not called", async () => {
  const seen: string[] = [];
  const usages = [2, 3, 4];
  using watch = monitor({
    maxBlocking: Infinity,
    maxMemory: 1,
    memoryPeriod: 1,
    print: false,
    memoryUsage: () => usages.shift() ?? 1,
  });
  const listener = () => seen.push("called");
  watch.addEventListener("memoryexceeded", listener);
  watch.removeEventListener("memoryexceeded", listener);
  watch.addEventListener("memoryunder", () => seen.push("under"));
  await happens(() => seen.length > 0);
  assertEquals(seen, ["under"]);
});

Deno.test("examples/find_blocking.ts names the greenlet that holds the loop, and where it goes on", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-prompt", "--quiet", "examples/find_blocking.ts"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(LIMIT_MS),
  }).output();
  const decoder = new TextDecoder();
  const [lines, errors] = [decoder.decode(stdout), decoder.decode(stderr)];
  assertEquals(code, 0, errors);
  assertStringIncludes(errors, '"sort the report" has held the event loop for');
  assert(/^sort the report: \d+ ms, then at \S*find_blocking\.ts:\d+:\d+$/m.test(lines), lines);
});
