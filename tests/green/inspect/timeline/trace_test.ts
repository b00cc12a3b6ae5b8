import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  Channel,
  getHub,
  joinAll,
  Lock,
  named,
  Pool,
  Queue,
  simulate,
  sleep,
  spawn,
  spawnWith,
  Timeline,
  trace,
} from "@verdant/green";
import { checkTrace, type TraceEvent } from "./trace_rules.ts";

/** A file that is gone in the end. */
async function temporary(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

const slices = (events: TraceEvent[], cat: string) =>
  events.filter((event) => event.ph === "X" && event.cat === cat);
const laneNames = (events: TraceEvent[]) =>
  new Map(events.filter(({ name }) => name === "thread_name").map(({ tid, args }) => [tid, args!.name]));

/** Work of all kinds. */
async function bustle(): Promise<void> {
  const jobs = named(new Queue<number>(2), "jobs");
  const lock = new Lock();
  const channel = new Channel<number>();
  const worker = async () => {
    for await (const n of jobs) {
      await lock.with(() => sleep(n % 3));
      if (n % 5 === 0) await Promise.all([channel.put(n), channel.get()]);
      if (n % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const workers = [1, 2, 3].map((n) => spawnWith({ name: `worker ${n}` }, worker));
  const victim = spawn(() => sleep(60_000));
  for (let n = 0; n < 40; n++) await jobs.put(n);
  jobs.shutdown();
  await victim.kill();
  const pool = new Pool(4);
  for (let i = 0; i < 30; i++) {
    await pool.spawn(async function request() {
      await sleep(1);
    });
  }
  await joinAll(workers);
  await pool.join();
}

Deno.test("trace() writes a file that follows the rules of the format", async () => {
  await using file = await temporary();
  {
    await using timeline = trace(file.path);
    await bustle();
    checkTrace(timeline.text());
  }
  const events = checkTrace(await Deno.readTextFile(file.path));
  for (const phase of "MXisfC") assert(events.some(({ ph }) => ph === phase), `no ${phase}`);
  const waits = new Set(slices(events, "waiting").map(({ name }) => name));
  for (const wait of ["Queue(jobs) put", "Lock acquire", "sleep"]) {
    assert(waits.has(wait), wait);
  }
  assert([...waits].some((wait) => /^the end of #\d+/.test(wait)));
  assertEquals(slices(events, "outside")[0]?.name, "a promise that is not the library's own");
});

Deno.test("trace() draws a lane for each greenlet, and an arrow from the waker to the woken", async () => {
  await using file = await temporary();
  const events = await simulate(async () => {
    await using timeline = trace(file.path);
    const jobs = named(new Queue<number>(), "jobs");
    const worker = spawnWith({ name: "worker" }, () => jobs.get());
    spawnWith({ name: "boss" }, async () => {
      await sleep(3);
      await jobs.put(1);
    });
    await worker.join();
    return checkTrace(timeline.text());
  });
  const lanes = laneNames(events);
  const lane = (name: string) =>
    [...lanes].find(([, lane]) => new RegExp(`^#\\d+ ${name}$`).test(String(lane)))![0];
  const of = (name: string) =>
    events.filter(({ ph, tid }) => ph === "X" && tid === lane(name))
      .toSorted((a, b) => a.ts! - b.ts!)
      .map(({ name, ts, dur }) => [name, ts, dur]);
  assertEquals(of("worker"), [["running", 0, 0], ["Queue(jobs) get", 0, 3000], ["running", 3000, 0]]);
  assertEquals(of("boss"), [["running", 0, 0], ["sleep", 0, 3000], ["running", 3000, 0]]);
  const end = events.find(({ ph, tid, ts }) => ph === "f" && tid === lane("worker") && ts === 3000)!;
  const start = events.find(({ ph, id }) => ph === "s" && id === end.id)!;
  assertEquals([start.tid, start.ts], [lane("boss"), 3000]);
  const woken = slices(events, "running").find(({ tid, ts }) => tid === lane("worker") && ts === 3000)!;
  assert(/^#\d+ boss$/.test(String(woken.args!.by)));
});

Deno.test("trace() gives the lane of one that has ended to the next of the same name", async () => {
  await using file = await temporary();
  const events = await simulate(async () => {
    await using timeline = trace(file.path);
    const pool = new Pool(3);
    for (let i = 0; i < 50; i++) {
      await pool.spawn(async function request() {
        await sleep(1);
      });
    }
    await pool.join();
    return checkTrace(timeline.text());
  });
  const requests = [...laneNames(events).values()].filter((name) => String(name).includes("request"));
  assertEquals(requests, ["request", "request", "request"]);
  const served = new Set(slices(events, "waiting").map(({ args }) => args!.greenlet));
  assert(served.size >= 50);
  const alive = events.filter(({ ph }) => ph === "C").map(({ args }) => args!.alive as number);
  assertEquals([Math.max(...alive), alive.at(-1)], [4, 1]);
});

Deno.test("trace() shows those to whom nothing happens as waiting all the time", async () => {
  await using file = await temporary();
  const events = await simulate(async () => {
    const idle = spawn(function idler() {
      return new Queue().get();
    });
    await sleep(1);
    await using timeline = trace(file.path);
    await sleep(5);
    const events = checkTrace(timeline.text());
    await idle.kill();
    return events;
  });
  const [wait] = slices(events, "waiting").filter(({ name }) => name === "Queue get");
  assertEquals([wait?.ts, wait?.dur], [0, 5000]);
});

Deno.test("trace() tells of kills and ends", async () => {
  await using file = await temporary();
  const events = await simulate(async () => {
    await using timeline = trace(file.path);
    await spawn(() => sleep(60_000)).kill(); // it never ran
    const victim = spawn(() => sleep(60_000));
    await sleep();
    await victim.kill();
    return checkTrace(timeline.text());
  });
  const instants = events.filter(({ ph }) => ph === "i").map(({ name }) => name);
  assertEquals(instants, ["spawned", "ended", "spawned", "interrupted", "ended"]);
});

Deno.test("trace() escapes names that are not fit for JSON", async () => {
  await using file = await temporary();
  const name = 'say "hi"\n\\ \u2028 \u0007 \ud800';
  await using timeline = trace(file.path);
  await spawnWith({ name }, () => named(new Queue(), name).get({ timeout: 1 }).catch(() => {})).join();
  const events = checkTrace(timeline.text());
  assert(slices(events, "waiting").some((event) => event.name === `Queue(${name}) get`));
});

Deno.test("Timeline.text() of a ring that has overflown follows the rules", async () => {
  await using file = await temporary();
  for (const capacity of [1, 2, 64, 500]) {
    await using timeline = trace(file.path, { capacity });
    await bustle();
    assert(timeline.dropped > 0);
    checkTrace(timeline.text());
  }
});

Deno.test("Timeline.text() of one that has seen nothing follows the rules", async () => {
  await using file = await temporary();
  await using timeline = trace(file.path);
  checkTrace(timeline.text());
  assertEquals(timeline.toJSON().traceEvents, JSON.parse(timeline.text()).traceEvents);
});

Deno.test("Timeline.write() writes what there is meanwhile, and goes on", async () => {
  await using file = await temporary();
  await using other = await temporary();
  await using timeline = trace(file.path);
  await sleep(1);
  await timeline.write(new URL(`file://${other.path}`));
  const before = checkTrace(await Deno.readTextFile(other.path)).length;
  assertEquals([timeline.active, await Deno.readTextFile(file.path)], [true, ""]);
  await sleep(1);
  await timeline.write();
  assert(checkTrace(await Deno.readTextFile(file.path)).length > before);
});

Deno.test("Timeline.stop() stops it; the tracer is gone; what comes after is not in it", async () => {
  await using file = await temporary();
  const timeline = trace(file.path);
  await sleep(1);
  const stopping = [timeline.stop(), timeline.stop()];
  assertEquals([timeline.active, getHub().tracer], [false, undefined]);
  await Promise.all(stopping);
  const text = await Deno.readTextFile(file.path);
  await sleep(1);
  await timeline.stop();
  assertEquals(timeline.text(), text);
  assertEquals(await Deno.readTextFile(file.path), text);
  await Deno.writeTextFile(file.path, "mine");
  await timeline.stop();
  globalThis.dispatchEvent(new Event("unload"));
  assertEquals(await Deno.readTextFile(file.path), "mine");
});

Deno.test("Timeline.stop() replaces what was in the file, trace() does not", async () => {
  await using file = await temporary();
  const old = "old ".repeat(10_000);
  await Deno.writeTextFile(file.path, old);
  await using timeline = trace(file.path);
  assertEquals(await Deno.readTextFile(file.path), old);
  await timeline.stop();
  checkTrace(await Deno.readTextFile(file.path));
});

Deno.test("Timeline.stop() lets others run between the pieces", async () => {
  await using file = await temporary();
  const timeline = trace(file.path);
  const body = async () => {
    for (let i = 0; i < 2_000; i++) await sleep();
  };
  await joinAll(Array.from({ length: 10 }, () => spawn(body)));
  let ran = 0;
  const other = spawn(async () => {
    for (;;) {
      await sleep(0.1);
      ran++;
    }
  });
  await timeline.stop();
  const during = ran;
  await other.kill();
  assert(during >= 5, `${during} times`);
  checkTrace(await Deno.readTextFile(file.path));
});

Deno.test("Timeline.stop() writes the file also if the one who waits is killed", async () => {
  await using file = await temporary();
  const timeline = trace(file.path);
  await bustle();
  const stopper = spawn(() => timeline.stop());
  await sleep();
  await stopper.kill();
  await timeline.stop();
  checkTrace(await Deno.readTextFile(file.path));
});

Deno.test("trace() refuses what is no file, and leaves nothing behind", async () => {
  for (const bad of ["", 5, undefined, null, new URL("https://example.com/x")]) {
    assertThrows(() => trace(bad as never), TypeError, "Cannot trace: file must be");
  }
  assertThrows(() => trace("/nowhere/at/all.json"), Deno.errors.NotFound);
  await using file = await temporary();
  assertThrows(() => trace(file.path, { capacity: 0 }), RangeError, "received 0");
  assertEquals(getHub().tracer, undefined);
  await using timeline = new Timeline(file.path);
  await assertRejects(() => timeline.write("/nowhere/at/all.json"), Deno.errors.NotFound);
  assertEquals(timeline.file, file.path);
});

/** Runs a program; returns what it printed. */
async function run(code: string, ...flags: string[]): Promise<{ code: number; out: string; err: string }> {
  const program = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const entry = new URL("../../../../mod.ts", import.meta.url);
    await Deno.writeTextFile(program, code.replaceAll("MOD", entry.href));
    const command = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--no-prompt",
        "--config",
        new URL("../../../../deno.json", import.meta.url).pathname,
      ]
        .concat(flags, program),
      env: { NO_COLOR: "1" },
    });
    const { code: status, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { code: status, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  } finally {
    await Deno.remove(program);
  }
}

for (
  const [how, end, status] of [
    ["main() ends", "", 0],
    ["Deno.exit()", "Deno.exit(3);", 3],
    ["there is a deadlock", "await new Queue().get();", 1],
    ["it fails", "throw new Error('broken');", 1],
  ] as const
) {
  Deno.test(`trace() writes the file when the program ends: ${how}`, async () => {
    await using file = await temporary();
    const { code } = await run(
      `import { main, Queue, sleep, trace } from "MOD";
       main(async () => {
         trace(${JSON.stringify(file.path)});
         await sleep(1);
         ${end}
       });`,
      "--allow-read",
      `--allow-write=${file.path}`,
    );
    assertEquals(code, status);
    const events = checkTrace(await Deno.readTextFile(file.path));
    assert(events.some(({ name }) => name === "sleep"));
  });
}

Deno.test("trace() without the permission says so at the call, and leaves the file alone", async () => {
  await using file = await temporary();
  await Deno.writeTextFile(file.path, "precious");
  const { out, code } = await run(
    `import { getHub, trace } from "MOD";
     try {
       trace(${JSON.stringify(file.path)});
     } catch (error) {
       console.log(error.name, error.message, getHub().tracer);
     }`,
    "--allow-read",
  );
  assertEquals(code, 0);
  assertStringIncludes(out, "NotCapable");
  assertStringIncludes(out, `--allow-write="${file.path}"`);
  assertStringIncludes(out, "undefined");
  assertEquals(await Deno.readTextFile(file.path), "precious");
});

Deno.test("trace() works in a worker", async () => {
  await using file = await temporary();
  const { out } = await run(
    `import { trace, sleep, spawn } from "MOD";
     if ("WorkerGlobalScope" in globalThis) {
       spawn(async () => {
         await using timeline = trace(${JSON.stringify(file.path)});
         await sleep(1);
       }).rawlink(() => postMessage("done"));
     } else {
       const worker = new Worker(import.meta.url, { type: "module" });
       worker.onmessage = ({ data }) => {
         console.log(data);
         worker.terminate();
       };
     }`,
    "-A",
  );
  assertEquals(out.trim(), "done");
  checkTrace(await Deno.readTextFile(file.path));
});
