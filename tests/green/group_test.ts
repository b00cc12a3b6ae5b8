import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { getCurrent, getHub, Greenlet, Group, sleep, spawn } from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { passes } from "./trial.ts";

Deno.test("Group.spawn() starts greenlets after the caller's next wait, in the order of the spawns", async () => {
  const group = new Group();
  const log: string[] = [];
  const members = ["a", "b"].map((name) => group.spawn((word) => log.push(word), name));
  assertEquals([log, [...group]], [[], members]);
  await group.join();
  assertEquals(log, ["a", "b"]);
});

Deno.test("Group.spawn() gives the greenlet, which has a result and a spawner as any other", async () => {
  const group = new Group();
  const member = group.spawn((a: number, b: number) => a + b, 1, 2);
  assertInstanceOf(member, Greenlet);
  assertEquals(await member.get(), 3);
  const parent = spawn(() => group.spawn(() => getCurrent()!.spawner).get());
  assertStrictEquals(await parent.get(), parent);
});

Deno.test("Group.spawn() reports the error of a member", async () => {
  using errors = captureErrors();
  const group = new Group();
  const failure = new Error("member failed");
  group.spawn(() => {
    throw failure;
  });
  assertEquals(await group.join(), true);
  assertEquals(errors.seen, [failure]);
});

Deno.test("Group.spawn() works in a callback of the hub", async () => {
  const group = new Group();
  const log: string[] = [];
  getHub().runCallback(() => void group.spawn(() => log.push("ran")));
  await passes(2);
  assertEquals([log, group.size], [["ran"], 0]);
});

Deno.test("Group refuses what is not a greenlet or a function, and stays as it was", () => {
  const group = new Group();
  const bad = [5, null, undefined, {}, "text"] as unknown[];
  for (const value of bad) {
    assertThrows(() => new Group([value as Greenlet]), TypeError, String(value));
    assertThrows(() => group.add(value as Greenlet), TypeError, String(value));
    assertThrows(() => group.start(value as Greenlet), TypeError, String(value));
    assertThrows(() => group.spawn(value as () => void), TypeError, String(value));
  }
  assertEquals([group.size, group.full], [0, false]);
});

Deno.test("Group.add() takes started and unstarted greenlets once, ended ones not", async () => {
  const running = spawn(() => sleep(60_000));
  const ended = spawn(() => {});
  await ended.join();
  const group = new Group([running, ended, running]);
  assertEquals([...group], [running]);
  const unstarted = new Greenlet(() => "ran");
  group.add(unstarted);
  group.add(unstarted);
  assertEquals([group.size, unstarted.started], [2, false]);
  unstarted.start();
  assertEquals([await unstarted.get(), [...group]], ["ran", [running]]);
  await group.kill();
});

Deno.test("Group.start() starts a greenlet once", async () => {
  let begun = 0;
  const greenlet = new Greenlet(() => begun++);
  const group = new Group();
  group.start(greenlet);
  group.start(greenlet);
  await group.join();
  group.start(greenlet);
  assertEquals([begun, group.size], [1, 0]);
});

Deno.test("Group.discard() forgets a greenlet, which runs on", async () => {
  const group = new Group();
  const [one, other] = [group.spawn(() => sleep(60_000)), group.spawn(() => sleep(60_000))];
  await sleep();
  group.discard(one);
  group.discard(one);
  group.discard(spawn(() => {}));
  assertEquals([[...group], one.started, one.links?.size ?? 0], [[other], true, 0]);
  await group.kill();
  assertEquals([one.dead, other.dead], [false, true]);
  await one.kill();
});

Deno.test("Group.discard() of the last member wakes those who join", async () => {
  const group = new Group();
  const member = group.spawn(() => sleep(60_000));
  const joiner = spawn(() => group.join());
  await sleep();
  group.discard(member);
  assertEquals([await joiner.get(), member.dead], [true, false]);
  await member.kill();
});

Deno.test("Group members may be in several groups", async () => {
  const [a, b] = [new Group(), new Group()];
  const member = a.spawn(() => sleep(60_000));
  b.add(member);
  assertEquals(await a.kill(), true);
  assertEquals([b.size, member.dead], [0, true]);
});

Deno.test("Group is never full, whatever its size", async () => {
  const group = new Group();
  for (let i = 0; i < 1_000; i++) group.spawn(() => sleep());
  assertEquals([group.size, group.full], [1_000, false]);
  assert(await group.join());
  assertEquals(group.size, 0);
});
