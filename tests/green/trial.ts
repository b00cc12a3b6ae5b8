import { assert, assertEquals } from "@std/assert";
import { getHub, type Greenlet, sleep, spawnWith } from "@verdant/green";
import type { Waiter } from "../../hub/mod.ts";

/** Lets all that can run do so, `count` times. */
export async function passes(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep();
}

/** Until disposed, no slice ends: whoever does not have to wait does not switch. */
export function endlessSlice(): Disposable {
  const hub = getHub();
  const { switchInterval } = hub;
  hub.switchInterval = Infinity;
  return {
    [Symbol.dispose]() {
      hub.switchInterval = switchInterval;
    },
  };
}

/** Counts what bodies do. */
export class Tally {
  begun = 0;
  cleaned = 0;
  running = 0;
  most = 0;

  /** A body that waits twice: while it works, and while it cleans up. */
  readonly body = async <T>(result?: T): Promise<T> => {
    this.begun++;
    this.most = Math.max(this.most, ++this.running);
    try {
      await sleep();
      return result!;
    } finally {
      try {
        await sleep();
      } finally {
        this.running--;
        this.cleaned++;
      }
    }
  };
}

/** Who is interrupted, and what must hold afterwards. */
export interface Trial {
  readonly victim: () => unknown;
  readonly check: (victim: Greenlet) => void | Promise<void>;
}

/**
 * Interrupts a greenlet at each of its waits in turn, with a fresh trial for each; then all must have been
 * cleaned up. Returns how many waits there were.
 */
export async function strikeEveryWait(
  makeTrial: () => Trial,
  strike: (victim: Greenlet) => void,
): Promise<number> {
  for (let k = 1;; k++) {
    const { victim, check } = makeTrial();
    if (!await strikeAtWait(k, victim, check, strike)) {
      assert(k > 1, "the victim never waits");
      return k - 1;
    }
  }
}

async function strikeAtWait(
  k: number,
  body: Trial["victim"],
  check: Trial["check"],
  strike: (victim: Greenlet) => void,
): Promise<boolean> {
  const hub = getHub();
  const { onError } = hub;
  let waits = 0;
  const victim: Greenlet = spawnWith({ name: "victim" }, body);
  hub.tracer = {
    spawned() {},
    switched() {},
    ended() {},
    parked({ task }: Waiter) {
      if (task === victim && ++waits === k) hub.runCallback(() => strike(victim));
    },
  };
  hub.onError = (context, error) => {
    if (context !== victim) onError(context, error); // its own end is what was asked for
  };
  try {
    assert(await victim.join({ timeout: 5_000 }), `the victim hangs after an interruption at wait ${k}`);
    await check(victim);
  } finally {
    hub.tracer = undefined;
    hub.onError = onError;
  }
  assertEquals(hub.stats().greenlets, 0, `greenlets are left after an interruption at wait ${k}`);
  return waits >= k;
}
