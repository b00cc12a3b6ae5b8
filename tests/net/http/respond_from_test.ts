/** Responses that stream what a source yields. They need no server: a response can be read as it is. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  getHub,
  type Greenlet,
  GreenletExit,
  local,
  Queue,
  respondFrom,
  sleep,
  spawn,
  until,
} from "@verdant/green";

const decoder = new TextDecoder();

/** Reads chunk by chunk, as a client that takes its time. */
function readerOf(response: Response): () => Promise<string | undefined> {
  const reader = response.body!.getReader();
  return async () => {
    const { value } = await until(() => reader.read());
    return value && decoder.decode(value);
  };
}

Deno.test("respondFrom() streams text and bytes from any iterable, with status and headers", async () => {
  const response = respondFrom(["a", new Uint8Array([98]), "ç"], {
    status: 201,
    headers: { "x-kind": "list" },
  });
  assertEquals([response.status, response.headers.get("x-kind")], [201, "list"]);
  assertEquals(await response.text(), "abç");
});

Deno.test("respondFrom() streams a queue until its shutdown, and takes no item before there is room", async () => {
  const queue = new Queue<string>();
  const read = readerOf(respondFrom(queue));
  for (const item of ["a", "b", "c"]) queue.putNowait(item);
  assertEquals(await read(), "a");
  await sleep();
  assertEquals(queue.size, 2, "nobody asks for the next one");
  assertEquals(await read(), "b");
  const waiting = spawn(read);
  assertEquals(await waiting.get(), "c");
  const end = spawn(read);
  await sleep();
  queue.shutdown();
  assertEquals(await end.get(), undefined);
});

Deno.test("respondFrom() reads its source in a greenlet of its own, which does not start before it is read", async () => {
  const log: string[] = [];
  const ours = local<{ name?: string }>();
  ours.name = "caller";
  async function* source() {
    log.push(`begin ${ours.name}`);
    yield "a";
    await sleep();
    yield "b";
  }
  const read = readerOf(respondFrom(source()));
  await sleep();
  assertEquals(log, []);
  assertEquals([await read(), await read(), await read()], ["a", "b", undefined]);
  assertEquals(log, ["begin undefined"]);
});

Deno.test("respondFrom() ends its source, and its greenlet, when the client leaves", async () => {
  const log: string[] = [];
  const queue = new Queue<string>(Infinity, ["a"]);
  async function* source() {
    try {
      for await (const item of queue) yield item;
    } catch (error) {
      log.push((error as Error).name);
      throw error;
    } finally {
      await sleep();
      log.push("cleaned up");
    }
  }
  const response = respondFrom(source());
  const reader = response.body!.getReader();
  assertEquals(decoder.decode((await until(() => reader.read())).value), "a");
  const waiting = until(() => reader.read());
  await sleep();
  await until(reader.cancel());
  assertEquals((await waiting).done, true);
  assertEquals(log, ["GreenletExit", "cleaned up"]);
  queue.putNowait("b");
  assertEquals([queue.size, getHub().stats().greenlets], [1, 0], "nobody takes from the queue any more");
});

Deno.test("respondFrom() ends a source that nobody has begun to read", async () => {
  let returned = 0;
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: true as const, value: undefined }),
      return: () => Promise.resolve({ done: true as const, value: returned++ }),
    }),
  };
  await until(respondFrom(source).body!.cancel());
  assertEquals(returned, 1);
});

Deno.test("respondFrom() breaks the response off when its source fails, or yields neither text nor bytes", async () => {
  async function* failing() {
    yield "a";
    await sleep();
    throw new RangeError("no more");
  }
  const read = readerOf(respondFrom(failing()));
  assertEquals(await read(), "a");
  await assertRejects(read, RangeError, "no more");
  const numbers = readerOf(respondFrom([5] as unknown as string[]));
  await assertRejects(numbers, TypeError, "received 5");
});

for (const phase of ["before it has begun", "while it waits for its source"]) {
  Deno.test(`respondFrom() breaks the response off when its greenlet is killed ${phase}`, async () => {
    const reader = respondFrom(new Queue<string>()).body!.getReader();
    const broken = assertRejects(() => reader.read(), GreenletExit, "enough");
    const find = () => [...getHub().tasks()].find(({ label }) => label === "source of a response");
    while (find() === undefined) await null;
    const source = find() as Greenlet;
    if (phase !== "before it has begun") await sleep();
    await source.kill("enough");
    await broken;
  });
}

Deno.test("respondFrom() refuses what cannot be iterated", () => {
  for (const source of [5, null, undefined, {}]) {
    assertThrows(() => respondFrom(source as unknown as string[]), TypeError, "source must be iterable");
  }
});

Deno.test("respondFrom() ends a source whose client leaves before its greenlet has begun", async () => {
  let returned = 0;
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false as const, value: "x" }),
      return() {
        returned++;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  };
  await spawn(async () => {
    const reader = respondFrom(source).body!.getReader();
    void reader.read().catch(() => {});
    await Promise.resolve(); // it is pulled, its greenlet is scheduled
    await reader.cancel();
  }).get();
  await sleep();
  assertEquals(returned, 1);
});
