import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  Channel,
  getCurrent,
  getHub,
  GreenletExit,
  Queue,
  SimpleQueue,
  sleep,
  spawn,
} from "@verdant/green";
import { assertFair } from "../green/fair.ts";
import { turn } from "../helpers.ts";

for (const Source of [SimpleQueue, Queue, Channel]) {
  const { name } = Source;

  Deno.test(`${name} iteration whose next() nobody awaits is safe to kill`, async () => {
    const source = new Source<number>();
    const careless = spawn(async () => {
      void source[Symbol.asyncIterator]().next();
      await sleep(60_000);
    });
    await sleep();
    assertEquals(source.getters.size, 1);
    await careless.kill();
    assertEquals([careless.value instanceof GreenletExit, source.getters.size], [true, 0]);
    await turn(); // an unhandled rejection would have failed the test by now
  });

  Deno.test(`${name} iteration tells of a kill whoever awaits next(), and is over then`, async () => {
    const source = new Source<number>();
    const items = source[Symbol.asyncIterator]();
    const victim = spawn(async () => {
      const error: unknown = await items.next().catch((error) => error);
      return { error, over: (await items.next()).done };
    });
    await sleep();
    await victim.kill();
    const { error, over } = victim.value as { error: unknown; over: boolean };
    assertInstanceOf(error, GreenletExit);
    assertEquals(over, true);
  });

  Deno.test(`${name} iteration throws at the call in a callback of the hub`, async () => {
    const items = new Source<number>()[Symbol.asyncIterator]();
    const names: string[] = [];
    getHub().runCallback(() => {
      names.push(assertThrows(() => void items.next(), BlockingSwitchOutError).name);
    });
    await sleep();
    assertEquals(names.length, 1);
  });

  Deno.test(`${name} iteration that is over, asked in a loop, lets the event loop have its turns`, async () => {
    const source = new Source<number>();
    const left = source[Symbol.asyncIterator]();
    await left.return!();
    await assertFair(() => left.next());
    source.shutdown();
    const ended = source[Symbol.asyncIterator]();
    await assertFair(() => ended.next());
    assertEquals([await left.next(), await ended.next()], Array(2).fill({ done: true, value: undefined }));
  });

  Deno.test(`${name} iteration that is over, asked in a loop, can be killed`, async () => {
    const source = new Source<number>();
    source.shutdown();
    const items = source[Symbol.asyncIterator]();
    const looper = spawn(async () => {
      void getCurrent()!.kill("enough", { block: false });
      for (let i = 0; i < 3; i++) await items.next();
      return "not killed";
    });
    await looper.join();
    assertInstanceOf(looper.value as unknown, GreenletExit);
  });
}

Deno.test("SimpleQueue iteration is disposed of, and returns itself", async () => {
  const queue = new SimpleQueue<number>(Infinity, [1, 2]);
  const items = queue[Symbol.asyncIterator]() as AsyncGenerator<number>;
  assertStrictEquals(items[Symbol.asyncIterator](), items);
  assertEquals((await items.next()).value, 1);
  await items[Symbol.asyncDispose]();
  assertEquals([(await items.next()).done, queue.size], [true, 1]);
});
