import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  eventlet,
  getHub,
  GreenletExit,
  isKill,
  joinAll,
  simulate,
  sleep,
  spawn,
  task,
  tasks,
  ThreadError,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";

const { execute, killall, setNumThreads, setup } = eventlet.tpool;
const module = new URL("./tpool_work.ts", import.meta.url);
const work = tasks<typeof import("./tpool_work.ts")>(module);

/** A gate for tasks in threads: how many have come to it is `state[1]`. */
function makeGate() {
  const state = new Int32Array(new SharedArrayBuffer(8));
  return {
    state,
    /** Waits until so many have come. */
    async reached(count: number) {
      for (let n; (n = Atomics.load(state, 1)) < count;) {
        const change = Atomics.waitAsync(state, 1, n);
        if (change.async) await change.value;
      }
    },
    open() {
      Atomics.store(state, 0, 1);
      Atomics.notify(state, 0);
    },
    get begun() {
      return Atomics.load(state, 1);
    },
  };
}

/** Sets how many threads there may be, and ends them with the block. */
function threads(count = 20): AsyncDisposable {
  setNumThreads(count);
  return {
    async [Symbol.asyncDispose]() {
      await killall({ timeout: 0 });
      setNumThreads(20);
    },
  };
}

function threadName(): string {
  return (globalThis as { name?: string }).name!;
}

// ---- execute() -----------------------------------------------------------------------------------

Deno.test("tpool.execute() runs functions and functions of modules in another thread", async () => {
  await using _threads = threads();
  const fetched = execute(threadName);
  let other = false;
  spawn(() => other = true);
  assertEquals([await fetched, other], ["eventlet.tpool 1", true]);
  assertEquals(await execute((a: number, b: { c: number }) => a + b.c, 1, { c: 2 }), 3);
  const gate = makeGate();
  gate.open();
  assertEquals(await execute(work.gate, gate.state, "through"), "through");
});

Deno.test("tpool.execute() throws the error of the task", async () => {
  await using _threads = threads();
  await assertRejects(
    () =>
      execute(() => {
        throw new RangeError("from there");
      }),
    RangeError,
    "from there",
  );
  // eventlet would raise the second item of such a tuple
  assertEquals(((await execute(() => [1, new Error("just a value"), 3])) as unknown[]).length, 3);
  await assertRejects(
    () =>
      execute(() => {
        close();
        return new Promise(() => {});
      }),
    ThreadError,
  );
});

Deno.test("tpool.execute() refuses what is no task at the call, and starts nothing", async () => {
  await using _threads = threads();
  for (const bad of [undefined, 5, "text"]) {
    assertThrows(() => execute(bad as never), TypeError, "Cannot execute in tpool: task must be a function");
  }
  assertThrows(() => execute(String), TypeError, "native");
  setNumThreads(3); // nobody has used it
  assertThrows(() => execute((f: () => void) => f(), () => {}), DOMException);
});

for (const count of [0, 1]) {
  Deno.test(`tpool.execute() in a hub callback is refused (${count} threads)`, async () => {
    await using _threads = threads(count);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    getHub().runCallback(() => {
      let error: unknown;
      try {
        void execute(() => {});
      } catch (e) {
        error = e;
      }
      resolve(error);
    });
    assertInstanceOf(await promise, BlockingSwitchOutError);
  });
}

Deno.test("tpool.execute() runs as many at once as there are threads, the others first come first served", async () => {
  await using _threads = threads(2);
  const gate = makeGate();
  const done: string[] = [];
  const run = (name: string) => spawn(async () => done.push(await execute(work.gate, gate.state, name)));
  const first = ["a", "b"].map(run);
  await gate.reached(2);
  const order = new Int32Array(new SharedArrayBuffer(16));
  const second = [1, 2, 3].map((n) =>
    spawn(() =>
      execute(
        (order: Int32Array, n: number) => {
          order[Atomics.add(order, 0, 1) + 1] = n;
        },
        order,
        n,
      )
    )
  );
  await sleep();
  assertEquals([gate.begun, order[0]], [2, 0]);
  gate.open();
  await joinAll([...first, ...second], { raiseError: true });
  assertEquals([done.toSorted(), [...order.slice(1)].toSorted()], [["a", "b"], [1, 2, 3]]);
});

Deno.test("tpool.execute() has 20 threads if nothing else was said", async () => {
  using _errors = captureErrors();
  const gate = makeGate();
  const calls = Array.from({ length: 21 }, () =>
    spawn(() =>
      execute((state: Int32Array) => {
        Atomics.add(state, 1, 1);
        Atomics.notify(state, 1);
        Atomics.wait(state, 0, 0);
      }, gate.state)
    ));
  await gate.reached(20);
  const last = calls.at(-1)!;
  await last.kill();
  gate.open();
  await joinAll(calls);
  assertEquals([gate.begun, calls.filter((call) => isKill(call.value))], [20, [last]]);
  await killall();
});

Deno.test("tpool.execute() that is queued begins in the order of the calls", async () => {
  await using _threads = threads(1);
  const gate = makeGate();
  const log: number[] = [];
  const calls = [spawn(() => execute(work.gate, gate.state, ""))];
  await gate.reached(1);
  for (const n of [1, 2, 3]) {
    calls.push(spawn(async () => void log.push(await execute((n: number) => n, n)) as never));
  }
  await sleep();
  gate.open();
  await joinAll(calls, { raiseError: true });
  assertEquals(log, [1, 2, 3]);
});

Deno.test("tpool.execute() that is killed ends at once, and so it does when it is timed out", async () => {
  using _errors = captureErrors();
  await using _threads = threads(1);
  const gate = makeGate();
  const running = eventlet.spawn(() => execute(work.gate, gate.state, "dropped"));
  await gate.reached(1);
  const queued = eventlet.spawn(() => execute(work.gate, gate.state, "never"));
  const timedOut = eventlet.spawn(() =>
    new eventlet.Timeout(1).run(() => execute(work.gate, gate.state, "never"))
  );
  await assertRejects(() => timedOut.wait(), eventlet.Timeout);
  await queued.kill();
  await running.kill();
  await assertRejects(() => queued.wait(), GreenletExit);
  await assertRejects(() => running.wait(), GreenletExit);
  assertEquals(gate.begun, 1); // it is still at the gate
  const next = execute(() => "next");
  gate.open();
  assertEquals([await next, gate.begun], ["next", 1]); // the queued ones never ran
});

Deno.test("tpool.execute() that is killed before it waits begins nothing", async () => {
  for (const count of [0, 1]) {
    await using _threads = threads(count);
    const gate = makeGate();
    gate.open();
    const g = spawn(async function victim() {
      g.kill(undefined, { block: false });
      await execute(work.gate, gate.state, "never");
    });
    await g.join();
    assert(isKill(g.value));
    assertEquals(gate.begun, 0);
  }
});

Deno.test("tpool.execute() reports the error of a task that nobody waits for any more", async () => {
  using errors = captureErrors();
  const gate = makeGate();
  const g = spawn(() =>
    execute((state: Int32Array) => {
      Atomics.add(state, 1, 1);
      Atomics.notify(state, 1);
      Atomics.wait(state, 0, 0);
      throw new RangeError("unheard");
    }, gate.state)
  );
  await gate.reached(1);
  await g.kill();
  gate.open();
  await killall();
  assertEquals(errors.seen.map(String), ["RangeError: unheard"]);
});

Deno.test("tpool.execute() in a thread of tpool runs in that thread, so that nothing waits in a circle", async () => {
  await using _threads = threads(1);
  const names = (await execute(work.nested, 3)).split(" > ");
  assertEquals(names, Array(4).fill("eventlet.tpool 1"));
});

// ---- Without threads -----------------------------------------------------------------------------

Deno.test("tpool.execute() without threads runs in the greenlet of the caller", async () => {
  await using _threads = threads(0);
  setup();
  const seen: unknown[] = [];
  const g = eventlet.spawn(() =>
    execute(async (list: unknown[]) => {
      list.push(eventlet.getcurrent());
      await eventlet.sleep();
      return "here";
    }, seen)
  );
  assertEquals([await g.wait(), seen[0] === g], ["here", true]);
  await assertRejects(
    () =>
      execute(() => {
        throw new RangeError("here");
      }),
    RangeError,
  );
  assertThrows(() => execute(5 as never), TypeError, "5");
  assertThrows(() => execute(String), TypeError, "native");
  assertEquals(await killall(), true);
});

Deno.test("tpool.execute() without threads loads modules", async () => {
  await using _threads = threads(0);
  const gate = makeGate();
  gate.open();
  assertEquals([await execute(work.gate, gate.state, "x"), gate.begun], ["x", 1]);
  await assertRejects(
    () => execute(task<[], void>(module, "nothing")),
    TypeError,
    'tpool_work.ts exports no function "nothing"',
  );
  await assertRejects(
    () => execute(task<[], void>("data:text/javascript,syntax error", "x")),
    Error,
    "Expected",
  );
});

Deno.test("tpool.execute() without threads that is killed ends at its next wait", async () => {
  await using _threads = threads(0);
  const g = eventlet.spawn(() => execute(() => eventlet.sleep(60_000)));
  await sleep();
  await g.kill();
  await assertRejects(() => g.wait(), GreenletExit);
});

// ---- setNumThreads(), setup() --------------------------------------------------------------------

Deno.test("tpool.setNumThreads() refuses what is no number of threads", () => {
  for (const bad of [-1, 1.5, NaN, Infinity]) {
    assertThrows(
      () => setNumThreads(bad),
      RangeError,
      `Cannot set number of threads: count must be a non-negative integer, received ${bad}`,
    );
  }
});

Deno.test("tpool.setNumThreads() is refused from the first use until killall()", async () => {
  await using _threads = threads(2);
  setup();
  setup();
  assertThrows(() => setNumThreads(4), Error, "Cannot set number of threads to 4: tpool is in use");
  await killall();
  setNumThreads(4);
  await execute(() => {});
  assertThrows(() => setNumThreads(0), Error, "in use");
  assertEquals(await execute(threadName), "eventlet.tpool 1"); // it still has threads
});

Deno.test("tpool.setup() without threads changes nothing", async () => {
  await using _threads = threads(0);
  setup();
  setNumThreads(1);
  assertEquals(await execute(threadName), "eventlet.tpool 1");
});

Deno.test("tpool has threads for each hub", async () => {
  await using _threads = threads(0);
  await simulate(async () => {
    assertEquals(await execute(threadName), "eventlet.tpool 1");
    await killall();
  });
});

// ---- killall() -----------------------------------------------------------------------------------

Deno.test("tpool.killall() does nothing if there is nothing", async () => {
  assertEquals([await killall(), await killall({ timeout: 0 })], [true, true]);
});

Deno.test("tpool.killall() waits for what is running and queued", async () => {
  await using _threads = threads(1);
  const gate = makeGate();
  const calls = ["running", "queued"].map((name) => spawn(() => execute(work.gate, gate.state, name)));
  await gate.reached(1);
  const killing = spawn(() => killall());
  await sleep();
  assertEquals(killing.ready, false);
  gate.open();
  assertEquals(await killing.get(), true);
  await joinAll(calls);
  assertEquals(calls.map((call) => call.value), ["running", "queued"]);
});

Deno.test("tpool.killall() never hangs: what has not ended in time fails, the rest is delivered", async () => {
  using _errors = captureErrors();
  await using _threads = threads(2);
  const gate = makeGate();
  const calls = [
    spawn(() => execute(() => "done")),
    spawn(() => execute(work.gate, gate.state, "running")),
    spawn(() => execute(work.gate, gate.state, "running too")),
    spawn(() => execute(() => "queued")),
  ];
  const results = calls.map((call) => call.get().catch((error) => error.name));
  await gate.reached(2);
  assertEquals(await killall({ timeout: 1 }), false);
  assertEquals(await Promise.all(results), ["done", "ThreadError", "ThreadError", "ThreadError"]);
  assertEquals(await execute(() => "again"), "again"); // with new threads
});

for (const options of [undefined, {}, { timeout: undefined }]) {
  Deno.test(`tpool.killall(${Deno.inspect(options)}) has a limit, too`, async () => {
    await using _threads = threads(1);
    const gate = makeGate();
    const call = spawn(() => execute(work.gate, gate.state, "through"));
    await gate.reached(1);
    const killing = spawn(() => killall(options));
    await sleep();
    assertMatch(
      eventlet.debug.formatHubTimers(),
      /in (4\d\d\d|5000)\.\d ms .* ThreadPool\(eventlet\.tpool\) join/,
    );
    gate.open();
    await joinAll([killing, call], { raiseError: true });
  });
}

Deno.test("tpool.killall() that is killed ends the threads all the same", async () => {
  using _errors = captureErrors();
  await using _threads = threads(1);
  const gate = makeGate();
  const call = spawn(() => execute(work.gate, gate.state, ""));
  const failed = assertRejects(() => call.get(), ThreadError);
  await gate.reached(1);
  const killing = spawn(() => killall());
  await sleep();
  await killing.kill();
  await failed;
});

Deno.test("tpool.killall() whose signal aborts ends the threads all the same", async () => {
  using _errors = captureErrors();
  await using _threads = threads(1);
  const gate = makeGate();
  const call = spawn(() => execute(work.gate, gate.state, ""));
  const failed = assertRejects(() => call.get(), ThreadError);
  await gate.reached(1);
  await assertRejects(() => killall({ signal: AbortSignal.abort(new RangeError("enough")) }), RangeError);
  await failed;
});

Deno.test("tpool.killall() leaves what is executed meanwhile alone", async () => {
  await using _threads = threads(1);
  const gate = makeGate();
  const old = spawn(() => execute(work.gate, gate.state, "old"));
  await gate.reached(1);
  const killing = spawn(() => killall());
  await sleep();
  const name = execute(threadName); // eventlet would never run it
  gate.open();
  assertEquals([await killing.get(), await old.get(), await name], [true, "old", "eventlet.tpool 1"]);
});

Deno.test("tpool.killall() refuses bad limits at the call and ends nothing", async () => {
  await using _threads = threads();
  setup();
  for (const timeout of [-1, NaN]) {
    assertThrows(() => killall({ timeout }), RangeError, "Cannot kill tpool");
  }
  assertThrows(() => setNumThreads(1), Error, "in use");
});

Deno.test("tpool.killall() in a hub callback is refused, also if there is nothing", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  getHub().runCallback(() => {
    try {
      resolve(killall());
    } catch (error) {
      resolve(error);
    }
  });
  assertInstanceOf(await promise, BlockingSwitchOutError);
});

// ---- Proxy ---------------------------------------------------------------------------------------

type Work = typeof import("./tpool_work.ts");
type Counter = InstanceType<Work["Counter"]>;

Deno.test("tpool.Proxy makes an object of a class in a thread of its own and calls its methods there", async () => {
  using a = new eventlet.tpool.Proxy<Counter>(module, "Counter", 10);
  using b = new eventlet.tpool.Proxy<Counter>(String(module), "Counter", 20);
  assertEquals([await a.add(1), await b.add(1), await a.addLater(1), await a.add(1)], [11, 21, 12, 13]);
  assertEquals(await a.self(), "eventlet.tpool.Proxy 1");
  assertEquals(String(a), "Proxy of Counter");
});

Deno.test("tpool.Proxy makes an object by an asynchronous function, and of a class without methods", async () => {
  using counter = new eventlet.tpool.Proxy<Counter>(module, "makeCounter", 1);
  assertEquals(await counter.add(1), 2);
  using empty = new eventlet.tpool.Proxy<{ nothing(): void }>(module, "Empty");
  await assertRejects(
    () => empty.nothing(),
    TypeError,
    "Cannot call nothing(): the object has no such method",
  );
});

Deno.test("tpool.Proxy makes an object of a class of the platform", async () => {
  type DatabaseSync = import("node:sqlite").DatabaseSync;
  using db = new eventlet.tpool.Proxy<DatabaseSync>("node:sqlite", "DatabaseSync", ":memory:");
  assertEquals(await db.exec("create table t (n)"), undefined);
  await assertRejects(() => db.exec("nonsense"), Error, "nonsense");
});

Deno.test("tpool.Proxy is not thenable", async () => {
  using counter = new eventlet.tpool.Proxy<Counter>(module, "Counter", 1);
  assert(await counter === counter);
});

Deno.test("tpool.Proxy passes the errors of methods on", async () => {
  using counter = new eventlet.tpool.Proxy<Counter>(module, "Counter", 1);
  await assertRejects(() => counter.fail(), RangeError, "no");
  assertEquals(await counter.add(1), 2);
});

Deno.test("tpool.Proxy whose object cannot be made says why at every call", async () => {
  using errors = captureErrors();
  for (
    const [name, start, why] of [
      ["Counter", -1, "start must not be negative, received -1"],
      ["nothing", 1, 'exports no class or function "nothing"'],
      ["notAMaker", 1, 'exports no class or function "notAMaker"'],
    ] as const
  ) {
    using counter = new eventlet.tpool.Proxy<Counter>(module, name, start);
    for (let i = 0; i < 2; i++) await assertRejects(() => counter.add(1), Error, why);
  }
  using missing = new eventlet.tpool.Proxy<Counter>("data:text/javascript,syntax error", "x");
  await assertRejects(() => missing.add(1), Error, "Expected");
  assertEquals(errors.seen, []);
});

Deno.test("tpool.Proxy refuses bad arguments at the call and leaves no thread behind", () => {
  const { Proxy } = eventlet.tpool;
  const { terminate } = Worker.prototype;
  let terminated = 0;
  Worker.prototype.terminate = function () {
    terminated++;
    terminate.call(this);
  };
  try {
    assertThrows(() => new Proxy("./work.ts", "Counter"), TypeError, "absolute URL");
    assertThrows(() => new Proxy(module, ""), TypeError, "name");
    assertEquals(terminated, 0);
    assertThrows(() => new Proxy(module, "Counter", () => {}), DOMException);
    assertEquals(terminated, 1);
  } finally {
    Worker.prototype.terminate = terminate;
  }
});

Deno.test("tpool.Proxy calls one method after the other, and a killed call costs no other", async () => {
  using counter = new eventlet.tpool.Proxy<Counter>(module, "Counter", 0);
  const gate = makeGate();
  const running = spawn(() => counter.wait(gate.state));
  await gate.reached(1);
  const queued = spawn(() => counter.add(100));
  const last = spawn(() => counter.add(1));
  await sleep();
  await queued.kill();
  await running.kill();
  assertEquals(last.ready, false);
  gate.open();
  assertEquals(await last.get(), 1);
});

Deno.test("tpool.Proxy whose thread has ended has no object any more", async () => {
  const counter = new eventlet.tpool.Proxy<Counter>(module, "Counter", 0);
  await assertRejects(() => counter.leave(), ThreadError);
  for (let i = 0; i < 2; i++) {
    await assertRejects(
      async () => await counter.add(1),
      ThreadError,
      "Cannot call a method of Counter: its thread has ended",
    );
  }
  counter[Symbol.dispose]();
});

Deno.test("tpool.Proxy that is disposed fails what is going on and what comes", async () => {
  const gate = makeGate();
  const counter = new eventlet.tpool.Proxy<Counter>(module, "Counter", 0);
  const running = assertRejects(() => counter.wait(gate.state), ThreadError);
  await gate.reached(1);
  const queued = assertRejects(() => counter.add(1), ThreadError);
  counter[Symbol.dispose]();
  counter[Symbol.dispose]();
  await running;
  await queued;
  await assertRejects(async () => await counter.add(1), ThreadError, "its thread has ended");
});

Deno.test("tpool.Proxy keeps its object however long nobody calls", async () => {
  const { timers } = getHub().stats();
  using counter = new eventlet.tpool.Proxy<Counter>(module, "Counter", 0);
  await counter.add(1);
  assertEquals(getHub().stats().timers, timers); // none that would end the thread
});

Deno.test("tpool.Proxy is left alone by killall()", async () => {
  using counter = new eventlet.tpool.Proxy<Counter>(module, "Counter", 0);
  await execute(() => {});
  await killall();
  assertEquals(await counter.add(1), 1);
});

// ---- Processes -----------------------------------------------------------------------------------

Deno.test("tpool's idle threads keep no process alive", async () => {
  const program = `
    import { eventlet } from "${new URL("../../../mod.ts", import.meta.url)}";
    const counter = new eventlet.tpool.Proxy("${module}", "Counter", 1);
    console.log(await eventlet.tpool.execute((n) => n + 1, 1), await counter.add(1));
  `;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    cwd: new URL("../../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(60_000), // it should end by itself, and fails if it does not
  }).output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "2 2\n"]);
});
