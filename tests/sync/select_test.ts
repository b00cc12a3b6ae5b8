import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  after,
  Channel,
  done,
  otherwise,
  Queue,
  recv,
  select,
  send,
  ShutDown,
  sleep,
  spawn,
} from "@verdant/green";

Deno.test("select() takes the first case in the list that can be done at once", async () => {
  const empty = new Queue<number>();
  const filled = new Queue<number>(Infinity, [1]);
  const room = new Queue<number>(1);
  assertEquals(await select([recv(empty), recv(filled), send(room, 9)]), { index: 1, value: 1 });
  assertEquals(await select([recv(empty), recv(filled), send(room, 9)]), { index: 2, value: undefined });
  assertEquals([room.getNowait(), await select([recv(empty), otherwise()])], [9, {
    index: 1,
    value: undefined,
  }]);
});

Deno.test("select() does exactly one case, and leaves all lists", async () => {
  const queues = [new Queue<number>(), new Queue<number>()];
  const outbox = new Channel<string>();
  const chooser = spawn(() => select([recv(queues[0]!), recv(queues[1]!), send(outbox, "x")]));
  await sleep();
  queues[1]!.putNowait(5);
  queues[0]!.putNowait(6);
  assertEquals(await chooser.get(), { index: 1, value: 5 });
  assertEquals([queues[0]!.size, queues[0]!.getters.size, queues[1]!.getters.size, outbox.putters.size], [
    1,
    0,
    0,
    0,
  ]);
});

Deno.test("select() pairs a send with a recv of another select()", async () => {
  const channel = new Channel<string>();
  const sender = spawn(() => select([send(channel, "hi"), after(60_000)]));
  const receiver = spawn(() => select([after(60_000), recv(channel)]));
  assertEquals(await receiver.get(), { index: 1, value: "hi" });
  assertEquals(await sender.get(), { index: 0, value: undefined });
});

Deno.test("select() with after() and done()", async () => {
  const never = new Channel<number>();
  assertEquals(await select([recv(never), after(1)]), { index: 1, value: undefined });
  const greenlet = spawn(() => sleep());
  const { index, value } = await select([recv(never), done(greenlet)]);
  assert(index === 1 && value === greenlet);
  assertEquals(never.getters.size, 0);
});

Deno.test("select() that is killed leaves all lists and takes nothing", async () => {
  const queue = new Queue<number>();
  const channel = new Channel<number>();
  const victim = spawn(() => select([recv(queue), send(channel, 1), after(60_000)]));
  await sleep();
  assertEquals([queue.getters.size, channel.putters.size], [1, 1]);
  await victim.kill();
  assertEquals([queue.getters.size, channel.putters.size], [0, 0]);
  queue.putNowait(1);
  assertEquals(queue.size, 1);
});

Deno.test("select() over a queue that is shut down throws ShutDown, now and while waiting", async () => {
  const queue = new Queue<number>();
  const other = new Channel<number>();
  const waiting = spawn(() => select([recv(other), recv(queue)]).catch((error) => error.name));
  await sleep();
  queue.shutdown();
  assertEquals(await waiting.get(), "ShutDown");
  await assertRejects(() => select([recv(other), recv(queue)]), ShutDown);
  assertEquals(other.getters.size, 0);
});

Deno.test("select() lets a putter that waits in when it takes an item", async () => {
  const queue = new Queue<number>(1, [1]);
  const putter = spawn(() => queue.put(2));
  await sleep();
  assertEquals(await select([recv(queue)]), { index: 0, value: 1 });
  await putter.join();
  assertEquals(queue.size, 1);
});
