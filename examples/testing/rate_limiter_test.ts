import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  ExplorationError,
  explore,
  getHub,
  joinAll,
  simulate,
  sleep,
  spawn,
  spawnWith,
} from "@verdant/green";
import { demo, RateLimiter } from "./rate_limiter.ts";

const LIMIT = 2;
const INTERVAL = 100;

interface Limiter {
  acquire(): Promise<void>;
}

Deno.test("RateLimiter.acquire() lets no more than the limit pass in any window", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const times = await simulate(async (world) => {
      const limiter = new RateLimiter(LIMIT, INTERVAL);
      const times: number[] = [];
      const visit = async () => {
        await sleep(world.random() * 20 * INTERVAL);
        await limiter.acquire();
        times.push(world.now);
      };
      await joinAll(Array.from({ length: 50 }, () => spawn(visit)));
      return times;
    }, { seed });
    assertEquals(times.length, 50);
    for (let i = LIMIT; i < times.length; i++) assert(times[i]! - times[i - LIMIT]! >= INTERVAL, `${times}`);
  }
});

Deno.test("RateLimiter.tryAcquire() takes a token only if nobody waits for it", async () => {
  await simulate(async (world) => {
    const limiter = new RateLimiter(1, INTERVAL);
    const hasty = async () => {
      await sleep(INTERVAL); // is over when the token is back, before the one who waits for it is woken
      return limiter.tryAcquire();
    };
    assertEquals([limiter.tryAcquire(), limiter.tryAcquire()], [true, false]);
    const first = spawn(hasty);
    await joinAll([first, spawn(() => limiter.acquire())]);
    assertEquals(first.value, false);
    await world.advance(INTERVAL);
    assertEquals(limiter.tryAcquire(), true);
  });
});

/** Four come at once, two when a token is back. They pass in order, and as early as the limit allows. */
function rush(makeLimiter: () => Limiter) {
  return async () => {
    const limiter = makeLimiter();
    const came: string[] = [];
    const passed: string[] = [];
    const times: number[] = [];
    const visit = async (name: string, delay: number) => {
      if (delay > 0) await sleep(delay);
      came.push(name);
      await limiter.acquire();
      passed.push(name);
      times.push(getHub().now());
    };
    const delays = { e: INTERVAL, f: INTERVAL, a: 0, b: 0, c: 0, d: 0 };
    await joinAll(Object.entries(delays).map(([name, delay]) => spawnWith({ name }, visit, name, delay)));
    assertEquals(passed, came.filter((name) => passed.includes(name)));
    assertEquals(times, times.map((_, i) => INTERVAL * Math.floor(i / LIMIT)));
  };
}

Deno.test("RateLimiter.acquire() keeps the line, and takes no token for who is killed or timed out", async () => {
  const body = rush(() => new RateLimiter(LIMIT, INTERVAL));
  await explore(body, { inject: ["kill", "timeout"] });
  const report = await explore(body, { strategy: "exhaustive", preemptions: 1, inject: ["kill"] });
  assert(report.exhausted);
});

/** Books a time first and sleeps until then: who is killed in the sleep has taken a token all the same. */
class BookingLimiter implements Limiter {
  readonly #backAt: number[] = Array(LIMIT).fill(0);

  async acquire(): Promise<void> {
    const now = getHub().now();
    const at = Math.max(now, this.#backAt.shift()!);
    this.#backAt.push(at + INTERVAL);
    if (at > now) await sleep(at - now);
  }
}

Deno.test("explore() finds the token that a limiter without a line loses", async () => {
  const body = rush(() => new BookingLimiter());
  await explore(body); // without kills all is well
  const error = await assertRejects(() => explore(body, { inject: ["kill"] }), ExplorationError);
  // … → kill #7 d → #7 d ends → (100 ms later) → … → #6 c ends → (100 ms later) → …: c passes alone
  assertStringIncludes(error.schedule, "kill #");
});

Deno.test("the demo of the rate limiter lets three pass in a tenth of a second", async () => {
  const lines: string[] = [];
  await simulate(() => demo((line) => void lines.push(line)));
  assertEquals(lines.map((line) => Number(/after (\d)/.exec(line)![1])), [0, 0, 0, 1, 1, 1, 2]);
});
