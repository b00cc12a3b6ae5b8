import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel, Empty, Full, joinAll, ShutDown, sleep, spawn } from "@verdant/green";

Deno.test("Channel.put() meets get(): the putter goes on after the getter", async () => {
  const channel = new Channel<string>();
  const log: string[] = [];
  const sender = spawn(async () => {
    log.push("sending");
    await channel.put("hello");
    log.push("sent hello");
    await channel.put("world");
    log.push("sent world");
  });
  const receiver = spawn(async () => {
    log.push(await channel.get());
    log.push(await channel.get());
  });
  await joinAll([sender, receiver]);
  assertEquals(log, ["sending", "hello", "sent hello", "world", "sent world"]);
});

Deno.test("Channel.put() and get() are served first come first served", async () => {
  const channel = new Channel<number>();
  const putters = [1, 2, 3].map((n) => spawn(() => channel.put(n)));
  await sleep();
  assertEquals(channel.balance, 3);
  assertEquals([await channel.get(), await channel.get(), await channel.get()], [1, 2, 3]);
  await joinAll(putters);
  const getters = [1, 2].map(() => spawn(() => channel.get()));
  await sleep();
  assertEquals(channel.balance, -2);
  await channel.put(10);
  await channel.put(20);
  assertEquals([await getters[0]!.get(), await getters[1]!.get()], [10, 20]);
});

Deno.test("Channel.putNowait() and getNowait() need somebody who waits", async () => {
  const channel = new Channel<number>();
  assertThrows(() => channel.putNowait(1), Full);
  assertThrows(() => channel.getNowait(), Empty);
  const getter = spawn(() => channel.get());
  await sleep();
  channel.putNowait(5);
  assertEquals(await getter.get(), 5);
  const putter = spawn(() => channel.put(6));
  await sleep();
  assertEquals(channel.getNowait(), 6);
  await putter.join();
});

Deno.test("Channel.shutdown() ends the waits of both sides, iteration just ends", async () => {
  const channel = new Channel<number>();
  const getter = spawn(() => channel.get().catch((error) => error.name));
  const reader = spawn(() => Array.fromAsync(channel));
  await sleep();
  await channel.put(1); // for the getter
  await channel.put(2); // for the reader
  channel.shutdown();
  assertEquals([await getter.get(), await reader.get()], [1, [2]]);
  await assertRejects(() => channel.put(3), ShutDown);
  await assertRejects(() => channel.get(), ShutDown);
  assertThrows(() => channel.putNowait(3), ShutDown);
  assertEquals([channel.closed, channel.size, channel.empty, channel.full], [true, 0, true, true]);
});
