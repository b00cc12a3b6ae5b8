import { assertEquals } from "@std/assert";
import { getHub, sleep, spawn, type Tracer } from "@verdant/green";
import { BlockingDetector } from "../../../net/eventlet/blocking_detector.ts";
import { turn } from "../../helpers.ts";

/** A detector with a resolution of 10 ms, whose clock is moved by the test. */
class Trial implements Disposable {
  /** Names and times of those who were reported. */
  readonly reported: [name: string, held: number][] = [];
  readonly #detector: BlockingDetector;
  #now = 0;

  constructor() {
    const report = (task: { label: string }, held: number) => this.reported.push([task.label, held]);
    this.#detector = new BlockingDetector(getHub(), 10, report, () => this.#now);
  }

  /** Keeps the event loop for so long (ms). */
  hold(ms: number): void {
    this.#now += ms;
  }

  /** The event loop turns. */
  async turn(): Promise<void> {
    await turn();
    this.#detector.tick();
  }

  [Symbol.dispose](): void {
    this.#detector.stop();
  }
}

Deno.test("BlockingDetector reports who kept the event loop, and how long", async () => {
  using trial = new Trial();
  await spawn(function quick() {
    trial.hold(10);
  }).join();
  await spawn(function once() {
    trial.hold(11);
  }).join();
  await spawn(async function busy() {
    trial.hold(30);
    await sleep();
    trial.hold(5);
    await sleep();
    trial.hold(20);
  }).join();
  assertEquals(trial.reported, [["once", 11], ["busy", 30], ["busy", 20]]);
});

Deno.test("BlockingDetector adds up what a greenlet does between two waits, and nothing else", async () => {
  using trial = new Trial();
  await spawn(async function busy() {
    trial.hold(6);
    await Promise.resolve();
    trial.hold(6);
    await sleep();
  }).join();
  const many = [1, 2, 3].map(() => spawn(() => trial.hold(6)));
  for (const greenlet of many) await greenlet.join();
  assertEquals(trial.reported, [["busy", 12]]);
});

Deno.test("BlockingDetector knows who resumes after a wait", async () => {
  using trial = new Trial();
  await using _other = spawn(function other() {
    return sleep(60_000);
  });
  await spawn(async function busy() {
    await sleep(1);
    trial.hold(30);
    await sleep(1);
  }).join();
  assertEquals(trial.reported, [["busy", 30]]);
});

Deno.test("BlockingDetector charges the main flow, too", async () => {
  using trial = new Trial();
  trial.hold(30);
  await sleep(1);
  assertEquals(trial.reported, [["outside any greenlet", 30]]);
});

Deno.test("BlockingDetector counts two waits at a time once", async () => {
  using trial = new Trial();
  await spawn(async function busy() {
    trial.hold(30);
    await Promise.all([sleep(), sleep()]);
  }).join();
  assertEquals(trial.reported, [["busy", 30]]);
});

Deno.test("BlockingDetector does not charge those who await something foreign", async () => {
  using trial = new Trial();
  await spawn(async function patient() {
    for (let i = 0; i < 10; i++) {
      trial.hold(5); // the others' time
      await trial.turn();
    }
    await sleep();
  }).join();
  assertEquals(trial.reported, []);
});

Deno.test("BlockingDetector charges those who come back from something foreign", async () => {
  using trial = new Trial();
  await spawn(async function busy() {
    await trial.turn();
    await trial.turn();
    trial.hold(30);
    await sleep(1);
    await trial.turn();
    await trial.turn();
    trial.hold(20);
  }).join();
  assertEquals(trial.reported, [["busy", 30], ["busy", 20]]);
});

Deno.test("BlockingDetector charges those who go on to something foreign, once", async () => {
  using trial = new Trial();
  const { promise, resolve } = Promise.withResolvers<void>();
  const busy = spawn(async function busy() {
    trial.hold(30);
    await promise;
  });
  await trial.turn();
  trial.hold(30); // somebody who is unknown
  await trial.turn();
  resolve();
  await busy.join();
  assertEquals(trial.reported, [["busy", 30]]);
});

Deno.test("BlockingDetector is not confused by those who come back in the middle", async () => {
  using trial = new Trial();
  const { promise, resolve } = Promise.withResolvers<void>();
  const other = spawn(async function other() {
    await promise;
  });
  await sleep(1);
  const busy = spawn(async function busy() {
    trial.hold(6);
    resolve();
    for (let i = 0; i < 5; i++) await Promise.resolve();
    trial.hold(6);
    await sleep();
    return other.dead;
  });
  assertEquals([await busy.get(), trial.reported], [true, [["busy", 12]]]);
});

Deno.test("BlockingDetector lets another tracer see everything, and leaves it behind", async () => {
  const hub = getHub();
  const seen = new Set<string>();
  const tracer: Tracer = {
    spawned: () => seen.add("spawned"),
    parked: () => seen.add("parked"),
    switched: () => seen.add("switched"),
    interrupted: () => seen.add("interrupted"),
    ended: () => seen.add("ended"),
  };
  hub.tracer = tracer;
  try {
    using _trial = new Trial();
    const sleeper = spawn(() => sleep(60_000));
    await sleep();
    await sleeper.kill();
  } finally {
    assertEquals(hub.tracer, tracer);
    hub.tracer = undefined;
  }
  assertEquals([...seen].sort(), ["ended", "interrupted", "parked", "spawned", "switched"]);
});

Deno.test("BlockingDetector leaves a tracer alone that was set meanwhile", () => {
  const hub = getHub();
  const tracer: Tracer = { spawned() {}, parked() {}, switched() {}, ended() {} };
  {
    using _trial = new Trial();
    hub.tracer = tracer;
  }
  assertEquals(hub.tracer, tracer);
  hub.tracer = undefined;
});
