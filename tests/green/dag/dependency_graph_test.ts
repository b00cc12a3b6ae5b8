import { assert, assertEquals, assertThrows } from "@std/assert";
import { DAGPool, DependencyCycle, seededRandom, sleep } from "@verdant/green";
import { DependencyGraph } from "../../../green/dag/dependency_graph.ts";
import { consume } from "./tasks.ts";

Deno.test("DAGPool.spawn() refuses a task that depends on itself", () => {
  const pool = new DAGPool<string, string>();
  const error = assertThrows(() => pool.spawn("a", ["b", "a"], consume), DependencyCycle);
  assertEquals([error.name, error.message, error.keys], [
    "DependencyCycle",
    "Cannot spawn task a: it depends on itself",
    ["a"],
  ]);
  assertEquals([pool.running, pool.waiting, pool.waitingFor()], [0, 0, new Map()]);
});

Deno.test("DAGPool.spawn() refuses a task that closes a cycle, and changes nothing", async () => {
  const pool = new DAGPool<string, string>();
  pool.spawn("a", ["x", "b"], consume);
  pool.spawn("b", ["c", "y"], consume);
  const before = pool.waitingFor();
  const error = assertThrows(() => pool.spawn("c", ["z", "a"], consume), DependencyCycle);
  assertEquals(error.message, "Cannot spawn task c: c → a → b → c depend on each other");
  assertEquals(error.keys, ["c", "a", "b"]);
  assertEquals([pool.runningKeys, pool.waitingFor()], [["a", "b"], before]);
  pool.spawn("c", ["z"], consume);
  for (const key of "xyz") pool.post(key, "");
  assertEquals([...(await pool.wait("abc")).values()].map((keys) => keys.length), [2, 2, 1]);
});

Deno.test("DAGPool.spawn() closes no cycle by way of a value, of a task that has ended, or was killed", async () => {
  const pool = new DAGPool<string, string>();
  pool.spawn("a", ["b"], consume);
  pool.post("b", "");
  pool.spawn("c", ["b", "a"], consume);
  await pool.waitAll();
  pool.spawn("d", ["e"], consume);
  await sleep();
  await pool.kill("d");
  pool.spawn("e", ["d"], consume);
  pool.spawn("f", ["g"], () => {
    pool.post("f", "before it ends");
    return "";
  });
  await sleep();
  pool.spawn("g", ["f"], consume);
  assertEquals(await pool.value("g"), "f");
  pool.spawn("d", [], () => "");
  assertEquals(await pool.value("e"), "d");
});

Deno.test("DAGPool.spawnMany() refuses a cycle, and spawns nothing", async () => {
  await using pool = new DAGPool<string, string>();
  pool.spawn("c", ["d"], consume);
  const before = pool.waitingFor();
  const error = assertThrows(
    () => pool.spawnMany([["a", ["x"]], ["b", ["c"]], ["d", ["b", "a"]]], consume),
    DependencyCycle,
  );
  assertEquals(error.keys, ["d", "b", "c"]);
  assertEquals([pool.runningKeys, pool.waitingFor()], [["c"], before]);
  pool.spawnMany([["a", ["x"]], ["b", ["c"]], ["d", ["a"]]], consume);
  assertEquals(pool.runningKeys, ["c", "a", "b", "d"]);
});

Deno.test("DependencyCycle shortens a long way round", () => {
  assertEquals(
    new DependencyCycle(Array.from({ length: 13 }, (_, i) => i)).message,
    "Cannot spawn task 0: 0 → 1 → 2 → 3 → 4 → (3 more) → 8 → 9 → 10 → 11 → 12 → 0 depend on each other",
  );
});

Deno.test("DependencyGraph finds a cycle whichever direction is searched faster", () => {
  const fan = Array.from({ length: 20 }, (_, i) => `f${i}`);
  for (const [first, last] of [[fan, []], [[], fan], [fan, fan]]) {
    const graph = new DependencyGraph<string>();
    for (const key of fan) graph.add(key, ["a"]);
    graph.add("z", ["a"]);
    const error = assertThrows(() => graph.add("a", [...first!, "z", ...last!]), DependencyCycle);
    assertEquals(error.keys.length, 2);
    assertEquals([graph.waiting, graph.missing("a")], [21, new Set()]);
  }
});

Deno.test("DependencyGraph finds a short way back before a wide way there", () => {
  const graph = new DependencyGraph<string>();
  graph.add("z", ["a"]);
  const error = assertThrows(() => graph.add("a", [..."bcdefghz"]), DependencyCycle);
  assertEquals([error.keys, graph.waiting], [["a", "z"], 1]);
});

/** Whether `to` can be reached: the obvious way. */
function reaches(edges: Map<number, number[]>, from: number, to: number, seen = new Set<number>()): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return (edges.get(from) ?? []).some((next) => reaches(edges, next, to, seen));
}

Deno.test("DependencyGraph finds a cycle just when there is one, and it is one", () => {
  const draw = seededRandom(7);
  let cycles = 0;
  for (let round = 0; round < 400; round++) {
    const graph = new DependencyGraph<number>();
    const edges = new Map<number, number[]>();
    const size = 3 + Math.floor(draw() * 12);
    const any = () => Math.floor(draw() * size);
    for (const key of Array.from({ length: size }, (_, i) => i).sort(() => draw() - 0.5)) {
      const wanted = [...new Set(Array.from({ length: Math.floor(draw() * 3) }, any))];
      const closes = wanted.some((dependency) => reaches(edges, dependency, key));
      try {
        graph.add(key, wanted);
        assert(!closes, `a cycle through ${key} was missed`);
        edges.set(key, wanted);
      } catch (error) {
        assert(error instanceof DependencyCycle && closes, String(error));
        cycles++;
        const { keys } = error as DependencyCycle<number>;
        assertEquals([keys[0], new Set(keys).size], [key, keys.length]);
        for (const [i, from] of keys.entries()) {
          const next = keys[(i + 1) % keys.length]!;
          assert(
            (from === key ? wanted : edges.get(from)!).includes(next),
            `${from} does not depend on ${next}`,
          );
        }
      }
      if (draw() < 0.1) {
        const gone = any();
        graph.remove(gone);
        edges.delete(gone);
      }
      if (draw() < 0.1) {
        const resolved = any();
        graph.resolve(resolved);
        for (const [from, to] of edges) edges.set(from, to.filter((dependency) => dependency !== resolved));
      }
      const expected = [...edges].filter(([, to]) => to.length > 0).map(([from, to]) => [from, new Set(to)]);
      assertEquals(graph.allMissing(), new Map(expected as [number, Set<number>][]));
    }
  }
  assert(cycles > 100, `${cycles} cycles`);
});
