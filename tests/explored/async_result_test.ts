import { assert, assertStrictEquals } from "@std/assert";
import { AsyncResult, sleep, spawn } from "@verdant/green";
import { Audience, type Body, ended, exploreTest, FAULTS, inTime, LIMIT, Link, start } from "./explored.ts";

/** What a result is set to. */
interface Setting {
  readonly value?: unknown;
  readonly error?: unknown;
}

/** Ways to read a result. They check that it is what is expected once it is there. */
const READERS: readonly ((result: AsyncResult<unknown>, expected: () => Setting) => Promise<boolean>)[] = [
  async function get(result, expected) {
    try {
      const value = await result.get({ timeout: LIMIT });
      assertStrictEquals(expected().error, undefined);
      assertStrictEquals(value, expected().value);
    } catch (error) {
      const { error: expectedError } = expected();
      if (expectedError === undefined || error !== expectedError) throw error;
    }
    return true;
  },
  async function wait(result, expected) {
    const value = await result.wait({ timeout: LIMIT });
    if (value === undefined) return expected().error !== undefined;
    assertStrictEquals(value, expected().value);
    return true;
  },
];

/** Those who wait get the first setting, those who come later the newest. */
function settings(readers: number, rounds: number, all: readonly Setting[]): Body {
  return async (world) => {
    const result = new AsyncResult<unknown>();
    const made: Setting[] = [];
    const audience = new Audience();
    const links: Link[] = [];
    let late = 0;
    const reading = start(readers, async function reader(index) {
      for (let round = 0; round < rounds; round++) {
        links.push(new Link(result));
        const known = made.at(-1);
        const expected = () => known ?? made[0] ?? {};
        const read = () => READERS[index % 2]!(result, expected);
        if (!await inTime(() => audience.wait(read))) late++;
      }
    });
    for (const setting of all) {
      if (made.length !== 1) await sleep(); // the second comes before anybody has seen the first
      made.push(setting);
      audience.grant();
      if ("value" in setting) result.set(setting.value);
      else result.setError(setting.error);
    }
    const struck = await ended(reading);
    await world.settle();
    assert(struck + late <= FAULTS, `${struck} were struck, ${late} came too late`);
    for (const link of links) link.check();
  };
}

const FIRST: Setting = { value: "first" };
const SECOND: Setting = { value: "second" };
const THIRD: Setting = { value: "third" };
const FAILURE: Setting = { error: new RangeError("failed") };

exploreTest("AsyncResult.set() gives all who wait the same value", settings(4, 3, [FIRST, SECOND, THIRD]), {
  every: settings(3, 1, [FIRST, SECOND]),
});
exploreTest(
  "AsyncResult.setError() gives all who wait the same error",
  settings(4, 3, [FAILURE, FIRST, SECOND]),
  {
    every: settings(3, 1, [FAILURE, FIRST]),
  },
);

/** However the greenlet ends, all see the same. */
function copied(readers: number): Body {
  return async () => {
    const result = new AsyncResult<unknown>();
    const source = spawn(async function source() {
      await sleep(1);
      return "done";
    });
    source.rawlink((greenlet) => result.copy(greenlet));
    let late = 0;
    const reading = start(readers, async function reader(index) {
      await sleep(index % 2); // the others come when it has ended, or just before
      if (!await inTime(() => READERS[(index >> 1) % 2]!(result, () => source))) late++;
    });
    const struck = await ended(reading);
    assert(source.ready && struck + late <= FAULTS, `${struck} were struck, ${late} came too late`);
  };
}

exploreTest("AsyncResult.copy() hands on how a greenlet ended", copied(4), { every: copied(2) });
