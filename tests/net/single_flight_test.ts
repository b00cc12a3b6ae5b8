import { assert, assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import {
  Event,
  explore,
  type ExploreOptions,
  getHub,
  Greenlet,
  isKill,
  joinAll,
  sleep,
  spawn,
  spawnWith,
  Timeout,
  type WaitOptions,
} from "@verdant/green";
import { callerTask, expireThrowing, planWait } from "../../hub/mod.ts";
import { SingleFlight } from "../../net/single_flight.ts";

const tooLate = expireThrowing(() => new Timeout(0, { message: "too late" }));

/** Work of which one can see what becomes of it. */
class Work {
  readonly flights = new SingleFlight<number>();
  readonly go = new Event();
  begun = 0;
  done = 0;
  killed = 0;

  /** As one of those who want it. */
  join(key = "work", options?: WaitOptions): Promise<number> {
    const passenger = { task: callerTask(), plan: planWait(options, "wait"), expiry: tooLate };
    return this.flights.join(key, () => this.#run(), passenger);
  }

  get counts(): number[] {
    return [this.begun, this.done, this.killed, this.flights.size];
  }

  async #run(): Promise<number> {
    const number = ++this.begun;
    try {
      await this.go.wait();
      this.done++;
      return number;
    } catch (error) {
      this.killed++;
      throw error;
    }
  }
}

Deno.test("SingleFlight.join() does the work once for all who come meanwhile, anew for who comes later", async () => {
  const work = new Work();
  const early = [spawn(() => work.join()), spawn(() => work.join())];
  await sleep();
  early.push(spawn(() => work.join()));
  await sleep();
  assertEquals(work.counts, [1, 0, 0, 1]);
  work.go.set();
  assertEquals((await joinAll(early)).map(({ value }) => value), [1, 1, 1]);
  assertEquals(work.counts, [1, 1, 0, 0]);
  assertEquals(await work.join(), 2);
});

Deno.test("SingleFlight.join() that comes when the work is done, but not delivered, begins anew, and is joined", async () => {
  const work = new Work();
  const first = spawn(() => work.join());
  await sleep();
  await sleep(); // the work is under way
  work.go.set();
  work.go.clear();
  const second = spawn(() => work.join()); // runs after the work, before the first
  await sleep();
  await sleep();
  assertEquals([first.value, work.counts], [1, [2, 1, 0, 1]]);
  const third = spawn(() => work.join());
  await sleep();
  work.go.set();
  assertEquals([await second.get(), await third.get(), work.counts], [2, 2, [2, 2, 0, 0]]);
});

Deno.test("SingleFlight.join() does each key's work by itself", async () => {
  const work = new Work();
  const callers = ["a", "b", "a"].map((key) => spawn(() => work.join(key)));
  await sleep();
  work.go.set();
  assertEquals((await joinAll(callers)).map(({ value }) => value).sort(), [1, 1, 2]);
  assertEquals(work.counts, [2, 2, 0, 0]);
});

Deno.test("SingleFlight.join() that is killed leaves the work to the others; the last one ends it", async () => {
  const work = new Work();
  const callers = [1, 2, 3].map(() => spawn(() => work.join()));
  await sleep();
  await callers[0]!.kill(); // it began the work
  await callers[1]!.kill();
  assertEquals(work.counts, [1, 0, 0, 1]);
  await callers[2]!.kill();
  assertEquals([...work.counts, getHub().stats().greenlets], [1, 0, 1, 0, 0]);
});

Deno.test("SingleFlight.join() that times out leaves the work to the others; the last one ends it", async () => {
  const work = new Work();
  const patient = spawn(() => work.join());
  await sleep();
  await assertRejects(() => work.join("work", { timeout: 1 }), Timeout, "too late");
  assertEquals(work.counts, [1, 0, 0, 1]);
  await patient.kill();
  await assertRejects(() => work.join("work", { timeout: 1 }), Timeout);
  assertEquals(work.counts, [2, 0, 2, 0]);
});

Deno.test("SingleFlight.join() that ends the work waits for its clean-up, and then tells of each interruption", async () => {
  const flights = new SingleFlight<number>();
  const [ending, cleanedUp] = [new Event(), new Event()];
  const work = async () => {
    try {
      return await sleep(60_000).then(() => 1);
    } finally {
      ending.set();
      await cleanedUp.wait();
    }
  };
  const seen: unknown[] = [];
  const caller = spawn(async () => {
    const plan = planWait({ timeout: 1 }, "wait");
    await flights.join("work", work, { task: callerTask(), plan, expiry: tooLate }).catch((error) =>
      seen.push(error)
    );
    await sleep().catch((error) => seen.push(error));
  });
  await ending.wait();
  await caller.kill(undefined, { block: false });
  await sleep();
  assertEquals(seen, []);
  cleanedUp.set();
  await caller.join();
  assertEquals([seen[0] instanceof Timeout, isKill(seen[1]), seen.length], [true, true, 2]);
});

Deno.test("SingleFlight.join() throws all the same error when the work fails", async () => {
  const flights = new SingleFlight<number>();
  const failure = new RangeError("broken");
  const passenger = () => ({ task: callerTask(), plan: planWait(undefined, "wait"), expiry: tooLate });
  const fail = async () => {
    await sleep();
    throw failure;
  };
  const callers = [1, 2].map(() => spawn(() => flights.join("k", fail, passenger()).catch((error) => error)));
  for (const caller of callers) assertStrictEquals(await caller.get(), failure);
  assertEquals([flights.size, getHub().stats().greenlets], [0, 0]);
});

for (
  const [when, counts] of Object.entries({ "before it has begun": [0, 0, 0, 0], meanwhile: [1, 0, 1, 0] })
) {
  Deno.test(`SingleFlight.join() takes a kill of the work, ${when}, for no result, nor for its own kill`, async () => {
    const work = new Work();
    const callers = [1, 2].map(() => spawn(() => work.join().catch((error) => error)));
    await sleep(); // now the work is the last in the queue
    if (when === "meanwhile") await sleep();
    const worker = [...getHub().tasks()].find((task) => task instanceof Greenlet && task.name === "work");
    void (worker as Greenlet).kill("by mistake", { block: false });
    for (const caller of callers) {
      const error = await caller.get() as Error;
      assert(error instanceof Error && !isKill(error));
      assertStringIncludes(error.message, "Cannot work: the greenlet that did it was killed (");
    }
    assertEquals(work.counts, counts);
    work.go.set();
    assertEquals(await work.join(), work.begun);
  });
}

/** How the pieces of work of one run ended, and how the callers did. */
class Log {
  begun = 0;
  readonly completed = new Set<number>();
  killed = 0;
  served = 0;
  interrupted = 0;
}

/** Callers want the same, the first one twice. Whoever is not interrupted gets the result of work that ended. */
async function severalCallers(log: Log): Promise<void> {
  const flights = new SingleFlight<number>();
  const work = async () => {
    const number = ++log.begun;
    try {
      await sleep(1);
      await sleep(1);
      log.completed.add(number);
      return number;
    } catch (error) {
      log.killed++;
      throw error;
    }
  };
  const join = async () => {
    const passenger = { task: callerTask(), plan: planWait(undefined, "wait"), expiry: tooLate };
    try {
      assert(log.completed.has(await flights.join("work", work, passenger)));
      log.served++;
    } catch (error) {
      if (!isKill(error) && !(error instanceof Timeout)) throw error;
      log.interrupted++;
    }
  };
  const callers = [2, 1, 1].map((times) =>
    spawnWith({ name: "caller" }, async () => {
      for (; times > 0; times--) await join();
    })
  );
  await joinAll(callers, { raiseError: true });
  assertEquals([log.completed.size + log.killed, flights.size], [log.begun, 0]);
}

const strategies: ExploreOptions[] = [
  { strategy: "exhaustive", preemptions: 1, runs: 20_000 },
  { strategy: "random", runs: 500, faults: 4 },
  { strategy: "pct", runs: 500, faults: 4 },
];
for (const options of strategies) {
  for (const fault of ["kill", "timeout"] as const) {
    Deno.test(`SingleFlight.join() under many schedules with ${fault}s, ${options.strategy}`, async () => {
      const logs: Log[] = [];
      await explore(() => {
        const log = new Log();
        logs.push(log);
        return severalCallers(log);
      }, { ...options, inject: [fault], victims: ({ name }) => name === "caller" });
      assert(logs.some(({ begun }) => begun === 1), "never shared by all");
      assert(
        logs.some(({ interrupted, killed }) => interrupted > 0 && killed === 0),
        "never left to the others",
      );
      if (options.strategy !== "exhaustive") {
        assert(logs.some(({ killed, served }) => killed > 0 && served > 0), "never ended and begun anew");
      }
    });
  }
}
