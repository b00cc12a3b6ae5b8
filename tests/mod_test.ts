import { assert, assertEquals } from "@std/assert";
import * as green from "@verdant/green";

const NAMES = {
  hub: [
    "BlockingSwitchOutError",
    "ConcurrentObjectUseError",
    "getHub",
    "GreenletExit",
    "Hub",
    "isKill",
    "LoopExit",
    "Timeout",
    "until",
  ],
  sync: [
    "after",
    "AsyncResult",
    "Barrier",
    "BoundedSemaphore",
    "Channel",
    "Condition",
    "done",
    "DummySemaphore",
    "Empty",
    "Event",
    "Full",
    "JoinableQueue",
    "LifoQueue",
    "Lock",
    "otherwise",
    "PriorityQueue",
    "Queue",
    "recv",
    "RLock",
    "select",
    "Semaphore",
    "send",
    "ShutDown",
    "SimpleQueue",
  ],
  green: [
    "fetch",
    "getCurrent",
    "Greenlet",
    "Group",
    "idle",
    "iwait",
    "joinAll",
    "kill",
    "killAll",
    "Local",
    "local",
    "main",
    "nursery",
    "Pool",
    "PoolFull",
    "shield",
    "sleep",
    "spawn",
    "spawnLater",
    "spawnRaw",
    "spawnWith",
    "wait",
    "withTimeout",
  ],
};

Deno.test("mod.ts exports every public name", () => {
  const missing = Object.values(NAMES).flat().filter((name) => !(name in green));
  assertEquals(missing, []);
});

Deno.test("no handle of the library is thenable", async () => {
  const greenlet = green.spawn(() => 1);
  const handles = [
    greenlet,
    new green.AsyncResult(),
    new green.Event(),
    new green.Queue(),
    new green.Pool(1),
    new green.Group(),
    new green.Timeout(1),
    new green.Group().imap(() => 1, []),
  ];
  for (const handle of handles) assert(!("then" in handle), `${handle.constructor.name} has a then method`);
  await greenlet.join();
  await green.getHub().join();
});
