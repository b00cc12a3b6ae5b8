import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as green from "@verdant/green";
import * as entry from "@verdant/green/eventlet";

const { eventlet } = green;

const NAMES = {
  "": [
    "BoundedSemaphore",
    "cancel",
    "CappedSemaphore",
    "Event",
    "getcurrent",
    "GreenletExit",
    "GreenPile",
    "GreenPool",
    "GreenThread",
    "isTimeout",
    "kill",
    "LifoQueue",
    "LightQueue",
    "PriorityQueue",
    "Queue",
    "Semaphore",
    "sleep",
    "spawn",
    "spawnAfter",
    "spawnAfterLocal",
    "spawnN",
    "Timeout",
    "withTimeout",
    "wrapIsTimeout",
  ],
  backdoor: ["backdoor", "backdoorServer"],
  corolocal: ["getIdent", "local"],
  coros: ["Metaphore"],
  dagpool: ["Collision", "DAGPool", "PropagateError"],
  dbPool: ["ConnectionPool", "ConnectTimeout", "DatabaseConnector"],
  event: ["Event"],
  greenpool: ["GreenPile", "GreenPool"],
  greenthread: [
    "cancel",
    "getcurrent",
    "GreenThread",
    "kill",
    "sleep",
    "spawn",
    "spawnAfter",
    "spawnAfterLocal",
    "spawnN",
  ],
  lock: ["Lock"],
  pools: ["Pool", "Token", "TokenPool"],
  queue: ["Empty", "Full", "LifoQueue", "LightQueue", "PriorityQueue", "Queue"],
  semaphore: ["BoundedSemaphore", "CappedSemaphore", "Semaphore"],
  timeout: ["isTimeout", "Timeout", "withTimeout", "wrapIsTimeout"],
};

type Module = Record<string, unknown>;

Deno.test("eventlet exports its public names, also by module", () => {
  for (const [name, names] of Object.entries(NAMES)) {
    const module = (name === "" ? eventlet : (eventlet as Module)[name]) as Module;
    if (name === "") assertEquals(names.filter((key) => !(key in module)), []);
    else assertEquals(Object.keys(module).toSorted(), names.toSorted(), name);
    // A name means the same wherever it stands.
    const common = names.filter((key) => key in eventlet && key !== name); // `backdoor.backdoor()`
    for (const key of common) assertStrictEquals(module[key], (eventlet as Module)[key]);
  }
});

Deno.test("eventlet is an entry point of its own", () => {
  assertStrictEquals(entry.spawn, eventlet.spawn);
  assertEquals(Object.keys(entry), Object.keys(eventlet));
});

Deno.test("no handle of eventlet is thenable", async () => {
  const thread = eventlet.spawn(() => 1);
  using timeout = new eventlet.Timeout(60_000);
  const handles = [
    thread,
    timeout,
    new eventlet.Event(),
    new eventlet.Queue(),
    new eventlet.Semaphore(),
    new eventlet.CappedSemaphore(0, 1),
    new eventlet.GreenPool(),
    new eventlet.GreenPile(),
    new eventlet.coros.Metaphore(),
  ];
  for (const handle of handles) assert(!("then" in handle), `${handle.constructor.name} has a then method`);
  await thread.wait();
});

Deno.test("eventlet's classes and functions of the library that differ are others", () => {
  for (const name of ["Event", "kill", "Queue", "Semaphore", "spawn", "Timeout", "withTimeout"]) {
    assert((eventlet as Module)[name] !== (green as Module)[name], name);
  }
});
