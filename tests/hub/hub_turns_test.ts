/** How the hub shares the thread: with the event loop, with foreign promises, with code outside greenlets. */
import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import {
  Event,
  getHub,
  Greenlet,
  Hub,
  joinAll,
  Queue,
  sleep,
  spawn,
  spawnLater,
  spawnWith,
  Timeout,
  until,
} from "@verdant/green";
import { runAs } from "../../hub/context.ts";
import { turn } from "../helpers.ts";

/** Ends a loop that would otherwise go on for ever. */
const MANY = 5_000_000;

async function microtasks(): Promise<void> {
  for (let i = 0; i < 10; i++) await null;
}

Deno.test("Hub fires its timers while greenlets switch without pause", async () => {
  let woken = false;
  const sleeper = spawn(async () => {
    await sleep(1);
    woken = true;
  });
  const spinners = [1, 2].map(() =>
    spawn(async () => {
      for (let i = 0; i < MANY && !woken; i++) await sleep();
      return woken;
    })
  );
  for (const spinner of spinners) assertEquals(await spinner.get(), true);
  await sleeper.join();
});

Deno.test("Hub lets I/O be polled while greenlets switch without pause", async () => {
  let read = false;
  const reader = spawn(async () => {
    await until(Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
    read = true;
  });
  const spinner = spawn(async () => {
    for (let i = 0; i < MANY && !read; i++) await sleep();
    return read;
  });
  assertEquals(await spinner.get(), true);
  await reader.join();
});

Deno.test("Hub that is idle runs a greenlet at once when what it waits for arrives, without a turn", async () => {
  const hub = getHub();
  const foreign = Promise.withResolvers<string>();
  const log: string[] = [];
  const greenlet = spawn(async () => {
    log.push(await until(foreign.promise));
  });
  await turn();
  await turn();
  const { turns } = hub.stats();
  foreign.resolve("arrived");
  await microtasks();
  assertEquals([log, hub.stats().turns], [["arrived"], turns]);
  await greenlet.join();
});

Deno.test("Hub that is busy makes what arrives from outside wait its turn", async () => {
  const log: string[] = [];
  const foreign = Promise.withResolvers<void>();
  const waiting = spawn(async () => {
    await until(foreign.promise);
    log.push("foreign");
  });
  await sleep();
  const [first, second] = ["first", "second"].map((name) =>
    spawn(async () => {
      foreign.resolve();
      await microtasks();
      log.push(name);
    })
  );
  await joinAll([waiting, first!, second!]);
  assertEquals(log, ["first", "second", "foreign"]);
});

Deno.test("Hub leaves the token with its greenlet when code outside greenlets waits meanwhile", async () => {
  const log: string[] = [];
  const body = async (name: string) => {
    log.push(`${name} begins`);
    await microtasks();
    log.push(`${name} goes on`);
  };
  const greenlets = [spawn(body, "a"), spawn(body, "b")];
  const outside = [1, 2, 3].map(async (n) => {
    for (let i = 0; i < n; i++) await null;
    await sleep();
  });
  await sleep();
  await joinAll(greenlets);
  await Promise.all(outside);
  assertEquals(log, ["a begins", "a goes on", "b begins", "b goes on"]);
});

Deno.test("Hub counts a greenlet as detached only while it awaits something foreign", async () => {
  const hub = getHub();
  const foreign = Promise.withResolvers<void>();
  const detached: number[] = [];
  const greenlet = spawn(async () => {
    await foreign.promise;
    await sleep(); // rejoins
    detached.push(hub.stats().detached);
  });
  await turn();
  await sleep();
  await turn();
  detached.push(hub.stats().detached);
  foreign.resolve();
  await greenlet.join();
  assertEquals(detached, [1, 0]);
});

Deno.test("Hub forgets a detached greenlet that ends without another wait", async () => {
  const foreign = Promise.withResolvers<number>();
  const greenlet = spawn(() => foreign.promise);
  await turn();
  await sleep();
  foreign.resolve(5);
  assertEquals(await greenlet.get(), 5);
  const { detached, greenlets } = getHub().stats();
  assertEquals([detached, greenlets], [0, 0]);
});

Deno.test("Hub.join() waits for a greenlet that awaits something foreign, with or without until()", async () => {
  for (const wrap of [(promise: Promise<void>) => promise, (promise: Promise<void>) => until(promise)]) {
    const log: string[] = [];
    const foreign = Promise.withResolvers<void>();
    spawn(async () => {
      await wrap(foreign.promise);
      await sleep(1);
      log.push("done");
    });
    setTimeout(() => foreign.resolve(), 5);
    assertEquals(await getHub().join(), true);
    assertEquals(log, ["done"]);
  }
});

Deno.test("Hub.join() returns true for all who call it, and at once where nothing is left", async () => {
  const greenlet = spawn(() => sleep(1));
  const outcomes = await Promise.all([getHub().join(), getHub().join({ timeout: 60_000 })]);
  assertEquals([outcomes, greenlet.dead], [[true, true], true]);
  assertEquals(await getHub().join(), true);
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("Hub.runCallback() called in a callback runs after what was queued before", async () => {
  const log: string[] = [];
  const hub = getHub();
  hub.runCallback(() => {
    log.push("outer");
    hub.runCallback(() => log.push("inner"));
  });
  spawn(() => log.push("greenlet"));
  hub.runCallback(() => log.push("second"));
  await sleep();
  await sleep();
  assertEquals(log, ["outer", "greenlet", "second", "inner"]);
});

Deno.test("Hub runs a greenlet where it was spawned, and wakes it there, whoever wakes it", async () => {
  const other = new Hub();
  const queue = new Queue<string>();
  const seen: unknown[] = [];
  let abroad: { join(): Promise<boolean>; dead: boolean };
  runAs(other.root, () => {
    abroad = spawn(async () => {
      seen.push(getHub(), await queue.get(), getHub());
      seen.push(await spawn(() => getHub()).get());
    });
  }, undefined);
  await turn();
  assertEquals([other.stats().greenlets, getHub().stats().greenlets], [1, 0]);
  queue.putNowait("from home");
  while (!abroad!.dead) await turn();
  for (const [i, expected] of [other, "from home", other, other].entries()) {
    assertStrictEquals(seen[i], expected);
  }
});

function capturePrints(): Disposable & { readonly text: () => string } {
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (...args) => printed.push(...args);
  return { text: () => printed.map(String).join("\n"), [Symbol.dispose]: () => console.error = error };
}

Deno.test("Hub.onError prints the error and the greenlet, and says so where it is no Error", async () => {
  using prints = capturePrints();
  const failing = spawnWith({ name: "parser" }, () => {
    throw new RangeError("bad byte");
  });
  const odd = spawnWith({ name: "odd" }, () => Promise.reject("just text"));
  await joinAll([failing, odd]);
  const text = prints.text();
  assertStringIncludes(text, "RangeError: bad byte");
  assertStringIncludes(text, "parser failed with RangeError");
  assertStringIncludes(text, "Not an Error: just text");
  assertStringIncludes(text, "odd failed with Error");
});

Deno.test("Hub.onError prints the name of a callback, and with hub.debug where a greenlet was spawned", async () => {
  using prints = capturePrints();
  const hub = getHub();
  const { debug } = hub;
  hub.runCallback(function cleanUp() {
    throw new Error("cannot clean up");
  });
  hub.debug = true;
  try {
    const failing = spawn(() => {
      throw new Error("spawned here");
    });
    await failing.join();
  } finally {
    hub.debug = debug;
  }
  const text = prints.text();
  assertStringIncludes(text, "callback cleanUp failed with Error");
  assert(/spawned\n.*hub_turns_test\.ts/.test(text), text);
});

Deno.test("Hub.handleError() leaves GreenletExit alone: a kill is quiet", async () => {
  using prints = capturePrints();
  const greenlet = spawn(() => sleep(60_000));
  await sleep();
  await greenlet.kill();
  assertEquals(prints.text(), "");
});

Deno.test("Hub wakes sleepers while the greenlet with the token awaits nothing that would give it back", async () => {
  const [news, never] = [new Event(), new Event()];
  const reader = spawn(() => Promise.all([news.wait(), never.wait()]));
  await turn();
  await turn();
  // From here on, what happens in one turn of the hub: nothing that would arm another one.
  const sleeper = spawn(() => sleep(1));
  getHub().runCallback(() => news.set());
  for (let i = 0; i < 100 && !sleeper.ready; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals([sleeper.ready, reader.ready], [true, false]);
  await reader.kill();
});

Deno.test("Hub.stats() does not count a greenlet as detached that went on by another of its waits", async () => {
  const [one, other] = [new Event(), new Event()];
  const reader = spawn(async () => {
    await Promise.all([one.wait(), other.wait()]);
    await new Event().wait();
  });
  await sleep();
  one.set();
  other.set();
  await turn(); // after the first of the two the reader had no wait left, but no other one either
  await turn();
  await turn();
  assertEquals([getHub().stats().detached, reader.ready], [0, false]);
  await reader.kill();
});

/** Lets a greenlet hold the token while it awaits something foreign, until disposed. */
async function foreignHolder(): Promise<AsyncDisposable> {
  const foreign = Promise.withResolvers<void>();
  const holder = spawn(() => foreign.promise);
  await turn();
  await turn();
  assertStrictEquals(getHub().holder as unknown, holder);
  return {
    async [Symbol.asyncDispose]() {
      foreign.resolve();
      await holder.join();
    },
  };
}

/** Whether `task` ends within a time that is long for it. */
async function endsSoon(task: { readonly ready: boolean }): Promise<boolean> {
  for (let i = 0; i < 100 && !task.ready; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  return task.ready;
}

Deno.test("Hub wakes code outside in time while a greenlet with the token awaits something foreign", async () => {
  for (const wait of [() => sleep(1), () => new Event().wait({ timeout: 1 })]) {
    await using _holder = await foreignHolder();
    const outside = { ready: false };
    void wait().then(() => outside.ready = true);
    assertEquals(await endsSoon(outside), true);
  }
});

Deno.test("Hub wakes a greenlet that came back in time while another one awaits something foreign", async () => {
  const foreign = Promise.withResolvers<void>();
  const back = spawn(async () => {
    await foreign.promise;
    await sleep(1);
  });
  await turn();
  await sleep();
  await using _holder = await foreignHolder();
  assertEquals(getHub().stats().detached, 1);
  foreign.resolve();
  assertEquals(await endsSoon(back), true);
});

Deno.test("Hub.join() ends when code outside cancels the last timer", async () => {
  for (const make of [() => Timeout.start(60_000), () => spawnLater(60_000, () => {})]) {
    const last = make();
    const joined = { ready: false };
    void getHub().join().then(() => joined.ready = true);
    await turn();
    if (last instanceof Timeout) last.cancel();
    else last.throw("not needed");
    assertEquals(await endsSoon(joined), true);
  }
});

Deno.test("Hub.wakeFromEventLoop() lets what it wakes run at once, however often it is called", async () => {
  const hub = getHub();
  const { switchInterval } = hub;
  spawn(() => {});
  await turn(); // takes the token from the code outside, which may have it
  await turn();
  hub.switchInterval = 0; // a slice is over as soon as the hub looks at the clock
  const late: number[] = [];
  for (let i = 0; i < 200; i++) {
    let ran = false;
    hub.wakeFromEventLoop(() => new Greenlet(() => ran = true).start());
    if (!ran) late.push(i);
  }
  hub.switchInterval = switchInterval;
  await turn();
  assertEquals(late, []);
});
