/** What all watchers have in common. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  getCurrent,
  getHub,
  type Hub,
  simulate,
  sleep,
  spawn,
  type Watcher,
} from "@verdant/green";
import { captureErrors, turn } from "../../helpers.ts";

/** Each kind, unstarted. */
const KINDS: Record<string, (hub: Hub) => Watcher> = {
  timer: (hub) => hub.timer(60_000),
  signal: (hub) => hub.signal("SIGUSR2"),
  idle: (hub) => hub.idle(),
  prepare: (hub) => hub.prepare(),
  check: (hub) => hub.check(),
  async: (hub) => hub.async(),
};

for (const [kind, make] of Object.entries(KINDS)) {
  Deno.test(`Watcher says what it is: a ${kind} watcher that is not started`, () => {
    using watcher = make(getHub());
    const { active, pending, closed, ref, callback, args, label } = watcher;
    assertEquals(
      { active, pending, closed, ref, callback, args, label },
      {
        active: false,
        pending: false,
        closed: false,
        ref: true,
        callback: undefined,
        args: undefined,
        label: `${kind} watcher`,
      },
    );
    assertEquals(getHub().stats().timers, 0);
  });

  Deno.test(`Watcher.start() takes a function and what it gets, stop() forgets them (${kind})`, () => {
    using watcher = make(getHub());
    const callback = (_a: number, _b: string) => {};
    watcher.start(callback, 1, "two");
    assertEquals([watcher.active, watcher.pending], [true, false]);
    assertEquals([watcher.callback as unknown, watcher.args], [callback, [1, "two"]]);
    const other = () => {};
    watcher.start(other);
    assertEquals([watcher.active, watcher.callback, watcher.args], [true, other, []]);
    watcher.stop();
    watcher.stop();
    assertEquals([watcher.active, watcher.callback, watcher.args], [false, undefined, undefined]);
    watcher.start(other);
    assertEquals(watcher.active, true);
  });

  Deno.test(`Watcher.start() refuses what is no function and changes nothing (${kind})`, () => {
    using watcher = make(getHub());
    for (const nonsense of [undefined, null, 5, "text"]) {
      const message = `Cannot start ${kind} watcher: callback must be a function, received ${nonsense}`;
      assertThrows(() => watcher.start(nonsense as never), TypeError, message);
    }
    assertEquals([watcher.active, watcher.callback], [false, undefined]);
    const callback = () => {};
    watcher.start(callback);
    assertThrows(() => watcher.start(null as never), TypeError);
    assertEquals([watcher.active, watcher.callback], [true, callback]);
  });

  Deno.test(`Watcher.start() refuses once it is closed (${kind})`, () => {
    const watcher = make(getHub());
    {
      using closing = watcher;
      closing.start(() => {});
    }
    watcher.close();
    assertEquals([watcher.closed, watcher.active], [true, false]);
    assertThrows(() => watcher.start(() => {}), Error, `Cannot start ${kind} watcher: it is closed`);
    watcher.stop();
    assertEquals([watcher.active, watcher.callback], [false, undefined]);
  });

  Deno.test(`Watcher keeps hub.join() waiting while it is active and ref is true (${kind})`, async () => {
    const hub = getHub();
    const isDry = async () => {
      const greenlet = spawn(() => hub.join({ timeout: 5 }));
      return await greenlet.get();
    };
    using watcher = make(hub);
    assertEquals(await isDry(), true);
    watcher.start(() => {});
    assertEquals(await isDry(), false);
    watcher.ref = false;
    assertEquals([await isDry(), watcher.active, watcher.ref], [true, true, false]);
    watcher.ref = true;
    watcher.ref = true;
    assertEquals(await isDry(), false);
    watcher.stop();
    assertEquals(await isDry(), true);
    watcher.ref = false;
    watcher.start(() => {});
    assertEquals(await isDry(), true);
    watcher.stop();
    watcher.ref = true;
    assertEquals([hub.watchers?.refs ?? 0, hub.stats().foreignWaits, hub.timers.refs], [0, 0, 0]);
  });

  Deno.test(`Watcher.stop() lets those go who waited for the hub to be done (${kind})`, async () => {
    const hub = getHub();
    using watcher = make(hub);
    watcher.start(() => {});
    const joined = hub.join();
    await turn();
    watcher.stop();
    assertEquals(await joined, true);
  });
}

Deno.test("Watcher calls in the hub, outside greenlets, where nothing can wait", async () => {
  await simulate(async (world) => {
    const hub = getHub();
    const seen: unknown[] = [];
    hub.onError = (context, error) => seen.push(context, error);
    using timer = hub.timer(10);
    timer.start(() => {
      seen.push(getCurrent(), getHub() === hub);
      void sleep(1);
    });
    await world.advance(10);
    assertEquals(seen.slice(0, 3), [undefined, true, timer]);
    assert(seen[3] instanceof BlockingSwitchOutError);
    assertEquals(seen.length, 4);
  });
});

Deno.test("Watcher stays active when its function fails", async () => {
  await simulate(async (world) => {
    const hub = getHub();
    const errors: unknown[] = [];
    hub.onError = (_context, error) => errors.push(error);
    using timer = hub.timer(10, { repeat: 10 });
    timer.start(() => {
      throw new Error(`at ${world.now}`);
    });
    await sleep(25);
    assertEquals(errors.map(String), ["Error: at 10", "Error: at 20"]);
    assertEquals([timer.active, timer.pending], [true, false]);
  });
});

Deno.test("Watcher reports the error of a function that is async all the same", async () => {
  const failure = new Error("later");
  using errors = captureErrors();
  using idle = getHub().idle();
  idle.start(async () => {
    idle.stop();
    await null;
    throw failure;
  });
  await turn();
  await turn();
  assertEquals(errors.seen, [failure]);
});

Deno.test("Watcher reports errors by its name", async () => {
  const { error } = console;
  const lines: string[] = [];
  console.error = (line: unknown) => lines.push(String(line));
  try {
    using idle = getHub().idle();
    idle.start(() => {
      idle.stop();
      throw new RangeError("printed");
    });
    await turn();
    await turn();
  } finally {
    console.error = error;
  }
  assertStringIncludes(lines.join("\n"), "idle watcher failed with RangeError");
});

Deno.test("Watcher is pending from the event until its function is called, once", async () => {
  const states: boolean[] = [];
  using async = getHub().async();
  let calls = 0;
  async.start(() => {
    calls++;
    states.push(async.pending);
  });
  states.push(async.pending);
  async.send();
  async.send();
  states.push(async.pending);
  await sleep();
  assertEquals([states, calls, async.active], [[false, true, false], 1, true]);
});

Deno.test("Watcher.stop() withdraws the call that is pending", async () => {
  const seen: string[] = [];
  using async = getHub().async();
  async.start(() => seen.push("first"));
  async.send();
  async.stop();
  assertEquals(async.pending, false);
  async.start(() => seen.push("second"));
  await sleep();
  assertEquals(seen, []);
  async.send();
  await sleep();
  assertEquals(seen, ["second"]);
});

Deno.test("Watcher.start() of one that is pending has the new function called", async () => {
  const seen: string[] = [];
  using async = getHub().async();
  async.start(() => seen.push("old"));
  async.send();
  async.start((word: string) => seen.push(word), "new");
  await sleep();
  assertEquals(seen, ["new"]);
});

Deno.test("Watcher may be closed by its own function", async () => {
  const async = getHub().async();
  async.start(() => async.close());
  async.send();
  await sleep();
  assertEquals([async.closed, async.active, async.callback], [true, false, undefined]);
});

Deno.test("Watcher wakes whoever waits for what its function sets", async () => {
  await simulate(async () => {
    const event = new Event();
    using timer = getHub().timer(1_000);
    timer.start(() => event.set());
    assertEquals(await event.wait(), true);
  });
});

Deno.test("Watcher that is killed with the greenlet that uses it is closed", async () => {
  await simulate(async (world) => {
    const seen: string[] = [];
    const greenlet = spawn(async () => {
      using timer = getHub().timer(10, { repeat: 10 });
      timer.start(() => seen.push("tick"));
      await sleep(60_000);
    });
    await world.advance(15);
    await greenlet.kill();
    await world.advance(100);
    assertEquals([seen, getHub().stats().timers], [["tick"], 0]);
  });
});

Deno.test("Watcher that cannot begin is not active", () => {
  const hub = getHub();
  using timer = hub.timer(1);
  const { startTimer } = hub;
  hub.startTimer = () => {
    throw new Error("no timers today");
  };
  try {
    assertThrows(() => timer.start(() => {}), Error, "no timers today");
  } finally {
    hub.startTimer = startTimer;
  }
  assertEquals([timer.active, timer.callback], [false, undefined]);
});
