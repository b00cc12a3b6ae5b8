import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  AsyncResult,
  Barrier,
  BoundedSemaphore,
  Channel,
  Condition,
  DatagramServer,
  DummySemaphore,
  dump,
  Event,
  GreenPool,
  Group,
  LifoQueue,
  Lock,
  Named,
  named,
  Pool,
  PriorityQueue,
  Queue,
  ResourcePool,
  RLock,
  Semaphore,
  SimpleQueue,
  sleep,
  spawn,
  StreamServer,
  TokenPool,
} from "@verdant/green";
import { titleOf } from "../../hub/mod.ts";

const MAKERS: Record<string, () => { name: string | undefined }> = {
  AsyncResult: () => new AsyncResult(),
  Barrier: () => new Barrier(2),
  BoundedSemaphore: () => new BoundedSemaphore(),
  Channel: () => new Channel(),
  Condition: () => new Condition(),
  DatagramServer: () => new DatagramServer({ hostname: "127.0.0.1", port: 0 }, () => {}),
  DummySemaphore: () => new DummySemaphore(),
  Event: () => new Event(),
  GreenPool: () => new GreenPool(),
  Group: () => new Group(),
  LifoQueue: () => new LifoQueue(),
  Lock: () => new Lock(),
  Pool: () => new Pool(),
  PriorityQueue: () => new PriorityQueue(),
  Queue: () => new Queue(),
  ResourcePool: () => new ResourcePool({ create: () => 1 }),
  RLock: () => new RLock(),
  Semaphore: () => new Semaphore(),
  SimpleQueue: () => new SimpleQueue(),
  StreamServer: () => new StreamServer({ port: 0 }, () => {}),
  TokenPool: () => new TokenPool(),
};

for (const [kind, make] of Object.entries(MAKERS)) {
  Deno.test(`${kind}.name is what reports call it, and can be given, changed and taken away`, () => {
    const thing = make();
    assertEquals([thing.name, titleOf(thing)], [undefined, kind]);
    assertEquals(named(thing, "jobs") === thing, true);
    assertEquals([thing.name, titleOf(thing)], ["jobs", `${kind}(jobs)`]);
    thing.name = "others";
    assertEquals([titleOf(thing), make().name], [`${kind}(others)`, undefined]);
    thing.name = undefined;
    assertEquals([thing.name, titleOf(thing)], [undefined, kind]);
  });
}

Deno.test("Named is the base of what greenlets wait on", () => {
  const things = Object.values(MAKERS).map((make) => make());
  const others = things.filter((thing) => !(thing instanceof Named));
  assertEquals(others.map((thing) => thing.constructor.name), ["Group", "Pool"]); // these have a name of their own
});

Deno.test("StreamServer.name is part of what it is called in messages", () => {
  const server = new StreamServer({ port: 0 }, () => {});
  server.name = "echo";
  assertEquals(`${server}`, "StreamServer(echo)");
});

Deno.test("the names are in the dump", async () => {
  const accounts = named(new Lock(), "accounts");
  const waiter = await accounts.with(async () => {
    const waiter = spawn(() => accounts.with(() => {}));
    await sleep();
    assertStringIncludes(dump(), "Lock(accounts) acquire, held by the main flow");
    return waiter;
  });
  await waiter.join();
});
