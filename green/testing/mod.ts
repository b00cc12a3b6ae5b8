/**
 * Tests that own time and order: simulations with a virtual clock, exploration of schedules, assertions.
 *
 * @example A day in no time
 * ```ts
 * import { simulate } from "@verdant/green/testing";
 * import { sleep } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const day = 24 * 60 * 60 * 1000;
 * await simulate(async (world) => {
 *   await sleep(day);
 *   assertEquals(world.now, day);
 * });
 * ```
 *
 * @module
 */
export { assertNoSwitches, assertSwitches, type AssertSwitchesOptions, assertWaits } from "./assertions.ts";
export { type Random, seededRandom } from "./random.ts";
export { Exploration, ExplorationError } from "./explore/exploration.ts";
export { explore, type ExploreOptions } from "./explore/explore.ts";
export type { Fault } from "./explore/faults.ts";
export { Line, LineQueue } from "./line_queue.ts";
export { Sequencer } from "./sequencer.ts";
export { simulate, type SimulateOptions } from "./simulate.ts";
export { type Allowance, SimulationError } from "./simulation.ts";
export { VirtualClock } from "./virtual_clock.ts";
export { settled, type World } from "./world.ts";
