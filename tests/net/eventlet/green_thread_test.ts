import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { eventlet, getHub, Greenlet, GreenletExit, simulate, sleep, spawn, Timeout } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";

Deno.test("GreenThread.wait() returns the result to all who wait, as often as they ask", async () => {
  const thread = eventlet.spawn(async (n: number) => {
    await sleep();
    return n * 2;
  }, 21);
  const waiters = [1, 2, 3].map(() => eventlet.spawn(() => thread.wait()));
  assertEquals(await Promise.all(waiters.map((waiter) => waiter.wait())), [42, 42, 42]);
  assertEquals(await thread.wait(), 42);
  const { wait } = thread;
  assert(!("then" in thread) && typeof wait === "function");
});

Deno.test("GreenThread.wait() throws the error, the same to all", async () => {
  using errors = captureErrors();
  const failure = new RangeError("no");
  const thread = eventlet.spawn(() => {
    throw failure;
  });
  for (let i = 0; i < 2; i++) assertStrictEquals(await thread.wait().catch((error) => error), failure);
  assertEquals(errors.seen, [failure]);
});

Deno.test("GreenThread.wait() throws GreenletExit if it was killed, or threw one", async () => {
  const thrower = eventlet.spawn(() => {
    throw new GreenletExit("on purpose");
  });
  await assertRejects(() => thrower.wait(), GreenletExit, "on purpose");
  const killed = eventlet.spawn(() => sleep(60_000));
  const waiter = eventlet.spawn(() => killed.wait());
  await sleep();
  await killed.kill("enough");
  await assertRejects(() => waiter.wait(), GreenletExit, "enough");
  assert(killed.successful);
});

Deno.test("GreenThread.wait() returns a GreenletExit that was returned", async () => {
  const exit = new GreenletExit();
  assertStrictEquals(await eventlet.spawn(() => exit).wait(), exit);
});

Deno.test("GreenThread.wait() takes limits", async () => {
  await simulate(async () => {
    const thread = eventlet.spawn(() => sleep(10).then(() => "late"));
    await assertRejects(() => thread.wait({ timeout: 5 }), Timeout);
    assertThrows(() => thread.wait({ timeout: -1 }), RangeError, "received -1");
    assertEquals(await thread.wait({ timeout: 10 }), "late");
  });
});

Deno.test("GreenThread.wait() that nobody awaits is quiet", async () => {
  const thread = eventlet.spawn(() => sleep(60_000));
  void thread.wait();
  await sleep();
  await thread.kill();
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("GreenThread.link() calls in the order of the links, before anybody resumes who waits", async () => {
  const log: unknown[] = [];
  const thread = eventlet.spawn(async () => {
    await sleep();
    return "result";
  });
  const waiter = eventlet.spawn(async () => void log.push(await thread.wait()));
  await sleep();
  thread.link((gt, ...args: unknown[]) => log.push([gt === thread, ...args]), 1, "two");
  thread.link(() => log.push("second"));
  await waiter.wait();
  assertEquals(log, [[true, 1, "two"], "second", "result"]);
});

Deno.test("GreenThread.link() of one that has ended calls at once", async () => {
  const thread = eventlet.spawn(() => 1);
  await thread.wait();
  const log: unknown[] = [];
  thread.link((gt, name: string) => log.push(name, gt.value), "link");
  assertEquals(log, ["link", 1]);
});

Deno.test("GreenThread.link() in a link is called in its turn, not inside the other", async () => {
  const log: string[] = [];
  const thread = eventlet.spawn(() => {});
  thread.link(() => {
    thread.link(() => log.push("relinked"));
    log.push("first");
  });
  thread.link(() => log.push("second"));
  await thread.wait();
  assertEquals(log, ["first", "second", "relinked"]);
  const again: string[] = [];
  thread.link(() => {
    thread.link(() => again.push("relinked"));
    again.push("first");
  });
  assertEquals(again, ["first", "relinked"]);
});

Deno.test("GreenThread.link() that fails is reported and does not stop the others", async () => {
  using errors = captureErrors();
  const failures = [new Error("at once"), new Error("later")];
  const log: unknown[] = [];
  const thread = eventlet.spawn(() => 5);
  thread.link(() => {
    throw failures[0];
  });
  thread.link(() => sleep().then(() => Promise.reject(failures[1])));
  thread.link(() => log.push("third"));
  assertEquals(await thread.wait(), 5);
  assertEquals(log, ["third"]);
  for (let i = 0; i < 3; i++) await sleep();
  assertEquals(errors.seen, failures);
});

Deno.test("GreenThread.link() may wait, for the result as well, and is nobody's greenlet", async () => {
  const log: unknown[] = [];
  const done = new eventlet.Event();
  const thread = eventlet.spawn(() => "result");
  thread.link(async (gt) => {
    log.push(eventlet.getcurrent(), await gt.wait());
    await sleep();
    done.send();
  });
  await done.wait();
  assertEquals(log, [undefined, "result"]);
});

Deno.test("GreenThread.link() that waits does not take the turn of who kills the thread", async () => {
  const log: string[] = [];
  const thread = new eventlet.GreenThread(() => {});
  thread.link(() => {
    log.push(`link of ${eventlet.getcurrent()?.name}`);
    return sleep();
  });
  const killer = eventlet.spawn(async () => {
    await sleep();
    eventlet.spawn(() => log.push("other"));
    thread.throw("enough"); // it has not begun: the link is called here
    log.push("killer");
  });
  await killer.wait();
  await sleep();
  assertEquals(log, ["link of undefined", "killer", "other"]);
});

Deno.test("GreenThread.unlink() removes the first link with the same callback and arguments", async () => {
  const log: string[] = [];
  const thread = eventlet.spawn(() => {});
  const note = (_: unknown, ...words: string[]) => log.push(words.join(" "));
  thread.link(note, "a");
  thread.link(note, "b");
  thread.link(note, "a");
  thread.link(note);
  assertEquals(thread.unlink(note, "c"), false);
  assertEquals(thread.unlink(note, "a", "b"), false);
  assertEquals(thread.unlink((_: unknown, ...__: string[]) => {}, "a"), false);
  assertEquals(thread.unlink(note, "a"), true);
  await thread.wait();
  assertEquals(log, ["b", "a", ""]);
  assertEquals(thread.unlink(note, "a"), false);
});

Deno.test("GreenThread.link() returns what removes that very link", async () => {
  const log: string[] = [];
  const thread = eventlet.spawn(() => {});
  const note = (_: unknown, word: string) => log.push(word);
  const links = ["a", "b", "a"].map((word) => thread.link(note, word));
  links[2]![Symbol.dispose]();
  links[2]![Symbol.dispose]();
  await thread.wait();
  assertEquals(log, ["a", "b"]);
});

Deno.test("GreenThread.link() refuses what is not a function", () => {
  const thread = new eventlet.GreenThread(() => {});
  assertThrows(() => thread.link(5 as never), TypeError, "received 5");
});

Deno.test("GreenThread.kill() with options waits for the end, and so does await using", async () => {
  const log: string[] = [];
  const work = (name: string) => async () => {
    try {
      await sleep(60_000);
    } finally {
      await sleep(1);
      log.push(name);
    }
  };
  const thread = eventlet.spawn(work("killed"));
  await sleep();
  assertEquals(await thread.kill(undefined, {}), true);
  {
    await using _thread = eventlet.spawn(work("disposed"));
    await sleep();
  }
  assertEquals(log, ["killed", "disposed"]);
});

Deno.test("GreenThread.spawn() and spawnLater() make green threads", async () => {
  const threads = [
    eventlet.GreenThread.spawn((n: number) => n, 1),
    eventlet.GreenThread.spawnLater(1, () => 2),
  ];
  assert(threads.every((thread) => thread instanceof eventlet.GreenThread && thread instanceof Greenlet));
  assertEquals(await Promise.all(threads.map((thread) => thread.wait())), [1, 2]);
  assertThrows(() => eventlet.GreenThread.spawn(5 as never), TypeError, "received 5");
  assertThrows(() => eventlet.GreenThread.spawnLater(1, 5 as never), TypeError, "received 5");
});

Deno.test("GreenThread is a greenlet for the rest of the library", async () => {
  const thread = eventlet.spawn(() => "value");
  const plain = spawn(() => thread.get());
  assertEquals([await plain.get(), await thread.join()], ["value", true]);
  assertEquals(getHub().stats().greenlets, 0);
});
