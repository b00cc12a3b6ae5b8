import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import {
  ExplorationError,
  explore,
  joinAll,
  LoopExit,
  Queue,
  ShutDown,
  simulate,
  sleep,
  spawn,
  spawnWith,
  type World,
} from "@verdant/green";
import { demo, WorkerPool } from "./worker_pool.ts";

const FAULTS = 2;

interface Pool {
  submit(job: string): Promise<void>;
  finish(): Promise<unknown>;
  stop(): Promise<unknown>;
}
type MakePool = (work: (job: string) => Promise<void>, dropped: (job: string) => void) => Pool;

const poolOf = (workers: number): MakePool => (work, dropped) =>
  new WorkerPool(work, dropped, { workers, backlog: 1 });
const workersOf = (world: World) => world.greenlets().filter(({ name }) => name === "worker");

/** Clients submit jobs until the pool is shut down. Each job that it has accepted is done or dropped, once. */
function shift(makePool: MakePool, end: "finish" | "stop") {
  return async (world: World) => {
    const accepted: string[] = [];
    const done: string[] = [];
    const dropped: string[] = [];
    const work = async (job: string) => {
      await sleep(10);
      done.push(job);
    };
    const pool = makePool(work, (job) => dropped.push(job));
    const client = async (name: string) => {
      try {
        for (const job of [`${name}1`, `${name}2`, `${name}3`]) {
          await pool.submit(job);
          accepted.push(job);
        }
      } catch (error) {
        if (!(error instanceof ShutDown)) throw error;
      }
    };
    const clients = [spawn(client, "a"), spawn(client, "b")];
    await sleep(Math.floor(world.random() * 30));
    await pool[end]();
    assertEquals(workersOf(world).length, 0);
    await joinAll(clients);
    assertEquals([...done, ...dropped].sort(), accepted.sort());
    if (end === "finish") assert(dropped.length <= FAULTS, `dropped ${dropped}`);
  };
}

for (const end of ["finish", "stop"] as const) {
  Deno.test(`WorkerPool.${end}() ends with every accepted job done or dropped, whoever is killed`, async () => {
    for (const workers of [1, 2]) {
      await explore(shift(poolOf(workers), end), { inject: ["kill"], faults: FAULTS, runs: 500 });
    }
  });
}

Deno.test("WorkerPool.finish() does all that was accepted, and refuses more", async () => {
  await explore(async () => {
    const done: string[] = [];
    const dropped: string[] = [];
    const pool = poolOf(2)(async (job) => {
      await sleep(10);
      if (job === "bad") throw new Error("cannot do it");
      done.push(job);
    }, (job) => dropped.push(job));
    for (const job of ["a", "bad", "b", "c"]) await pool.submit(job);
    const ending = spawn(() => pool.finish());
    await sleep();
    await assertRejects(() => pool.submit("late"), ShutDown);
    await ending.join();
    assertEquals([done.sort(), dropped], [["a", "b", "c"], ["bad"]]);
  });
});

Deno.test("WorkerPool puts another worker into the place of a killed one", async () => {
  await simulate(async (world) => {
    const dropped: string[] = [];
    const pool = poolOf(1)(() => sleep(10), (job) => dropped.push(job));
    for (const job of ["a", "b"]) await pool.submit(job);
    await workersOf(world)[0]!.kill();
    await pool.finish();
    assertEquals([dropped, world.now], [["a"], 10]);
  });
});

/** Counts a job when it is done: the one in the hands of a killed worker is never counted. */
const plainPool: MakePool = (work) => {
  const jobs = new Queue<string>(1);
  const serve = async () => {
    for await (const job of jobs) {
      await work(job);
      jobs.taskDone();
    }
  };
  const workers = ["worker", "worker"].map((name) => spawnWith({ name }, serve));
  const finish = async () => {
    jobs.shutdown();
    await jobs.join();
    await joinAll(workers);
  };
  return { submit: (job) => jobs.put(job), finish, stop: finish };
};

Deno.test("explore() finds that a plain pool waits for ever for the job of a killed worker", async () => {
  const body = shift(plainPool, "finish");
  await explore(body); // without kills all is well
  const error = await assertRejects(() => explore(body, { inject: ["kill"] }), ExplorationError);
  assertInstanceOf(error.cause, LoopExit);
  // … → kill #3 worker → #2 worker: sleep() → #3 worker ends → … → #1 body: Queue.join() → …
  assertStringIncludes(error.schedule, "#1 body: Queue.join() → ");
});

Deno.test("the demo of the worker pool shows both ways to end", async () => {
  const lines: string[] = [];
  await simulate(() => demo((line) => void lines.push(line)));
  assertEquals(lines.slice(0, 4), ["finish a done", "finish b done", "finish c done", "finish d done"]);
  assertEquals(lines.slice(4), ["stop a done", "stop b done", "stop c dropped", "stop d dropped"]);
});
