import { assertEquals, assertRejects } from "@std/assert";
import { Group, Pool, sleep } from "@verdant/green";
import { captureErrors } from "../helpers.ts";

const waitFor = async (turns: number) => {
  for (let i = 0; i < turns; i++) await sleep();
  return turns;
};

Deno.test("Group.imap() yields in the order of the items, imapUnordered() as they are done", async () => {
  const group = new Group();
  assertEquals(await Array.fromAsync(group.imap(waitFor, [9, 1, 5])), [9, 1, 5]);
  assertEquals(await Array.fromAsync(group.imapUnordered(waitFor, [9, 1, 5])), [1, 5, 9]);
  assertEquals(await Array.fromAsync(group.imap(waitFor, [])), []);
  assertEquals(await Array.fromAsync(group.imapUnordered(waitFor, [])), []);
});

Deno.test("Group.imap() takes items that come one by one", async () => {
  async function* source() {
    for (let n = 1; n <= 3; n++) {
      await sleep();
      yield n;
    }
  }
  assertEquals(await Array.fromAsync(new Pool(1).imap((n: number) => n * 10, source())), [10, 20, 30]);
});

for (const method of ["imap", "imapUnordered"] as const) {
  Deno.test(`Group.${method}() throws a task's error at its position and goes on`, async () => {
    using errors = captureErrors();
    const results = new Group()[method]((n: number) => {
      if (n === 2) throw new Error("second");
      return n;
    }, [1, 2, 3]);
    assertEquals(await results.next(), { done: false, value: 1 });
    await assertRejects(() => results.next(), Error, "second");
    assertEquals(await results.next(), { done: false, value: 3 });
    assertEquals(await results.next(), { done: true, value: undefined });
    assertEquals(await results.next(), { done: true, value: undefined });
    assertEquals(errors.seen, []);
  });

  Deno.test(`Group.${method}() that is left by break kills the rest and waits for its clean-up`, async () => {
    const group = new Group();
    const log: string[] = [];
    const task = async (n: number) => {
      if (n === 1) return n;
      try {
        await sleep(60_000);
      } finally {
        await sleep();
        log.push(`cleaned up ${n}`);
      }
    };
    for await (const first of group[method](task, [1, 2, 3])) {
      assertEquals(first, 1);
      for (let i = 0; i < 4; i++) await sleep(); // the others begin
      break;
    }
    assertEquals([log, group.size], [["cleaned up 2", "cleaned up 3"], 0]);
  });

  Deno.test(`Group.${method}() with maxSize runs that far ahead of its reader and no further`, async () => {
    let begun = 0;
    const results = new Group()[method](() => ++begun, Array.from({ length: 10 }, (_, i) => i), {
      maxSize: 3,
    });
    for (let i = 0; i < 20; i++) await sleep();
    assertEquals(begun, 3);
    await results.next();
    for (let i = 0; i < 20; i++) await sleep();
    assertEquals(begun, 4);
    assertEquals((await Array.fromAsync(results)).length, 9);
  });

  Deno.test(`Group.${method}() throws an error of its items last`, async () => {
    function* source() {
      yield 1;
      yield 2;
      throw new Error("source broke");
    }
    const results = new Group()[method]((n: number) => n, source());
    assertEquals([(await results.next()).value, (await results.next()).value], [1, 2]);
    await assertRejects(() => results.next(), Error, "source broke");
    assertEquals((await results.next()).done, true);
  });
}

Deno.test("Group.imap() of an endless source ends with its block, which runs the source's finally", async () => {
  const log: string[] = [];
  function* naturals() {
    try {
      for (let n = 0;; n++) yield n;
    } finally {
      log.push("source closed");
    }
  }
  const pool = new Pool(2);
  {
    await using squares = pool.imap((n: number) => n * n, naturals(), { maxSize: 4 });
    const taken: number[] = [];
    for (let i = 0; i < 5; i++) taken.push((await squares.next()).value!);
    assertEquals(taken, [0, 1, 4, 9, 16]);
  }
  assertEquals([log, pool.size, pool.freeCount], [["source closed"], 0, 2]);
});

Deno.test("Group.imap() reports the errors that its reader left behind", async () => {
  using errors = captureErrors();
  const results = new Group().imap((n: number) => {
    if (n > 1) throw new Error(`task ${n}`);
    return n;
  }, [1, 2, 3]);
  await results.next();
  for (let i = 0; i < 6; i++) await sleep();
  await results.return!();
  assertEquals(errors.seen.map((error) => (error as Error).message), ["task 2", "task 3"]);
});
