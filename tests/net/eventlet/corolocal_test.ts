import { assertEquals, assertNotEquals } from "@std/assert";
import { eventlet, sleep } from "@verdant/green";

Deno.test("corolocal.local() keeps what each greenlet sets, and makes its own for each", async () => {
  let made = 0;
  const local = eventlet.corolocal.local<{ name?: string; list: number[] }>(() => ({ list: [++made] }));
  local.name = "main";
  const see = async (name: string) => {
    const before = local.name;
    local.name = name;
    await sleep();
    return [before, local.name, local.list];
  };
  const threads = ["a", "b"].map((name) => eventlet.spawn(see, name));
  assertEquals(await threads[0]!.wait(), [undefined, "a", [2]]);
  assertEquals(await threads[1]!.wait(), [undefined, "b", [3]]);
  assertEquals([local.name, local.list], ["main", [1]]);
});

Deno.test("corolocal.getIdent() stays the same within a greenlet, and is a small number", async () => {
  const { getIdent } = eventlet.corolocal;
  const twice = async () => {
    const before = getIdent();
    await sleep();
    return [before, getIdent()];
  };
  const [a, b] = [eventlet.spawn(twice), eventlet.spawn(twice)];
  assertEquals([await a.wait(), await b.wait()], [[a.id, a.id], [b.id, b.id]]);
  assertNotEquals(a.id, b.id);
  assertEquals([Number.isInteger(getIdent()), getIdent() !== a.id], [true, true]);
});
