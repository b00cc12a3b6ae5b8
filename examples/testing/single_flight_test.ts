import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  AsyncResult,
  ExplorationError,
  explore,
  type Greenlet,
  joinAll,
  simulate,
  sleep,
  spawn,
  spawnWith,
  type World,
} from "@verdant/green";
import { demo, SingleFlight } from "./single_flight.ts";

const LOAD_MS = 10;
const TTL_MS = 1000;

interface Cache {
  get(key: string): Promise<string>;
}
type Load = (key: string) => Promise<string>;

const isCaller = ({ name }: Greenlet) => name === "caller";

/** Four callers want two keys. Each is loaded once, and a fault costs its victim only. */
function crowd(makeCache: (load: Load) => Cache) {
  return async (world: World) => {
    const loads: string[] = [];
    const cache = makeCache(async (key) => {
      loads.push(key);
      await sleep(LOAD_MS);
      return `${key}, loaded at ${world.now}`;
    });
    const answers: string[] = [];
    const call = async (key: string) => void answers.push(`${key}: ${await cache.get(key)}`);
    await joinAll(["a", "a", "b", "a"].map((key) => spawnWith({ name: "caller" }, call, key)));
    await world.advance(LOAD_MS); // for a load whose callers are gone
    assertEquals(loads.toSorted(), ["a", "b"]);
    assert(answers.length >= 3, `${answers.length} of 4 got an answer`);
    for (const answer of answers) assert(/^(a|b): \1, loaded at 10$/.test(answer), answer);
  };
}

Deno.test("SingleFlight.get() loads once for all callers, whichever of them is killed", async () => {
  const body = crowd((load) => new SingleFlight(load, TTL_MS));
  await explore(body, { inject: ["kill", "timeout"], faults: 1, victims: isCaller });
});

Deno.test("SingleFlight.get() tells a failure to all who wait, and loads again for the next", async () => {
  const failures = new Set<unknown>();
  await explore(async () => {
    let fails = true;
    const cache = new SingleFlight(async (_key: string) => {
      if (!fails) return "an answer";
      await sleep(LOAD_MS);
      throw new Error("no answer");
    }, TTL_MS);
    const call = () => cache.get("a").catch((error: Error) => error.message);
    for (const { value } of await joinAll([spawn(call), spawn(call)])) failures.add(value);
    fails = false;
    assertEquals(await cache.get("a"), "an answer");
  }, { inject: ["kill"], faults: 1, victims: ({ name }) => name === "load a" });
  assertEquals([...failures].sort(), ["The load of a was killed", "no answer"]);
});

Deno.test("SingleFlight.get() loads again when the time to live is over", async () => {
  await simulate(async (world) => {
    let loads = 0;
    const cache = new SingleFlight(() => ++loads, TTL_MS);
    assertEquals(await cache.get("a"), 1);
    await world.advance(TTL_MS - 1);
    assertEquals(await cache.get("a"), 1);
    await world.advance(1);
    assertEquals(await cache.get("a"), 2);
  });
});

/** The first caller loads: its kill becomes the failure of the load, and ends the others. */
class CallerLoads implements Cache {
  readonly #flights = new Map<string, AsyncResult<string>>();

  constructor(readonly load: Load) {}

  async get(key: string): Promise<string> {
    const flight = this.#flights.get(key);
    if (flight !== undefined) return await flight.get();
    const mine = new AsyncResult<string>();
    this.#flights.set(key, mine);
    await this.load(key).then((value) => mine.set(value), (error) => mine.setError(error));
    return mine.getNowait();
  }
}

Deno.test("explore() finds that a load in the caller's greenlet takes the other callers with it", async () => {
  const body = crowd((load) => new CallerLoads(load));
  await explore(body); // without kills all is well
  const error = await assertRejects(() => explore(body, { inject: ["kill"], faults: 1 }), ExplorationError);
  // … → #3 caller: AsyncResult.get() → kill #2 caller → #2 caller ends → … → #3 caller ends → …
  assertStringIncludes(error.schedule, "kill #2 caller");
  assertStringIncludes(String(error.cause), "of 4 got an answer");
});

Deno.test("the demo of the single flight loads the page once, although the first reader gives up", async () => {
  const lines: string[] = [];
  await simulate(() => demo((line) => void lines.push(line)));
  assertEquals(lines, [
    "loading /news",
    "Bob got the page /news",
    "Cy got the page /news",
    "Dora got the page /news",
  ]);
});
