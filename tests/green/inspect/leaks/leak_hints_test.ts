import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { Event, getHub, type LeakHint, leakHints, Queue, simulate, sleep, spawn } from "@verdant/green";
import { captureErrors } from "../../../helpers.ts";
import { HOUSE, run, scenarios } from "./leak_run.ts";

Deno.test("leakHints() reports greenlets that nobody can reach any more, whatever they wait for", async () => {
  const report = await scenarios<{ hints: string[]; left: number[] }>("lost");
  for (const [name, { hints, left }] of Object.entries(report)) {
    const own = hints.filter((hint) => /^#\d+ lost can never run again: it waited for /.test(hint));
    assertEquals([name, own.length, left], [name, 1, [0, 0]]);
  }
  const others = Object.entries(report).filter(([, { hints }]) => hints.length > 1).map(([name]) => name);
  assertEquals(others, [
    "a cycle of two locks",
    "join() of another",
    "get() of another",
    "joinAll()",
    "members of a group that is lost, too",
    "a parent and its child",
  ]);
  const waits = ["Queue.get()", "join() of another", "until()"].map((name) => report[name]!.hints.join("\n"));
  assertStringIncludes(waits[0]!, "it waited for Queue(jobs) get, and nothing else can reach that");
  assertMatch(waits[1]!, /lost can never run again: it waited for the end of #\d+ inner, and/);
  assertStringIncludes(waits[2]!, "it waited for a promise, and");
});

Deno.test("leakHints() says nothing of what somebody can still wake or kill", async () => {
  type Outcome = { hints: number; during: number[]; after: number[] };
  const { released, ...report } = await scenarios<Outcome>("kept");
  for (const [name, { hints, during, after }] of Object.entries(report)) {
    assertEquals([name, hints, after], [name, 0, during]);
  }
  // Without what kept them they are lost, so that was the reason.
  assertEquals(released as unknown, 14);
});

Deno.test("leakHints() lets everybody run whom something pending wakes", async () => {
  const report = await scenarios<{ awake: boolean; hints: number }>("woken");
  for (const [name, outcome] of Object.entries(report)) {
    assertEquals([name, outcome], [name, { awake: true, hints: 0 }]);
  }
});

Deno.test("leakHints() prints with the stacks, and tells onHint in the hub, where it must not wait", async () => {
  const { code, out, err } = await run(
    "getHub, named, Queue, spawnWith",
    `getHub().debug = true;
     const leaks = leakHints({
       onHint(hint) {
         console.log(JSON.stringify([hint.kind, hint.greenlets, getHub().inCallback, leaks.hints.includes(hint)]));
         sleep();
       },
     });
     getHub().onError = (_context, error) => console.log(error.name);
     const lose = () => {
       const jobs = named(new Queue(), "jobs");
       spawnWith({ name: "worker" }, async function work() { await jobs.get(); });
     };
     lose();
     await collect(30);`,
  );
  const [hint, failure, rest] = out.split("\n");
  assertEquals([code, JSON.parse(hint!), failure, rest], [
    0,
    ["parked", [1], true, true],
    "BlockingSwitchOutError",
    "",
  ]);
  const lines = err.split("\n");
  assertEquals(
    lines[0],
    "Leak hint: #1 worker can never run again: it waited for Queue(jobs) get, and nothing else can reach that",
  );
  assertEquals(lines[1], "  spawned");
  assertStringIncludes(lines[2]!, "at lose");
  assertStringIncludes(err, "  waited\n    at work");
});

Deno.test("leakHints() names a greenlet as it was called when it parked, and what it waited for last", async () => {
  const { out } = await run(
    "Event, getCurrent, named, Queue, spawn",
    `leakHints({ print: false, onHint: ({ text }) => console.log(text) });
     (() => {
       const [first, second] = [named(new Event(), "first"), named(new Queue(), "second")];
       spawn(async () => {
         setTimeout(() => first.set(), 1);
         await first.wait();
         await Promise.resolve(getCurrent()).then((g) => g.name = "renamed");
         await second.get();
       });
     })();
     await collect(30);`,
  );
  assertEquals(
    out,
    "#1 renamed can never run again: it waited for Queue(second) get, and nothing else can reach that\n",
  );
});

Deno.test("LeakHints[Symbol.dispose]() has the hub keep everybody alive again", async () => {
  const { out } = await run(
    "getHub, Queue, spawn",
    `const leaks = leakHints({ onHint: () => console.log("hint") });
     let early;
     (() => {
       early = new Queue();
       const [queue, other] = [new Queue(), early];
       spawn(() => queue.get());
       spawn(() => other.get());
     })();
     await sleep();
     leaks[Symbol.dispose]();
     early = undefined;
     await collect(20);
     console.log(getHub().stats().greenlets, [...getHub().tasks()].length, getHub().tracer);
     using again = leakHints({ print: false });
     await collect(5);
     console.log(again.hints.length, getHub().stats().greenlets);
     Deno.exit(0);`,
  );
  assertEquals(out, "2 2 undefined\n0 2\n");
});

Deno.test("leakHints() switched off while one that is gone was not reported yet leaves no place behind", async () => {
  const { out } = await run(
    "getHub, Queue, spawn",
    `const leaks = leakHints({ print: false });
     (() => {
       const queue = new Queue();
       spawn(() => queue.get());
     })();
     for (let i = 0; i < 100 && [...getHub().tasks()].length > 0; i++) {
       await new Promise((resolve) => setImmediate(resolve));
       await sleep();
       gc();
     }
     const before = getHub().stats().greenlets;
     leaks[Symbol.dispose]();
     console.log(before <= 1, getHub().stats().greenlets);
     await collect(10);
     console.log(getHub().stats().greenlets, leaks.hints.length <= 1);`,
  );
  assertEquals(out, "true 0\n0 true\n");
});

Deno.test("leakHints() lists who was parked when the program ran dry, once, and no sleepers", async () => {
  const { code, out, err } = await run(
    "main, named, Queue, spawnWith",
    `globalThis.jobs = named(new Queue(), "jobs");
     leakHints({ onHint: ({ kind, greenlets }) => console.log(kind, greenlets.length) });
     main(() => {
       spawnWith({ name: "worker" }, () => jobs.get());
       spawnWith({ name: "waiter" }, () => new Promise(() => {}));
       spawnWith({ name: "heartbeat" }, () => sleep(60_000, { ref: false }));
     });`,
  );
  assertEquals([code, out], [0, "end 2\n"]);
  const lines = err.trimEnd().split("\n");
  assertEquals([lines.length, lines[0]], [
    3,
    "Leak hint: 2 greenlets were still parked when the program ended:",
  ]);
  assertMatch(lines[1]!, /^ {2}#\d+ worker waits for Queue\(jobs\) get/);
  assertMatch(lines[2]!, /^ {2}#\d+ waiter waits for a promise that is not the library's own$/);
});

Deno.test("leakHints() lists nobody if the program was ended, or its end called off", async () => {
  const park = `globalThis.queue = new Queue(); leakHints(); spawn(() => queue.get());`;
  const exited = await run("Queue, spawn", `${park} setTimeout(() => Deno.exit(3), 5);`);
  assertEquals([exited.code, exited.err], [3, ""]);
  const put = await run(
    "Queue, spawn",
    `${park}
     let first = true;
     addEventListener("beforeunload", (event) => {
       if (!first) return;
       first = false;
       event.preventDefault();
       setTimeout(() => Deno.exit(4), 5);
     });`,
  );
  assertEquals([put.code, put.err], [4, ""]);
});

Deno.test("leakHints() lists at most 50 at the end, and counts the rest", async () => {
  const { err } = await run(
    "Event, spawn",
    `globalThis.event = new Event(); leakHints(); for (let i = 0; i < 53; i++) spawn(() => event.wait());`,
  );
  const lines = err.trimEnd().split("\n");
  assertEquals([lines.length, lines.at(-1)], [52, "  and 3 more"]);
  assertStringIncludes(lines[0]!, "53 greenlets were");
});

Deno.test("leakHints() says nothing at the end when it was switched off", async () => {
  const { err } = await run(
    "Event, spawn",
    `globalThis.event = new Event(); spawn(() => event.wait()); using _leaks = leakHints();`,
  );
  assertEquals(err, "");
});

Deno.test("atProgramEnd() calls once, and nobody after it was disposed", async () => {
  const { out } = await run(
    "getHub",
    `const { atProgramEnd } = await import(${
      JSON.stringify(new URL("../../../../green/inspect/leaks/leak_end.ts", import.meta.url).href)
    });
     atProgramEnd((ranDry) => console.log("over", ranDry));
     atProgramEnd(() => console.log("disposed"))[Symbol.dispose]();`,
  );
  assertEquals(out, "over true\n");
});

Deno.test("leakHints() needs no permission, and works in a worker", async () => {
  const worker = `import { Event, leakHints, sleep, spawn } from ${JSON.stringify(HOUSE)};
    leakHints({ print: false, onHint: ({ kind }) => { postMessage(kind); self.close(); } });
    (() => { const event = new Event(); spawn(() => event.wait()); })();
    for (let i = 0; i < 500; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 2)); await sleep(); }`;
  const { out, err } = await run(
    "getHub",
    `const worker = new Worker("data:text/javascript," + encodeURIComponent(${
      JSON.stringify(worker)
    }), { type: "module" });
     worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };`,
    ["--allow-read", "--allow-import"],
  );
  assertEquals([out, err], ["parked\n", ""]);
});

Deno.test("leakHints() can be on once for a thread", () => {
  {
    using _leaks = leakHints({ print: false });
    assertThrows(() => leakHints(), Error, "Cannot give leak hints: they are on already");
  }
  using leaks = leakHints({ print: false });
  assertEquals(leaks.hints, []);
});

Deno.test("leakHints() refuses an onHint that is no function, and is not on then", () => {
  assertThrows(
    () => leakHints({ onHint: 5 as unknown as (hint: LeakHint) => void }),
    TypeError,
    "Cannot give leak hints: onHint must be a function, received 5",
  );
  using _leaks = leakHints({ print: false });
});

Deno.test("leakHints() leaves kills, joins and the list of tasks as they are", async () => {
  using _leaks = leakHints({ print: false });
  const log: string[] = [];
  const event = new Event();
  const park = (name: string) =>
    spawn(async () => {
      try {
        await event.wait();
        log.push(`${name} woken`);
      } finally {
        log.push(`${name} over`);
      }
    });
  const all = ["a", "b", "c"].map(park);
  await sleep();
  assertEquals([...getHub().tasks()], all);
  assertEquals(getHub().stats().greenlets, 3);
  await all[1]!.kill();
  assertEquals([[...getHub().tasks()], log], [[all[0], all[2]], ["b over"]]);
  event.set();
  await all[2]!.join();
  assertEquals([log, getHub().stats().greenlets], [
    ["b over", "a woken", "a over", "c woken", "c over"],
    0,
  ]);
});

Deno.test("leakHints() in a simulation leaves it to simulate() to say who is left", async () => {
  using errors = captureErrors();
  const left = await simulate(async () => {
    using _leaks = leakHints({ print: false });
    const tracer = getHub().tracer;
    const queue = new Queue();
    const getter = spawn(() => queue.get());
    await sleep(5);
    await getter.kill();
    return tracer;
  });
  assertEquals([left, errors.seen], [undefined, []]);
});
