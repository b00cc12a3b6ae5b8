import { assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { getHub, GreenletExit, Members, named, Queue, sleep, spawn } from "@verdant/green";
import { noteFailure, noteLook, noteReport, watchesFailures, watchFailures } from "@verdant/green/hub";
import { type FailureRecord, UnseenFailures } from "../../../../green/inspect/leaks/leak_failures.ts";
import { KeptJob } from "../../../../green/kept_job.ts";
import { captureErrors } from "../../../helpers.ts";
import { run } from "./leak_run.ts";

/** Watches failures, and says which are left. */
function watching(): Disposable & { left(): string[] } {
  const records: FailureRecord[] = [];
  const failures = new UnseenFailures((record) => records.push(record));
  const watch = watchFailures(failures);
  return {
    left() {
      failures.flush();
      return records.splice(0).map(({ holder, error }) => `${holder}: ${error.split("\n")[0]}`);
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

Deno.test("noteFailure() is told of at the end, unless somebody looked", () => {
  using watch = watching();
  const [seen, unseen] = [{}, named(new Queue(), "box")];
  noteFailure(seen, new Error("a"));
  noteFailure(unseen, new Error("b"));
  noteLook(seen);
  noteLook(seen);
  noteLook({});
  assertEquals(watch.left(), ["Queue(box): Error: b"]);
  assertEquals(watch.left(), []);
});

Deno.test("noteFailure() again replaces the error that the holder had", () => {
  using watch = watching();
  const box = {};
  noteFailure(box, new Error("old"));
  noteFailure(box, new Error("new"));
  assertEquals(watch.left(), ["Object: Error: new"]);
  noteFailure(box, new Error("newer"));
  noteLook(box);
  assertEquals(watch.left(), []);
});

Deno.test("noteFailure() takes anything for an error, and never throws", () => {
  using watch = watching();
  const hostile = new Proxy({}, {
    get() {
      throw new Error("no");
    },
  });
  const boxes = ["text", undefined, Symbol("s"), Object.create(null), hostile].map((error) => {
    const box = {};
    noteFailure(box, error);
    return box;
  });
  assertEquals([watch.left().length, boxes.length], [5, 5]);
});

Deno.test("noteFailure() with a kill is none", () => {
  using watch = watching();
  noteFailure({}, new GreenletExit("enough"));
  assertEquals(watch.left(), []);
});

Deno.test("noteReport() settles all holders of the error, those to come as well, and no other", () => {
  using watch = watching();
  const [error, other] = [new Error("reported"), new Error("not")];
  const boxes = [{}, {}, {}, {}];
  noteFailure(boxes[0]!, error);
  noteFailure(boxes[1]!, error);
  noteFailure(boxes[2]!, other);
  noteReport(error);
  noteReport("text");
  noteFailure(boxes[3]!, error);
  assertEquals(watch.left(), ["Object: Error: not"]);
});

Deno.test("noteReport() of an error of which one holder was looked at settles the other", () => {
  using watch = watching();
  const error = new Error("passed on");
  const boxes = [{}, {}];
  for (const box of boxes) noteFailure(box, error);
  noteLook(boxes[0]!);
  noteReport(error);
  assertEquals(watch.left(), []);
});

Deno.test("watchFailures() ends when disposed, and nobody is told any more", () => {
  const watch = watching();
  assertThrows(
    () => watchFailures({ failed() {}, looked() {}, reported() {} }),
    Error,
    "somebody does already",
  );
  assertEquals(watchesFailures(), true);
  watch[Symbol.dispose]();
  assertEquals(watchesFailures(), false);
  noteFailure({}, new Error("unwatched"));
  assertEquals(watch.left(), []);
  const next = watching();
  watch[Symbol.dispose](); // again: not its own any more
  assertEquals(watchesFailures(), true);
  next[Symbol.dispose]();
});

function failing(message: string): KeptJob<never> {
  return new KeptJob(async () => {
    await sleep();
    throw new Error(message);
  });
}

async function ended(message: string): Promise<KeptJob<never>> {
  const job = failing(message);
  job.start();
  for (let i = 0; i < 4; i++) await sleep();
  return job;
}

Deno.test("KeptJob keeps its error for somebody who has to take it", async () => {
  using watch = watching();
  using errors = captureErrors();
  const untaken = await ended("untaken");
  assertMatch(watch.left().join(), new RegExp(`^#${untaken.id} KeptJob-\\d+: Error: untaken$`));
  const looked = await ended("looked at");
  assertStringIncludes(String(looked.error), "looked at");
  const got = await ended("got");
  await assertRejects(() => got.get(), Error, "got");
  assertEquals([watch.left(), errors.seen], [[], []]);
});

Deno.test("KeptJob that somebody waits for is no leak", async () => {
  using watch = watching();
  const job = failing("awaited");
  job.start();
  const waiter = spawn(() => job.get().catch(() => {}));
  await waiter.join();
  assertEquals(watch.left(), []);
});

Deno.test("KeptJob that is only in a set, or linked, is one", async () => {
  class Set extends Members {
    constructor(job: KeptJob) {
      super();
      this.enrol(job);
    }
  }
  using watch = watching();
  const job = failing("in a set");
  const set = new Set(job);
  job.rawlink(() => {});
  job.start();
  await set.join();
  assertEquals(watch.left().length, 1);
});

Deno.test("KeptJob.abandon() has the error reported instead, before and after the end", async () => {
  using watch = watching();
  using errors = captureErrors();
  const early = failing("early");
  early.start();
  early.abandon();
  await sleep(1);
  const text = new KeptJob(async () => {
    await sleep();
    throw "no object";
  });
  text.start();
  text.abandon();
  await sleep(1);
  const late = await ended("late");
  late.abandon();
  assertEquals([watch.left(), errors.seen.map(String)], [[], ["Error: early", "no object", "Error: late"]]);
});

Deno.test("KeptJob that succeeds or is killed leaves nothing to look at", async () => {
  using watch = watching();
  const good = new KeptJob(() => 5);
  const killed = new KeptJob(() => sleep(60_000));
  good.start();
  killed.start();
  await sleep();
  await killed.kill();
  assertEquals([await good.get(), watch.left(), good.error, getHub().stats().greenlets], [
    5,
    [],
    undefined,
    0,
  ]);
});

Deno.test("leakHints() tells of an error when its holder is collected, once, also if the error refers to it", async () => {
  const { out } = await run(
    "named, Queue",
    `const { noteFailure } = await import(${
      JSON.stringify(new URL("../../../../hub/mod.ts", import.meta.url).href)
    });
     const leaks = leakHints({ print: false, onHint: ({ kind, text, greenlets }) =>
       console.log(kind, text.split("\\n")[0], greenlets.length) });
     (() => {
       const box = named(new Queue(), "box");
       const error = new Error("lost");
       error.holder = box;
       noteFailure(box, error);
     })();
     const kept = new Queue();
     noteFailure(kept, new RangeError("kept"));
     await collect(30);
     console.log(leaks.hints.length, kept.size);`,
  );
  assertEquals(
    out,
    "failure the error of Queue(box) was never looked at: Error: lost 0\n" +
      "1 0\n" +
      "failure the error of Queue was never looked at: RangeError: kept 0\n",
  );
});
