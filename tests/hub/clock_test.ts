import { assert, assertEquals } from "@std/assert";
import { type Clock, type Greenlet, Hub, sleep, spawn, Timeout } from "@verdant/green";
import { runAs } from "../../hub/context.ts";
import { SystemClock } from "../../hub/mod.ts";
import { platform } from "../../hub/platform_timers.ts";
import { turn } from "../helpers.ts";

/** Replaces the platform's timers by a list of what was asked for. */
function fakeTimers(): Disposable & { readonly log: string[]; fire(): void } {
  const { setTimeout, clearTimeout } = platform;
  const log: string[] = [];
  let armed: (() => void) | undefined;
  const timer = { unref: () => log.push("unref") };
  platform.setTimeout = ((wake: () => void, delay: number) => {
    log.push(`set ${Math.ceil(delay / 1000)} s`);
    armed = wake;
    return timer;
  }) as unknown as typeof setTimeout;
  platform.clearTimeout = ((cleared: unknown) => {
    if (cleared === timer) log.push("clear");
  }) as typeof clearTimeout;
  return {
    log,
    fire: () => armed?.(),
    [Symbol.dispose]() {
      Object.assign(platform, { setTimeout, clearTimeout });
    },
  };
}

Deno.test("SystemClock.arm() replaces the timer before, and unrefs where nobody needs it", () => {
  using timers = fakeTimers();
  const clock = new SystemClock();
  clock.arm(clock.now() + 5_000, true, () => {});
  clock.arm(clock.now() + 3_000, false, () => {});
  clock.disarm();
  clock.disarm();
  assertEquals(timers.log, ["set 5 s", "clear", "set 3 s", "unref", "clear"]);
});

Deno.test("SystemClock.arm() stays within the range of the platform's timers, and does not go below 0", () => {
  using timers = fakeTimers();
  const clock = new SystemClock();
  clock.arm(clock.now() + 2 ** 40, true, () => {});
  clock.arm(clock.now() - 1000, true, () => {});
  assertEquals(timers.log, ["set 2147484 s", "clear", "set 0 s"]);
});

/** Notes what the hub asks of its clock. */
class NotingClock implements Clock {
  time = 0;
  readonly log: string[] = [];
  #wake: (() => void) | undefined = undefined;

  now(): number {
    return this.time;
  }

  arm(deadline: number, ref: boolean, wake: () => void): void {
    this.log.push(`${deadline}${ref ? "" : " unref"}`);
    this.#wake = wake;
  }

  disarm(): void {
    this.log.push("disarm");
    this.#wake = undefined;
  }

  moveTo(time: number): void {
    this.time = time;
    this.#wake?.();
  }

  takeLog(): string[] {
    return this.log.splice(0);
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await turn();
}

function start(hub: Hub, fn: () => unknown): void {
  runAs(hub.root, fn, undefined);
}

Deno.test("Hub arms its clock for the earliest deadline only, and again for the next", async () => {
  const clock = new NotingClock();
  const hub = new Hub({ clock });
  const log: number[] = [];
  start(hub, () => {
    for (const ms of [50, 20, 90]) {
      spawn(async () => {
        await sleep(ms);
        log.push(ms);
      });
    }
  });
  await settle();
  assertEquals(clock.takeLog(), ["20"]);
  for (const [time, next] of [[20, "50"], [50, "90"], [90, "disarm"]] as const) {
    clock.moveTo(time);
    await settle();
    if (next !== "disarm") assertEquals(clock.takeLog(), [next]);
  }
  assertEquals([log, hub.stats().timers], [[20, 50, 90], 0]);
});

Deno.test("Hub that is woken early, as for a delay past the platform's range, asks again", async () => {
  const clock = new NotingClock();
  const hub = new Hub({ clock });
  let woken = false;
  start(hub, () => {
    spawn(async () => {
      await sleep(2 ** 40);
      woken = true;
    });
  });
  await settle();
  clock.moveTo(2 ** 31);
  await settle();
  assertEquals([clock.takeLog(), woken], [[`${2 ** 40}`, `${2 ** 40}`], false]);
  clock.moveTo(2 ** 40);
  await settle();
  assert(woken);
});

Deno.test("Hub keeps the process alive only while a timer that asks for it is to fire", async () => {
  const clock = new NotingClock();
  const hub = new Hub({ clock });
  let limit: Timeout;
  start(hub, () => {
    spawn(() => sleep(10, { ref: false }));
    limit = new Timeout(20);
  });
  await settle();
  assertEquals(clock.takeLog(), ["10 unref"]);
  start(hub, () => limit.start());
  await settle();
  assertEquals(clock.takeLog(), ["10"]);
  start(hub, () => limit.cancel());
  await settle();
  assertEquals(clock.takeLog(), ["10 unref"]);
  clock.moveTo(10);
  await settle();
  assertEquals(hub.stats().timers, 0);
});

Deno.test("Hub disarms its clock when the only timer is cancelled", async () => {
  const clock = new NotingClock();
  const hub = new Hub({ clock });
  let sleeper: Greenlet<void>;
  start(hub, () => sleeper = spawn(() => sleep(10)));
  await settle();
  assertEquals(clock.takeLog(), ["10"]);
  start(hub, () => sleeper.kill(undefined, { block: false }));
  await settle();
  assertEquals([clock.takeLog(), hub.stats().timers], [["disarm"], 0]);
});

Deno.test("Hub wakes sleepers with the same deadline in the order in which they fell asleep", async () => {
  const clock = new NotingClock();
  const hub = new Hub({ clock });
  const log: string[] = [];
  start(hub, () => {
    for (const name of ["a", "b", "c", "d"]) {
      spawn(async () => {
        await sleep(10);
        log.push(name);
      });
    }
  });
  await settle();
  clock.moveTo(10);
  await settle();
  assertEquals(log, ["a", "b", "c", "d"]);
});
