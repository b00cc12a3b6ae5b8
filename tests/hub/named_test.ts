import { assertEquals, assertStrictEquals } from "@std/assert";
import { Event, Lock, named, Queue, Semaphore, spawn } from "@verdant/green";
import { titleOf } from "../../hub/named.ts";

Deno.test("Named.name is undefined until it is given, and can be taken away", () => {
  const event = new Event();
  assertEquals([event.name, titleOf(event)], [undefined, "Event"]);
  event.name = "ready";
  assertEquals([event.name, titleOf(event)], ["ready", "Event(ready)"]);
  event.name = undefined;
  assertEquals([event.name, titleOf(event)], [undefined, "Event"]);
});

Deno.test("named() returns what it names, whatever it is", async () => {
  const lock = new Lock();
  assertStrictEquals(named(lock, "accounts"), lock);
  assertEquals([lock.name, named(new Queue(), "jobs").name, named(new Semaphore(), "db").name], [
    "accounts",
    "jobs",
    "db",
  ]);
  const g = named(spawn(() => 1), "worker");
  assertEquals(g.name, "worker");
  await g.join();
});

Deno.test("titleOf() copes with objects without a class or a name of text", () => {
  assertEquals(titleOf(Object.create(null)), "Object");
  assertEquals(titleOf({ name: 5 }), "Object");
  assertEquals(titleOf({ name: "" }), "Object");
  assertEquals(titleOf(new (class Tap {})()), "Tap");
});
