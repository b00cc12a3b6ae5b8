/**
 * Runs scenarios with leak hints on and the garbage collector at hand, and prints what was said of each.
 * `deno run -A --v8-flags=--expose-gc leak_program.ts lost|kept|woken`
 */
import {
  AsyncResult,
  Channel,
  Condition,
  done,
  Event,
  getHub,
  type Greenlet,
  Group,
  joinAll,
  leakHints,
  local,
  Lock,
  named,
  Pool,
  Queue,
  recv,
  select,
  Semaphore,
  sleep,
  spawn,
  spawnRaw,
  spawnWith,
  until,
  wait,
  withTimeout,
} from "@verdant/green";

/** What is returned is kept until it was seen that nothing is said. */
type Scenario = () => unknown;

const start = (name: string, fn: () => unknown): Greenlet => spawnWith({ name }, fn);

/** Each loses a greenlet called `lost`, some others as well. */
const lost: Record<string, Scenario> = {
  "Queue.get()": () => {
    const jobs = named(new Queue(), "jobs");
    start("lost", () => jobs.get());
  },
  "Queue.put()": () => {
    const jobs = named(new Queue(1, [0]), "jobs");
    start("lost", () => jobs.put(1));
  },
  "a loop over a queue": () => {
    const jobs = named(new Queue(Infinity, [1, 2]), "jobs");
    start("lost", async () => {
      for await (const _job of jobs);
    });
  },
  "Channel": () => {
    const channel = new Channel();
    start("lost", () => channel.get());
  },
  "Event": () => {
    const event = new Event();
    start("lost", () => event.wait());
  },
  "AsyncResult": () => {
    const result = new AsyncResult();
    start("lost", () => result.get());
  },
  "Semaphore": () => {
    const semaphore = new Semaphore(0);
    start("lost", () => semaphore.acquire());
  },
  "Condition": () => {
    const condition = new Condition();
    start("lost", async () => {
      await condition.acquire();
      await condition.wait();
    });
  },
  "Lock of one who has ended": () => {
    const lock = new Lock();
    spawn(() => lock.acquire());
    start("lost", () => lock.acquire());
  },
  "a cycle of two locks": () => {
    const [a, b] = [new Lock(), new Lock()];
    const take = async (first: Lock, second: Lock) => {
      await first.acquire();
      await sleep();
      await second.acquire();
    };
    start("lost", () => take(a, b));
    start("other", () => take(b, a));
  },
  "join() of another": () => {
    const event = new Event();
    const inner = start("inner", () => event.wait());
    start("lost", () => inner.join());
  },
  "get() of another": () => {
    const event = new Event();
    const inner = start("inner", () => event.wait());
    start("lost", () => inner.get());
  },
  "joinAll()": () => {
    const event = new Event();
    const inner = start("inner", () => event.wait());
    start("lost", () => joinAll([inner]));
  },
  "wait()": () => {
    const event = new Event();
    start("lost", () => wait([event]));
  },
  "select()": () => {
    const [one, two, event] = [new Queue(), new Queue(), new Event()];
    start("lost", () => select([recv(one), recv(two), done(event)]));
  },
  "until()": () => {
    start("lost", () => until(new Promise(() => {})));
  },
  "two waits at once": () => {
    const [one, two] = [new Queue(), new Queue()];
    start("lost", () => Promise.all([one.get(), two.get()]));
  },
  "a signal of its own": () => {
    const event = new Event();
    start("lost", () => event.wait({ signal: new AbortController().signal }));
  },
  "members of a group that is lost, too": () => {
    const event = new Event();
    const group = new Group();
    start("lost", async () => {
      group.spawn(() => event.wait());
      await group.join();
    });
  },
  "a parent and its child": () => {
    const event = new Event();
    start("lost", async () => {
      const child = start("child", () => event.wait());
      await child.join();
    });
  },
  "after many waits that ended": () => {
    const event = new Event();
    start("lost", async () => {
      for (let i = 0; i < 10; i++) await sleep();
      await sleep(1);
      await event.wait({ timeout: 1 });
      await event.wait();
    });
  },
  "after a foreign await": () => {
    const event = new Event();
    start("lost", async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await event.wait();
    });
  },
  "one with locals": () => {
    const event = new Event();
    const own = local<{ self?: unknown }>();
    const self = start("lost", async () => {
      own.self = self;
      await event.wait();
    });
  },
  "a raw one": () => {
    const event = new Event();
    spawnRaw(function lost() {
      return event.wait();
    });
  },
};

/** Each parks a greenlet that can still run, or be killed. */
const kept: Record<string, Scenario> = {
  "the queue": () => {
    const queue = new Queue();
    spawn(() => queue.get());
    return queue;
  },
  "one queue of two": () => {
    const [one, two] = [new Queue(), new Queue()];
    spawn(() => select([recv(one), recv(two)]));
    return two;
  },
  "the first of two waits": () => {
    const [one, two] = [new Queue(), new Queue()];
    spawn(() => Promise.all([one.get(), two.get()]));
    return one;
  },
  "the handle": () => {
    const event = new Event();
    return spawn(() => event.wait());
  },
  "the group": () => {
    const event = new Event();
    const group = new Group();
    group.spawn(() => event.wait());
    return group;
  },
  "the pool": async () => {
    const event = new Event();
    const pool = new Pool(1);
    await pool.spawn(() => event.wait());
    return pool;
  },
  "the lock that it holds": () => {
    const [lock, event] = [new Lock(), new Event()];
    spawn(async () => {
      await lock.acquire();
      await event.wait();
    });
    return lock;
  },
  "the closure of one that is kept": () => {
    const [queue, event] = [new Queue(), new Event()];
    spawn(() => queue.get());
    return spawn(async () => {
      await event.wait();
      queue.putNowait(1);
    });
  },
  "the signal": () => {
    const event = new Event();
    const controller = new AbortController();
    spawn(() => event.wait({ signal: AbortSignal.any([controller.signal]) }));
    return controller;
  },
  "the resolver of a foreign promise": () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    spawn(() => until(promise));
    return resolve;
  },
  "the rawlink of an event": () => {
    const [event, start] = [new Event(), new Event()];
    spawn(() => event.wait());
    start.rawlink(() => event.set());
    return start;
  },
  "who joins it": () => {
    const [event, inner] = [new Event(), new Event()];
    const joined = spawn(() => inner.wait());
    spawn(async () => {
      await joined.join();
      await event.wait();
    });
    return inner;
  },
  "nothing of a sleeper": () => {
    spawn(() => sleep(Infinity));
  },
  "nothing of a sleeper that waited before": () => {
    const event = new Event();
    spawn(async () => {
      await event.wait();
      await sleep(Infinity);
    });
    setTimeout(() => event.set(), 1);
  },
  "nothing of one that awaits something foreign": () => {
    spawn(() => new Promise(() => {}));
  },
};

/** Each parks a greenlet that nothing but what is pending will wake. It says so. */
const woken: Record<string, (wake: () => void) => unknown> = {
  "a timer of the program": (wake) => {
    const event = new Event();
    spawn(() => event.wait().then(wake));
    setTimeout(() => event.set(), 60);
  },
  "a timer of the hub": (wake) => {
    const event = new Event();
    spawn(() => event.wait().then(wake));
    getHub().startTimer(60, true, (event: Event) => getHub().runCallback(() => event.set()), event);
  },
  "a time-out": (wake) => {
    const event = new Event();
    spawn(() => event.wait({ timeout: 60 }).then(wake));
  },
  "a limit around it": (wake) => {
    const event = new Event();
    spawn(() => withTimeout(60, () => event.wait(), { value: undefined }).then(wake));
  },
  "AbortSignal.timeout()": (wake) => {
    const event = new Event();
    spawn(() => event.wait({ signal: AbortSignal.timeout(60) }).catch(wake));
  },
  "a foreign promise": (wake) => {
    const event = new Event();
    spawn(() => event.wait().then(wake));
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 60);
    promise.then(() => event.set());
  },
  "another greenlet": (wake) => {
    const queue = new Queue();
    spawn(() => queue.get().then(wake));
    spawn(async () => {
      await sleep(60);
      queue.putNowait(1);
    });
  },
  "a chain of greenlets": (wake) => {
    const event = new Event();
    const first = spawn(() => sleep(60));
    const second = spawn(() => first.join());
    spawn(() => second.join().then(() => event.set()));
    spawn(() => select([done(event), recv(new Queue())]).then(wake));
  },
  "a read": (wake) => {
    const event = new Event();
    spawn(() => event.wait().then(wake));
    new Blob(["x"]).text().then(() => setTimeout(() => event.set(), 60));
  },
};

const { gc } = globalThis as unknown as { gc: () => void };

/** Turns of the event loop with a collection each, until enough was seen. */
async function collect(turns: number, enough: () => boolean = () => false): Promise<void> {
  for (let i = 0; i < turns && !enough(); i++) {
    gc();
    // The library itself still knows the newest wait, and the platform who armed the newest timer.
    await sleep(1);
  }
}

const MANY = 200;
const SOME = 8;

/** In a call of its own, so that no variable of this program keeps anything. */
async function begin(scenario: Scenario): Promise<unknown> {
  const result = await scenario();
  for (let i = 0; i < 15; i++) await sleep();
  await new Promise((resolve) => setTimeout(resolve, 10));
  return result;
}

const counts = () => [getHub().stats().greenlets, [...getHub().tasks()].length];
const report: Record<string, unknown> = {};
const leaks = leakHints({ print: false });
const said = () => leaks.hints.map(({ text }) => text);

async function runLost(): Promise<void> {
  for (const [name, scenario] of Object.entries(lost)) {
    const before = leaks.hints.length;
    await begin(scenario);
    await collect(MANY, () => getHub().stats().greenlets === 0);
    report[name] = { hints: said().slice(before), left: counts() };
  }
}

async function runKept(): Promise<void> {
  for (const [name, scenario] of Object.entries(kept)) {
    const before = leaks.hints.length;
    const keeper = { it: await begin(scenario) };
    const during = counts();
    await collect(SOME);
    report[name] = { hints: leaks.hints.length - before, during, after: counts() };
    keeper.it = undefined;
    await collect(name.startsWith("nothing") ? 0 : MANY, () => getHub().stats().greenlets === 0);
  }
  report.released = leaks.hints.length;
}

async function runWoken(): Promise<void> {
  for (const [name, scenario] of Object.entries(woken)) {
    const before = leaks.hints.length;
    let awake = false;
    scenario(() => awake = true);
    await collect(MANY, () => awake);
    report[name] = { awake, hints: leaks.hints.length - before };
  }
}

await ({ lost: runLost, kept: runKept, woken: runWoken })[Deno.args[0] as "lost"]();
console.log(JSON.stringify(report));
leaks[Symbol.dispose]();
