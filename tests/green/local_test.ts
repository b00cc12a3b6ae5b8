import { assert, assertEquals, assertFalse } from "@std/assert";
import { Local, local, sleep, spawn } from "@verdant/green";

Deno.test("Local has a value of its own for every greenlet, and one for all outside", async () => {
  const name = new Local<string | undefined>();
  name.set("outside");
  const greenlets = ["a", "b"].map((value) =>
    spawn(async () => {
      const before = name.get();
      name.set(value);
      await sleep();
      return [before, name.get()];
    })
  );
  assertEquals(await greenlets[0]!.get(), [undefined, "a"]);
  assertEquals(await greenlets[1]!.get(), [undefined, "b"]);
  assertEquals(name.get(), "outside");
  name.delete();
  assertEquals(name.get(), undefined);
});

Deno.test("Local with initial makes a value for each greenlet that asks, once", async () => {
  let made = 0;
  const list = new Local<number[]>({ initial: () => [++made] });
  const ask = async () => {
    list.get().push(0);
    await sleep();
    return list.get();
  };
  assertEquals(await spawn(ask).get(), [1, 0]);
  assertEquals(await spawn(ask).get(), [2, 0]);
});

Deno.test("Local with inherit begins with the spawner's value at the spawn", async () => {
  const id = new Local<string | undefined>({ inherit: true });
  const parent = spawn(async () => {
    id.set("first");
    const child = spawn(async () => {
      const seen = id.get();
      id.set("child's own");
      await sleep();
      return [seen, await spawn(() => id.get()).get()];
    });
    id.set("second"); // after the spawn
    return [await child.get(), id.get()];
  });
  assertEquals(await parent.get(), [["first", "child's own"], "second"]);
  assertEquals(id.get(), undefined);
});

Deno.test("local() is an object of which every greenlet has its own properties", async () => {
  const request = local<{ id?: number; user?: string }>();
  const greenlets = [1, 2].map((id) =>
    spawn(async () => {
      assertFalse("id" in request);
      request.id = id;
      await sleep();
      request.user = `user${id}`;
      delete request.id;
      return [Object.keys(request), "id" in request, { ...request }];
    })
  );
  assertEquals(await greenlets[0]!.get(), [["user"], false, { user: "user1" }]);
  assertEquals(await greenlets[1]!.get(), [["user"], false, { user: "user2" }]);
  assertEquals(Object.keys(request), []);
});

Deno.test("local() with a function makes the object of each greenlet with it", async () => {
  const counter = local(() => ({ n: 10 }));
  const count = () => ++counter.n;
  assertEquals([await spawn(count).get(), await spawn(count).get()], [11, 11]);
});

Deno.test("Greenlet.treeLocals is one object for all greenlets of a tree, another for other trees", async () => {
  const root = spawn(async function () {
    const { getCurrent } = await import("@verdant/green");
    getCurrent()!.treeLocals.user = "ann";
    const child = spawn(() => spawn(() => getCurrent()!.treeLocals.user).get());
    return await child.get();
  });
  assertEquals(await root.get(), "ann");
  const other = spawn(() => 1);
  assert(other.treeLocals !== root.treeLocals);
  await other.join();
});
