import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { AsyncResult, getHub, Local, local, sleep, spawn, spawnRaw, until } from "@verdant/green";
import { turn } from "../helpers.ts";

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
  const seenByHub = new AsyncResult<string | undefined>();
  getHub().runCallback(() => seenByHub.set(name.get()));
  assertEquals([name.get(), await seenByHub.get()], ["outside", "outside"]);
  name.delete();
  assertEquals(name.get(), undefined);
});

Deno.test("Local has a value of its own for every Local", async () => {
  const locals = [new Local<number>(), new Local<number>({ inherit: true }), new Local<number>()];
  const greenlet = spawn(() => {
    locals[0]!.set(1);
    locals[1]!.set(2);
    return locals.map((local) => local.get());
  });
  assertEquals(await greenlet.get(), [1, 2, undefined]);
});

Deno.test("Local follows the greenlet through foreign awaits and callbacks", async () => {
  const name = new Local<string>();
  const greenlet = spawn(async () => {
    name.set("mine");
    await turn();
    const inTimer = await until(new Promise((resolve) => setTimeout(() => resolve(name.get()), 1)));
    return [name.get(), inTimer];
  });
  assertEquals(await greenlet.get(), ["mine", "mine"]);
});

Deno.test("Local with initial makes a value for each greenlet that asks, once", async () => {
  let made = 0;
  const list = new Local<number[]>({ initial: () => [++made] });
  const ask = async () => {
    list.get().push(0);
    await sleep();
    return list.get();
  };
  assertEquals(made, 0);
  assertEquals(await spawn(ask).get(), [1, 0]);
  assertEquals(await spawn(ask).get(), [2, 0]);
  assertEquals(made, 2);
});

Deno.test("Local with initial that makes undefined has made a value, and one that was set needs none", async () => {
  let made = 0;
  const name = new Local<string | undefined>({ initial: () => (made++, undefined) });
  const greenlet = spawn(() => [name.get(), name.get(), made, name.delete(), name.get(), made]);
  assertEquals(await greenlet.get(), [undefined, undefined, 1, true, undefined, 2]);
  const other = spawn(() => {
    name.set(undefined);
    return [name.get(), made];
  });
  assertEquals(await other.get(), [undefined, 2]);
});

Deno.test("Local with initial that throws has no value after that", async () => {
  let tries = 0;
  const name = new Local<string>({
    initial: () => {
      if (++tries === 1) throw new Error("not yet");
      return "now";
    },
  });
  const greenlet = spawn(() => [assertThrows(() => name.get(), Error, "not yet").message, name.get()]);
  assertEquals(await greenlet.get(), ["not yet", "now"]);
});

Deno.test("Local.delete() says whether there was a value, which is forgotten", async () => {
  for (const inherit of [false, true]) {
    const name = new Local<string | undefined>({ inherit });
    const greenlet = spawn(() => {
      const before = name.delete();
      name.set("x");
      return [before, name.delete(), name.get(), name.delete()];
    });
    assertEquals(await greenlet.get(), [false, true, undefined, false]);
  }
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

Deno.test("Local with inherit reaches grandchildren, and what a child deletes its spawner keeps", async () => {
  const id = new Local<string | undefined>({ inherit: true });
  const parent = spawn(async () => {
    id.set("x");
    const child = spawn(() => spawn(() => [id.delete(), id.get()]).get());
    return [await child.get(), id.get()];
  });
  assertEquals(await parent.get(), [[true, undefined], "x"]);
});

Deno.test("Local with inherit begins with the value of the code outside, where that spawns", async () => {
  const id = new Local<string>({ inherit: true });
  id.set("outside");
  const seen: unknown[] = [];
  spawnRaw(() => seen.push(id.get()));
  const greenlet = spawn(() => [id.get(), id.delete(), id.get()]);
  assertEquals(await greenlet.get(), ["outside", true, undefined]);
  assertEquals([seen, id.get(), id.delete()], [["outside"], "outside", true]);
});

Deno.test("Local with inherit and initial makes a value only where none was inherited", async () => {
  let made = 0;
  const id = new Local<number>({ inherit: true, initial: () => ++made });
  const parent = spawn(async () => [id.get(), await spawn(() => id.get()).get()]);
  assertEquals([await parent.get(), await spawn(() => id.get()).get()], [[1, 1], 2]);
});

Deno.test("Local without inherit begins with nothing, also where the spawner has a value", async () => {
  const id = new Local<string>();
  const parent = spawn(async () => {
    id.set("parent's");
    return await spawn(() => id.get()).get();
  });
  assertEquals(await parent.get(), undefined);
});

Deno.test("Local values are dropped when the greenlet ends", async () => {
  const own = new Local<object>();
  const inherited = new Local<object>({ inherit: true });
  const greenlet = spawn(async () => {
    own.set({});
    inherited.set({});
    await sleep();
  });
  await sleep();
  assert(greenlet.locals !== undefined && greenlet.inherited !== undefined);
  await greenlet.join();
  assertEquals([greenlet.locals, greenlet.inherited], [undefined, undefined]);
});

Deno.test("Local set by what an ended greenlet left behind is that of the code outside", async () => {
  const name = new Local<string>();
  const gate = Promise.withResolvers<void>();
  const left = new AsyncResult<void>();
  const greenlet = spawn(() => {
    name.set("inside");
    gate.promise.then(() => left.set(name.set("left behind")));
  });
  await greenlet.join();
  gate.resolve();
  await left.get();
  assertEquals([name.get(), greenlet.locals], ["left behind", undefined]);
  name.delete();
});

Deno.test("Local throws TypeError with the value for a bad initial", () => {
  assertThrows(
    () => new Local({ initial: 5 as never }),
    TypeError,
    "Cannot create local: initial must be a function, received 5",
  );
  assertThrows(() => local("text" as never), TypeError, "received text");
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

Deno.test("local() shows the prototype, accessors and symbols of the greenlet's object", async () => {
  const tag = Symbol("tag");
  class User {
    [tag] = true;
    constructor(public first: string, public last: string) {}
    get full(): string {
      return `${this.first} ${this.last}`;
    }
    set full(name: string) {
      [this.first, this.last] = name.split(" ") as [string, string];
    }
    greet(): string {
      return `hello ${this.full}`;
    }
  }
  const user = local(() => new User("Ann", "Lee"));
  const renamed = spawn(() => {
    user.full = "Bob Ray";
    return [user.greet(), user.last];
  });
  assertEquals(await renamed.get(), ["hello Bob Ray", "Ray"]);
  const other = spawn(() => {
    assertInstanceOf(user, User);
    return [user.greet(), Reflect.ownKeys(user), tag in user, "full" in user, Object.hasOwn(user, "full")];
  });
  assertEquals(await other.get(), ["hello Ann Lee", ["first", "last", tag], true, true, false]);
});

Deno.test("local() can define properties, and describes them", async () => {
  const state = local<Record<string, unknown>>();
  const greenlet = spawn(() => {
    Object.defineProperty(state, "hidden", { value: 1 });
    Object.defineProperty(state, "computed", { get: () => 2, enumerable: true });
    assertThrows(() => state.hidden = 3, TypeError);
    return [
      state.hidden,
      state.computed,
      Object.keys(state),
      Object.getOwnPropertyDescriptor(state, "hidden"),
      Object.getOwnPropertyDescriptor(state, "missing"),
      JSON.stringify(state),
    ];
  });
  assertEquals(await greenlet.get(), [
    1,
    2,
    ["computed"],
    { value: 1, writable: false, enumerable: false, configurable: true },
    undefined,
    '{"computed":2}',
  ]);
  assertEquals(Reflect.ownKeys(state), []);
});

Deno.test("local() reports fixed properties of an object as changeable, and cannot be frozen", async () => {
  const state = local<{ readonly n: number }>(() => Object.freeze({ n: 1 }));
  const greenlet = spawn(() => {
    assertThrows(() => (state as { n: number }).n = 2, TypeError);
    assertThrows(() => Object.freeze(state), TypeError);
    assertThrows(() => Object.preventExtensions(state), TypeError);
    return [Object.isExtensible(state), Object.getOwnPropertyDescriptor(state, "n")!.configurable, state.n];
  });
  assertEquals(await greenlet.get(), [true, true, 1]);
});

Deno.test("local() changes the prototype of the greenlet's object, and of no other", async () => {
  const state = local<object>();
  const prototype = { inherited: 1 };
  const greenlet = spawn(() => {
    Object.setPrototypeOf(state, prototype);
    return Object.getPrototypeOf(state);
  });
  assertStrictEquals(await greenlet.get(), prototype);
  assertStrictEquals(Object.getPrototypeOf(state), Object.prototype);
});

Deno.test("local() whose function makes no object fails at the first use", async () => {
  const state = local(() => 5 as unknown as { n: number });
  const greenlet = spawn(() => assertThrows(() => state.n, TypeError).name);
  assertEquals(await greenlet.get(), "TypeError");
});
