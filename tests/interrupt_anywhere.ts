/**
 * Interrupts a greenlet at every one of its waits in turn: while it is parked, and after its wait was granted
 * but before it ran.
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { getHub, type Greenlet, joinAll, spawn, spawnWith, Timeout, withTimeout } from "@verdant/green";
import type { Waiter } from "../hub/mod.ts";

/** One run of a scenario. */
export interface Trial {
  /** What is interrupted. */
  readonly victim: () => Promise<unknown>;
  /** What runs beside it; must end whatever happens to the victim. */
  readonly others?: (() => Promise<unknown>)[];
  /** The conservation law; called when all have ended. */
  readonly check: (interrupted: boolean) => void | Promise<void>;
}

/** A way to interrupt a greenlet. */
interface Interruption {
  /** What the victim runs. */
  readonly body: () => Promise<unknown>;
  /** Interrupts it. Called once at most. */
  readonly strike: (victim: Greenlet) => void;
  /** Whether its end is that of one that was interrupted. */
  readonly endsWell: (victim: Greenlet) => boolean;
}

const interruptions: Record<string, (body: () => Promise<unknown>) => Interruption> = {
  "a kill": (body) => ({
    body,
    strike: (victim) => void victim.kill(undefined, { block: false }),
    endsWell: (victim) => victim.successful,
  }),
  "an error thrown into it": (body) => {
    const error = new RangeError("thrown into it");
    return { body, strike: (victim) => victim.throw(error), endsWell: (victim) => victim.error === error };
  },
  "a time-out": (body) => {
    // Never fires by itself; done here what its timer does, at the moment that is to be tested.
    const limit = new Timeout(null);
    return {
      body: () => withTimeout(limit, body, { value: "timed out" }),
      strike: (victim) => victim.interrupt({ error: limit.thrown, origin: limit, depth: 0 }),
      endsWell: (victim) => victim.successful,
    };
  },
};

type Mode = "while it is parked" | "after the grant";

/** Runs a trial; interrupts the victim at its k-th wait. Returns how often it waited. */
async function run(trial: Trial, k: number, mode: Mode, interruption: Interruption): Promise<number> {
  const hub = getHub();
  let waits = 0;
  let interrupted = false;
  const strike = () => {
    interrupted = true;
    interruption.strike(victim);
  };
  hub.tracer = {
    spawned() {},
    switched() {},
    ended() {},
    parked(waiter: Waiter) {
      if (waiter.task !== victim || ++waits !== k) return;
      if (mode === "while it is parked") {
        hub.runCallback(strike);
        return;
      }
      const { wake } = waiter;
      waiter.wake = (value) => {
        wake.call(waiter, value);
        strike();
      };
    },
  };
  const { onError } = hub;
  hub.onError = () => {};
  const victim: Greenlet = spawnWith({ name: "victim" }, interruption.body);
  try {
    const all = [victim, ...(trial.others ?? []).map((other) => spawn(other))];
    const ended = await joinAll(all, { timeout: 5_000 });
    assertEquals(ended.length, all.length, "somebody hangs");
    for (const other of all.slice(1)) if (other.failed) throw other.error;
    if (victim.failed && !interruption.endsWell(victim)) throw victim.error;
    await trial.check(interrupted);
  } finally {
    hub.tracer = undefined;
    hub.onError = onError;
  }
  assertStrictEquals(victim.waits, undefined, "the victim has ended and still waits");
  const { greenlets, runnable, timers, foreignWaits } = hub.stats();
  assertEquals([greenlets, runnable, timers, foreignWaits], [0, 0, 0, 0]);
  return waits;
}

/** Makes a test for each way and moment of an interruption. Every run is a new trial. */
export function interruptAnywhere(name: string, make: () => Trial): void {
  for (const [kind, prepare] of Object.entries(interruptions)) {
    for (const mode of ["while it is parked", "after the grant"] as const) {
      Deno.test(`${name} loses nothing by ${kind} at any wait, ${mode}`, async () => {
        const attempt = (k: number) => {
          const trial = make();
          return run(trial, k, mode, prepare(trial.victim));
        };
        const total = await attempt(0);
        assert(total > 0, "the victim never waits");
        for (let k = 1; k <= total; k++) await attempt(k);
      });
    }
  }
}
