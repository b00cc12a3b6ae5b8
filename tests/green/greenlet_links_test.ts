import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  AsyncResult,
  BlockingSwitchOutError,
  Event,
  getCurrent,
  Greenlet,
  Queue,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";

/** Lets links, and what they start, run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await sleep();
}

Deno.test("Greenlet.link() callbacks run in greenlets of their own, in the order of the links, after the end", async () => {
  const log: string[] = [];
  const greenlet = spawn(() => 5);
  greenlet.link(async (ended) => {
    log.push(`first ${ended.value}`);
    await sleep(); // may wait
    log.push("first waited");
  });
  greenlet.link(() => log.push(`second ${getCurrent() === greenlet}`));
  await greenlet.join();
  greenlet.link(() => log.push("late"));
  assertEquals(log, []);
  await settle();
  assertEquals(log, ["first 5", "second false", "first waited", "late"]);
});

Deno.test("Greenlet.rawlink() callbacks run in the hub, in the order of the links, with the greenlet", async () => {
  const log: unknown[] = [];
  const greenlet = spawn(() => 5);
  greenlet.rawlink((ended) => log.push(["first", ended === greenlet, ended.ready, getCurrent()]));
  greenlet.rawlink((ended) => log.push(["second", ended.value]));
  await greenlet.join();
  await settle();
  assertEquals(log, [["first", true, true, undefined], ["second", 5]]);
});

Deno.test("Greenlet.rawlink() of an ended greenlet runs soon, not at once", async () => {
  const greenlet = spawn(() => 5);
  await greenlet.join();
  const log: string[] = [];
  greenlet.rawlink(() => log.push("raw"));
  log.push("linked");
  await settle();
  assertEquals(log, ["linked", "raw"]);
});

Deno.test("Greenlet.rawlink() may link again: the new one runs once as well", async () => {
  const log: string[] = [];
  const greenlet = spawn(() => 5);
  greenlet.rawlink(() => {
    log.push("outer");
    greenlet.rawlink(() => log.push("inner"));
  });
  await greenlet.join();
  await settle();
  assertEquals(log, ["outer", "inner"]);
});

Deno.test("Greenlet.linkValue() and linkError() fire for their kind of end; a kill is a success", async () => {
  using _errors = captureErrors();
  const log: string[] = [];
  const watch = (name: string, body: () => unknown) => {
    const greenlet = spawn(body);
    greenlet.linkValue((ended) => log.push(`${name} value ${ended === greenlet}`));
    greenlet.linkError((ended) => log.push(`${name} error ${ended === greenlet}`));
    return greenlet;
  };
  watch("returns", () => 1);
  watch("throws", () => {
    throw new Error("x");
  });
  const killed = watch("killed", () => sleep(60_000));
  await sleep();
  await killed.kill();
  await settle();
  assertEquals(log, ["returns value true", "throws error true", "killed value true"]);
});

Deno.test("Greenlet.linkValue() and linkError() of an ended greenlet fire by its end, too", async () => {
  using _errors = captureErrors();
  const log: string[] = [];
  const failed = spawn(() => Promise.reject(new Error("x")));
  await failed.join();
  failed.linkValue(() => log.push("value"));
  failed.linkError(() => log.push("error"));
  await settle();
  assertEquals(log, ["error"]);
});

Deno.test("Greenlet.link() that fails is reported and does not stop the others", async () => {
  using errors = captureErrors();
  const log: string[] = [];
  const failures = ["raw", "link"].map((message) => new Error(message));
  const greenlet = spawn(() => 1);
  greenlet.rawlink(() => {
    throw failures[0];
  });
  greenlet.link(() => {
    throw failures[1];
  });
  greenlet.rawlink(() => log.push("raw ran"));
  greenlet.link(() => log.push("link ran"));
  await greenlet.join();
  await settle();
  assertEquals([log, errors.seen], [["raw ran", "link ran"], failures]);
});

Deno.test("Greenlet.rawlink() callback must not wait: BlockingSwitchOutError, others still fire", async () => {
  using errors = captureErrors();
  let fired = false;
  const greenlet = spawn(() => {});
  greenlet.rawlink(() => void sleep(1));
  greenlet.rawlink(() => fired = true);
  await greenlet.join();
  await settle();
  assertEquals([errors.seen.length, fired], [1, true]);
  assert(errors.seen[0] instanceof BlockingSwitchOutError);
});

Deno.test("Greenlet.unlink() and disposing remove a link, unknown ones are ignored", async () => {
  const log: string[] = [];
  const greenlet = spawn(() => 1);
  const callback = () => log.push("never");
  for (const method of ["link", "linkValue", "linkError", "rawlink"] as const) {
    greenlet[method](callback);
    greenlet.unlink(callback);
    greenlet.unlink(callback);
    {
      using _link = greenlet[method](callback);
    }
  }
  greenlet.unlink(() => {});
  assertEquals(greenlet.joiners.size, 0);
  await greenlet.join();
  await settle();
  assertEquals(log, []);
});

Deno.test("Greenlet.unlink() removes one link for each call, the oldest first", async () => {
  const log: string[] = [];
  const greenlet = spawn(() => 1);
  const twice = () => log.push("twice");
  greenlet.rawlink(twice);
  greenlet.rawlink(() => log.push("between"));
  greenlet.rawlink(twice);
  greenlet.unlink(twice);
  await greenlet.join();
  await settle();
  assertEquals(log, ["between", "twice"]);
});

Deno.test("Greenlet.unlink() and disposing by an earlier link keep a later one from firing", async () => {
  const log: string[] = [];
  const greenlet = spawn(() => {});
  const second = () => log.push("second");
  greenlet.rawlink(() => {
    greenlet.unlink(second);
    third[Symbol.dispose]();
  });
  greenlet.rawlink(second);
  const third = greenlet.link(() => log.push("third"));
  await greenlet.join();
  await settle();
  assertEquals(log, []);
});

Deno.test("Greenlet.link() disposed or unlinked after it fired is harmless, and it may be linked again", async () => {
  const log: string[] = [];
  const greenlet = spawn(() => {});
  const callback = () => log.push("fired");
  const link = greenlet.rawlink(callback);
  await greenlet.join();
  await settle();
  link[Symbol.dispose]();
  greenlet.unlink(callback);
  greenlet.rawlink(callback);
  await settle();
  assertEquals(log, ["fired", "fired"]);
});

Deno.test("Greenlet links hand its end to whatever takes it: a queue, a result, an event", async () => {
  const queue = new Queue<Greenlet<number>>(1);
  const result = new AsyncResult<number>();
  const event = new Event();
  const greenlet = spawn(() => 5);
  greenlet.link((ended) => queue.put(ended)); // may wait
  greenlet.rawlink((ended) => result.set(ended.value as number));
  greenlet.rawlink(() => event.set());
  assertStrictEquals(await queue.get(), greenlet);
  assertEquals([await result.get(), await event.wait()], [5, true]);
});

Deno.test("Greenlet.link() and its kin throw TypeError with the value, and link nothing", () => {
  const greenlet = new Greenlet(() => {});
  for (const method of ["link", "linkValue", "linkError", "rawlink"] as const) {
    assertThrows(
      () => greenlet[method]("text" as never),
      TypeError,
      "Cannot link greenlet: callback must be a function, received text",
    );
  }
  assertEquals(greenlet.links, undefined);
});
