import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ExplorationError, explore, type ExploreOptions, simulate } from "@verdant/green";
import { checkThenAct } from "./planted/check_then_act.ts";
import { doubleGrant } from "./planted/double_grant.ts";
import { forgottenUnlock } from "./planted/forgotten_unlock.ts";
import { lockOrder } from "./planted/lock_order.ts";
import { lostWakeUp } from "./planted/lost_wake_up.ts";
import { missedCancel } from "./planted/missed_cancel.ts";
import { openIterator } from "./planted/open_iterator.ts";
import type { Planted, Size } from "./planted/planted.ts";
import { reusedWaiter } from "./planted/reused_waiter.ts";
import { starvation } from "./planted/starvation.ts";
import { unstoppedWork } from "./planted/unstopped_work.ts";

const BUGS: readonly Planted[] = [
  lostWakeUp,
  doubleGrant,
  checkThenAct,
  lockOrder,
  forgottenUnlock,
  reusedWaiter,
  missedCancel,
  starvation,
  unstoppedWork,
  openIterator,
];
const STRATEGIES = ["random", "pct", "exhaustive"] as const;
const RUNS = 2_000;

function find({ broken }: Planted, options: ExploreOptions): Promise<ExplorationError> {
  return assertRejects(() => explore(broken, options), ExplorationError);
}

function assertExpected({ cause }: ExplorationError, { fails }: Planted): void {
  assertInstanceOf(cause, fails.type);
  assertStringIncludes(cause.message, fails.message);
}

function assertShrunk({ switches, replay }: ExplorationError, most: Size): void {
  assertNotEquals(replay, "", "something must differ from the plain order");
  assertLessOrEqual(switches, most.switches, "switches");
  assertLessOrEqual(replay.split(" ").length, most.decisions, replay);
}

for (const bug of BUGS) {
  const { name, inject } = bug;

  Deno.test(`simulate() in the plain order does not see ${name}`, () => simulate(bug.broken));

  for (const strategy of STRATEGIES) {
    Deno.test(`explore() by ${strategy} finds ${name}, shrinks it and replays it`, async () => {
      const error = await find(bug, { strategy, inject, runs: RUNS });
      assertExpected(error, bug);
      assertShrunk(error, bug.shrunk);
      const { seed, replay, schedule } = error;
      const again = await find(bug, { inject, seed, replay });
      assertExpected(again, bug);
      assertEquals([again.schedule, again.replay], [schedule, replay]);
    });

    Deno.test(`explore() by ${strategy} finds nothing once ${name} is mended`, async () => {
      const report = await explore(bug.correct, { strategy, inject, runs: RUNS });
      assert(report.runs === RUNS || report.exhausted, String(report));
    });
  }
}
