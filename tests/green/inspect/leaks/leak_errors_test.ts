import { assertEquals, assertStringIncludes } from "@std/assert";
import { AsyncResult, leakHints, named, sleep, spawn, wait } from "@verdant/green";
import { captureErrors } from "../../../helpers.ts";
import { run } from "./leak_run.ts";

/** What is left to look at when everything is over, as a program would be told of it at its end. */
async function left(fn: () => unknown): Promise<string[]> {
  const unloads: (() => void)[] = [];
  const { addEventListener } = globalThis;
  globalThis.addEventListener = ((type: string, listener: () => void) => {
    if (type === "unload") unloads.push(listener);
  }) as typeof addEventListener;
  using leaks = leakHints({ print: false });
  globalThis.addEventListener = addEventListener;
  await fn();
  for (const unload of unloads) unload();
  return leaks.hints.map(({ text }) => text.split("\n")[0]!);
}

const broken = new Error("broken");
function failed(): AsyncResult<number> {
  const result = named(new AsyncResult<number>(), "total");
  result.setError(broken);
  return result;
}
const LOST = ["the error of AsyncResult(total) was never looked at: Error: broken"];

Deno.test("AsyncResult whose error nobody looks at is told of", async () => {
  assertEquals(await left(failed), LOST);
  assertEquals(await left(() => failed().wait()), LOST);
  assertEquals(await left(() => [failed().ready, failed().successful, failed().value]), [
    ...LOST,
    ...LOST,
    ...LOST,
  ]);
});

Deno.test("AsyncResult whose error was got or looked at is not told of", async () => {
  assertEquals(await left(() => failed().get().catch(() => {})), []);
  assertEquals(await left(() => failed().error), []);
  assertEquals(
    await left(() => {
      try {
        failed().getNowait();
      } catch {
        // seen
      }
    }),
    [],
  );
  assertEquals(await left(() => failed().rawlink(({ error }) => error)), LOST); // the hub never came to call it
  assertEquals(await left(() => wait([failed()])), LOST); // it returns the result, and nobody asks for the error
});

Deno.test("AsyncResult that somebody waits for when it fails is not told of, unless only for the end", async () => {
  const later = async (begin: (result: AsyncResult<number>) => unknown) => {
    const result = named(new AsyncResult<number>(), "total");
    begin(result);
    await sleep();
    result.setError(broken);
    await sleep();
  };
  assertEquals(await left(() => later((result) => spawn(() => result.get().catch(() => {})))), []);
  assertEquals(await left(() => later((result) => result.rawlink(({ error }) => error))), []);
  assertEquals(await left(() => later((result) => result.rawlink(() => {}))), LOST);
  assertEquals(await left(() => later((result) => spawn(() => result.wait()))), LOST);
});

Deno.test("AsyncResult that is set again or taken over has the outcome it has then", async () => {
  assertEquals(await left(() => failed().set(5)), []);
  assertEquals(await left(() => failed().setError(new RangeError("worse"))), [
    "the error of AsyncResult(total) was never looked at: RangeError: worse",
  ]);
  const other = named(new AsyncResult<number>(), "other");
  assertEquals(await left(() => other.copy(failed() as AsyncResult<number> & { value: number })), [
    "the error of AsyncResult(other) was never looked at: Error: broken",
  ]);
});

Deno.test("AsyncResult whose error is printed is not told of", async () => {
  using errors = captureErrors();
  const error = new Error("printed");
  assertEquals(
    await left(async () => {
      const result = new AsyncResult();
      result.setError(error);
      await spawn(() => {
        throw error;
      }).join();
    }),
    [],
  );
  assertEquals(errors.seen, [error]);
});

Deno.test("leakHints() tells of results of imap(), piles and futures that nobody took", async () => {
  const { out } = await run(
    "GreenPile, Pool, ThreadPool, Executor",
    `leakHints({ print: false, onHint: ({ text }) => console.log(text.split("\\n")[0].replace(/#\\d+/, "#N")) });
     const bad = async (text) => { await sleep(); throw new Error(text); };
     const trial = async (name, fn) => {
       console.log(name);
       await (async () => { await fn(); })();
       await collect(30);
     };
     await trial("imap", async () => { new Pool(2).imap(bad, ["untaken"]); await sleep(5); });
     await trial("imap, left", async () => { await new Pool(2).imap(bad, ["x"]).return(); });
     await trial("imap, taken", async () => { await new Pool(2).imap(bad, ["x"]).next().catch(() => {}); });
     await trial("map", async () => { await new Pool(2).map(bad, ["x"]).catch(() => {}); });
     await trial("pile", async () => { await new GreenPile(2).spawn(bad, "in a pile"); await sleep(5); });
     await trial("pile, taken", async () => {
       const pile = new GreenPile(2);
       await pile.spawn(bad, "x");
       await pile.next().catch(() => {});
     });
     await trial("terminated", async () => {
       const pool = new ThreadPool(1);
       (await pool.spawn(function spin() { for (;;); })).terminate();
       await pool.spawn(function again() { for (;;); });
       pool.kill();
     });
     await trial("future", async () => {
       await using executor = new Executor(1);
       executor.submit(function fails() { throw new Error("in a thread"); });
     });
     await trial("future, taken", async () => {
       await using executor = new Executor(1);
       await executor.submit(function fails() { throw new Error("in a thread"); }).exception();
     });`,
    ["-A"],
  );
  assertEquals(out.trimEnd().split("\n"), [
    "imap",
    "the error of #N bad was never looked at: Error: untaken",
    "imap, left",
    "imap, taken",
    "map",
    "pile",
    "the error of #N bad was never looked at: Error: in a pile",
    "pile, taken",
    "terminated",
    "future",
    "the error of AsyncResult(task fails) was never looked at: Error: in a thread",
    "future, taken",
  ]);
  assertStringIncludes(out, "untaken");
});
