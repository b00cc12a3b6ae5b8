import { assertEquals, assertStrictEquals } from "@std/assert";
import { seededRandom } from "@verdant/green";
import { WaitList, type WaitNode } from "../../hub/mod.ts";

interface Named extends WaitNode {
  readonly name: string;
}

function makeNode(name: string, log: unknown[] = []): Named {
  return {
    name,
    prev: undefined,
    next: undefined,
    value: undefined,
    wake: (value) => log.push([name, "woken", value]),
    fail: (error) => log.push([name, "failed", error]),
  };
}

const names = (list: WaitList) => [...list].map((node) => (node as Named).name);

Deno.test("WaitList.shift() takes the one that has waited longest, and undefined from an empty list", () => {
  const list = new WaitList("get", {});
  assertEquals([list.first, list.shift(), list.size], [undefined, undefined, 0]);
  const [a, b] = [makeNode("a"), makeNode("b")];
  list.push(a);
  list.push(b);
  assertStrictEquals(list.first, a);
  assertStrictEquals(list.shift(), a);
  assertStrictEquals(list.shift(), b);
  assertEquals([list.first, list.shift(), list.size], [undefined, undefined, 0]);
});

Deno.test("WaitList.remove() takes a node out from any place and leaves it without neighbours", () => {
  for (const victim of [0, 1, 2]) {
    const list = new WaitList("get", {});
    const nodes = ["a", "b", "c"].map((name) => makeNode(name));
    for (const node of nodes) list.push(node);
    const [removed] = nodes.splice(victim, 1);
    list.remove(removed!);
    assertEquals([removed!.prev, removed!.next], [undefined, undefined]);
    assertEquals(names(list), nodes.map(({ name }) => name));
    list.push(removed!);
    assertEquals(names(list), [...nodes, removed!].map(({ name }) => name));
  }
});

Deno.test("WaitList agrees with an array under random pushes, shifts and removals", () => {
  for (const seed of [1, 2, 3]) {
    const random = seededRandom(seed);
    const list = new WaitList("get", {});
    const model: Named[] = [];
    for (let i = 0; i < 3000; i++) {
      const dice = random();
      if (dice < 0.5) {
        const node = makeNode(String(i));
        list.push(node);
        model.push(node);
      } else if (dice < 0.75) {
        assertStrictEquals(list.shift(), model.shift(), `seed ${seed}, step ${i}`);
      } else if (model.length > 0) {
        const [victim] = model.splice(Math.floor(random() * model.length), 1);
        list.remove(victim!);
      }
      assertEquals(list.size, model.length, `seed ${seed}, step ${i}`);
    }
    assertEquals(names(list), model.map(({ name }) => name), `seed ${seed}`);
  }
});

Deno.test("WaitList.wakeAll() grants in order, and not to those who come back meanwhile", () => {
  const log: unknown[] = [];
  const list = new WaitList("wait", {});
  const again: Named = { ...makeNode("again"), wake: () => (log.push("again"), list.push(again)) };
  list.push(again);
  list.push(makeNode("b", log));
  list.wakeAll(7);
  assertEquals(log, ["again", ["b", "woken", 7]]);
  assertEquals(names(list), ["again"]);
});

Deno.test("WaitList.wakeAll() does not grant to those who leave meanwhile", () => {
  const log: unknown[] = [];
  const list = new WaitList("wait", {});
  const leaving = makeNode("leaving", log);
  list.push({ ...makeNode("first"), wake: () => (log.push("first"), list.remove(leaving)) });
  list.push(leaving);
  list.wakeAll(true);
  assertEquals([log, list.size], [["first"], 0]);
});

Deno.test("WaitList.failAll() ends every wait with an error of its own", () => {
  const log: unknown[][] = [];
  const list = new WaitList("get", {});
  for (const name of ["a", "b"]) list.push(makeNode(name, log));
  let count = 0;
  list.failAll(() => new Error(`shut down ${++count}`));
  assertEquals(log.map(([name, how, error]) => [name, how, (error as Error).message]), [
    ["a", "failed", "shut down 1"],
    ["b", "failed", "shut down 2"],
  ]);
  assertEquals(list.size, 0);
});
