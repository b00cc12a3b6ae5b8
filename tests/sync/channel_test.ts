import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel, Empty, Full, joinAll, ShutDown, sleep, spawn } from "@verdant/green";
import { assertFair } from "../green/fair.ts";

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

Deno.test("Channel.put() and get() take turns, whoever is spawned first", async () => {
  for (const receiverFirst of [false, true]) {
    const channel = new Channel<number>();
    const log: string[] = [];
    const send = async () => {
      for (let i = 0; i < 3; i++) {
        log.push(`s${i}`);
        await channel.put(i);
        log.push(`S${i}`);
      }
    };
    const receive = async () => {
      for (let i = 0; i < 3; i++) log.push(`g${await channel.get()}`);
    };
    const bodies = receiverFirst ? [receive, send] : [send, receive];
    await joinAll(bodies.map((body) => spawn(body)));
    assertEquals(log.join(" "), "s0 g0 S0 s1 g1 S1 s2 g2 S2");
  }
});

Deno.test("Channel.get() of one who waited goes on before the putter, who goes on later", async () => {
  const channel = new Channel<string>();
  const log: string[] = [];
  const receiver = spawn(async () => {
    log.push("waiting");
    log.push(await channel.get());
    log.push(await channel.get());
  });
  const sender = spawn(async () => {
    log.push("sending hello");
    await channel.put("hello");
    log.push("sending world");
    await channel.put("world");
    log.push("sent world");
  });
  await joinAll([receiver, sender]);
  assertEquals(log, ["waiting", "sending hello", "hello", "sending world", "world", "sent world"]);
});

Deno.test("Channel.put() that is killed or timed out while waiting has sent nothing", async () => {
  const channel = new Channel<string>();
  const victim = spawn(() => channel.put("victim's"));
  const late = spawn(() => channel.put("late", { timeout: 1 }).catch((error) => error));
  const patient = spawn(() => channel.put("patient's"));
  assert(await late.get() instanceof Full);
  await victim.kill();
  assertEquals([await channel.get(), channel.balance], ["patient's", 0]);
  await patient.join();
});

Deno.test("Channel.get() that is killed or timed out while waiting has taken nothing", async () => {
  const channel = new Channel<number>();
  const victim = spawn(() => channel.get());
  const late = spawn(() => channel.get({ timeout: 1 }).catch((error) => error));
  const patient = spawn(() => channel.get());
  assert(await late.get() instanceof Empty);
  await victim.kill();
  await channel.put(1);
  assertEquals([await patient.get(), channel.balance], [1, 0]);
});

Deno.test("Channel.get() that was handed an item before the kill has it, and the putter knows", async () => {
  const channel = new Channel<number>();
  const log: string[] = [];
  const getter = spawn(() => channel.get());
  await sleep();
  const putter = spawn(async () => {
    const sent = channel.put(1);
    void getter.kill(undefined, { block: false });
    await sent;
    log.push("sent");
  });
  await joinAll([getter, putter]);
  assertEquals([getter.value, log], [1, ["sent"]]);
});

Deno.test("Channel.put() with timeout: 0 hands over if somebody waits, else throws Full at once", async () => {
  const channel = new Channel<number>();
  await assertRejects(() => channel.put(1, { timeout: 0 }), Full);
  await assertRejects(() => channel.get({ timeout: 0 }), Empty);
  const getter = spawn(() => channel.get());
  await sleep();
  await channel.put(2, { timeout: 0 });
  const putter = spawn(() => channel.put(3));
  await sleep();
  assertEquals([await getter.get(), await channel.get({ timeout: 0 })], [2, 3]);
  await putter.join();
});

Deno.test("Channel.shutdown() ends parked putters and getters with ShutDown, also a second time", async () => {
  for (const call of [(c: Channel<number>) => c.put(1), (c: Channel<number>) => c.get()]) {
    const channel = new Channel<number>();
    const waiting = [1, 2].map(() => spawn(() => call(channel).catch((error) => error)));
    await sleep();
    channel.shutdown();
    channel.shutdown();
    await joinAll(waiting);
    assert(waiting.every((greenlet) => greenlet.value instanceof ShutDown));
    assertEquals(channel.balance, 0);
    assertThrows(() => channel.getNowait(), ShutDown);
  }
});

Deno.test("Channel iteration that is left leaves the putters waiting", async () => {
  const channel = new Channel<number>();
  const putters = [1, 2, 3].map((n) => spawn(() => channel.put(n)));
  await sleep();
  for await (const item of channel) if (item === 2) break;
  assertEquals(channel.balance, 1);
  assertEquals(await channel.get(), 3);
  await joinAll(putters);
});

Deno.test("Channel that is shut down, used in a loop, lets the event loop have its turns", async () => {
  const channel = new Channel<number>();
  channel.shutdown();
  await assertFair(() => channel.put(1));
  await assertFair(() => channel.get());
  await assertFair(() => Array.fromAsync(channel));
});
