/** The race for the first address that answers, with attempts made up here, in virtual time. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  type Exploration,
  explore,
  GreenletExit,
  shield,
  simulate,
  sleep,
  spawn,
  Timeout,
  withTimeout,
  type World,
} from "@verdant/green";
import { alternateFamilies, raceAddresses } from "../../net/happy_eyeballs.ts";
import type { HostAddress } from "../../net/lookup.ts";

const V6_A: HostAddress = { address: "2001:db8::a", family: 6 };
const V6_B: HostAddress = { address: "2001:db8::b", family: 6 };
const V6_C: HostAddress = { address: "2001:db8::c", family: 6 };
const V4_A: HostAddress = { address: "192.0.2.1", family: 4 };
const V4_B: HostAddress = { address: "192.0.2.2", family: 4 };
const ALL = [V6_A, V6_B, V4_A, V4_B];

/** What becomes of an attempt: after so long (ms) a connection, or an error. */
interface Fate {
  readonly after: number;
  readonly error?: Error;
  /** Whether it goes on when it is killed. */
  readonly stubborn?: boolean;
}

/** A connection made up here. */
interface Made {
  readonly to: string;
}

/** A network of fates. */
class Network {
  readonly log: string[] = [];
  readonly made: Made[] = [];
  readonly discarded: Made[] = [];
  readonly #world: World;
  readonly #fates: Readonly<Record<string, Fate>>;

  constructor(world: World, fates: Readonly<Record<string, Fate>>) {
    this.#world = world;
    this.#fates = fates;
  }

  race(addresses: HostAddress[], signal?: AbortSignal): Promise<Made> {
    return raceAddresses<Made>({
      addresses,
      attempt: (address) => this.#attempt(address),
      discard: (late) => {
        this.#note(`discard ${late.to}`);
        this.discarded.push(late);
      },
      signal,
    });
  }

  async #attempt({ address }: HostAddress): Promise<Made> {
    const { after, error, stubborn } = this.#fates[address]!;
    this.#note(`try ${address}`);
    try {
      await (stubborn ? shield(() => sleep(after)) : sleep(after));
    } catch (reason) {
      this.#note(`${reason instanceof GreenletExit ? "kill" : "interrupt"} ${address}`);
      throw reason;
    }
    if (error !== undefined) throw error;
    const made = { to: address };
    this.made.push(made);
    return made;
  }

  #note(what: string): void {
    this.log.push(`${this.#world.now}: ${what}`);
  }
}

const NEVER: Fate = { after: 1_000_000 };
const refused = (place: string) => new Deno.errors.ConnectionRefused(`${place} refused`);

Deno.test("alternateFamilies() takes turns, beginning with the family of the first", () => {
  const order = (...addresses: HostAddress[]) => alternateFamilies(addresses);
  assertEquals(order(V6_A, V6_B, V4_A, V4_B), [V6_A, V4_A, V6_B, V4_B]);
  assertEquals(order(V4_A, V6_A, V6_B, V4_B), [V4_A, V6_A, V4_B, V6_B]);
  assertEquals(order(V6_A, V6_B, V6_C, V4_A), [V6_A, V4_A, V6_B, V6_C]);
  assertEquals(order(V4_A, V6_A, V6_B, V6_C), [V4_A, V6_A, V6_B, V6_C]);
  assertEquals(order(V6_B, V6_A), [V6_B, V6_A]);
  assertEquals(order(V4_A), [V4_A]);
});

Deno.test("raceAddresses() gives each attempt 250 ms before the next begins beside it", async () => {
  await simulate(async (world) => {
    const network = new Network(world, {
      [V6_A.address]: NEVER,
      [V6_B.address]: NEVER,
      [V4_A.address]: NEVER,
      [V4_B.address]: { after: 30 },
    });
    assertEquals(await network.race(ALL), { to: V4_B.address });
    assertEquals(world.now, 780);
    await world.settle();
    assertEquals(network.log, [
      "0: try 2001:db8::a",
      "250: try 192.0.2.1",
      "500: try 2001:db8::b",
      "750: try 192.0.2.2",
      "780: kill 2001:db8::a",
      "780: kill 192.0.2.1",
      "780: kill 2001:db8::b",
    ]);
    assertEquals(network.discarded, []);
  });
});

Deno.test("raceAddresses() follows a failed attempt at once", async () => {
  await simulate(async (world) => {
    const network = new Network(world, {
      [V6_A.address]: { after: 10, error: refused("a") },
      [V4_A.address]: { after: 20, error: refused("b") },
      [V6_B.address]: { after: 5 },
    });
    assertEquals(await network.race(ALL), { to: V6_B.address });
    assertEquals(network.log, ["0: try 2001:db8::a", "10: try 192.0.2.1", "30: try 2001:db8::b"]);
    assertEquals(world.now, 35);
  });
});

Deno.test("raceAddresses() gives the next attempt its 250 ms after one failed early", async () => {
  await simulate(async (world) => {
    const network = new Network(world, {
      [V6_A.address]: { after: 300, error: refused("a") },
      [V4_A.address]: NEVER,
      [V6_B.address]: NEVER,
      [V4_B.address]: { after: 1 },
    });
    await network.race(ALL);
    await world.settle();
    assertEquals(network.log.slice(0, 4), [
      "0: try 2001:db8::a",
      "250: try 192.0.2.1",
      "300: try 2001:db8::b", // a has failed
      "550: try 192.0.2.2",
    ]);
  });
});

Deno.test("raceAddresses() returns the first that succeeds, also one that began earlier", async () => {
  await simulate(async (world) => {
    const network = new Network(world, { [V6_A.address]: { after: 260 }, [V4_A.address]: { after: 100 } });
    assertEquals(await network.race([V6_A, V4_A]), { to: V6_A.address });
    assertEquals(world.now, 260);
    await world.settle();
    assertEquals(network.log.at(-1), "260: kill 192.0.2.1");
  });
});

Deno.test("raceAddresses() with one address waits for it as long as it takes", async () => {
  await simulate(async (world) => {
    const network = new Network(world, { [V4_A.address]: { after: 100_000 } });
    assertEquals(await network.race([V4_A]), { to: V4_A.address });
    assertEquals([world.now, network.log.length], [100_000, 1]);
  });
});

Deno.test("raceAddresses() discards, once, what is won too late", async () => {
  await simulate(async (world) => {
    const network = new Network(world, {
      [V6_A.address]: { after: 900, stubborn: true },
      [V4_A.address]: { after: 30 },
    });
    const won = await network.race([V6_A, V4_A]);
    assertEquals([won, world.now, network.discarded], [{ to: V4_A.address }, 280, []]);
    await world.advance(2_000);
    assertEquals(network.discarded, [{ to: V6_A.address }]);
    assertEquals(network.log.at(-1), "900: discard 2001:db8::a");
  });
});

Deno.test("raceAddresses() discards all but one of those won at the same moment", async () => {
  for (let seed = 0; seed < 50; seed++) {
    await simulate(async (world) => {
      const network = new Network(world, {
        [V6_A.address]: { after: 500 },
        [V4_A.address]: { after: 250 },
        [V6_B.address]: { after: 0 },
      });
      const won = await network.race([V6_A, V6_B, V4_A]);
      await world.settle();
      assert(!network.discarded.includes(won));
      assertEquals(new Set([won, ...network.discarded]), new Set(network.made));
      assertEquals(network.made.length, network.discarded.length + 1);
    }, { seed });
  }
});

Deno.test("raceAddresses() that fails everywhere tells of all, in the class of the first failure", async () => {
  await simulate(async (world) => {
    const errors = [refused("a"), new Deno.errors.TimedOut("b timed out"), refused("c")];
    const network = new Network(world, {
      [V6_A.address]: { after: 10, error: errors[0]! },
      [V4_A.address]: { after: 10, error: errors[1]! },
      [V6_B.address]: { after: 10, error: errors[2]! },
    });
    const error = await assertRejects(
      () => network.race([V6_A, V6_B, V4_A]),
      Deno.errors.ConnectionRefused,
    );
    assertEquals(error.message, "a refused; b timed out; c refused");
    assertInstanceOf(error.cause, AggregateError);
    assertEquals(error.cause.errors, errors);
    assertEquals(world.now, 30);
  });
});

Deno.test("raceAddresses() of one address throws its very error", async () => {
  await simulate(async (world) => {
    const error = refused("a");
    const network = new Network(world, { [V4_A.address]: { after: 10, error } });
    assertStrictEquals(await network.race([V4_A]).catch((caught) => caught) as unknown, error);
  });
});

Deno.test("raceAddresses() that is killed kills its attempts, and discards what they make", async () => {
  await simulate(async (world) => {
    const network = new Network(world, {
      [V6_A.address]: { after: 800, stubborn: true },
      [V4_A.address]: NEVER,
    });
    const victim = spawn(() => network.race([V6_A, V4_A, V6_B, V4_B]));
    await world.advance(300);
    await victim.kill();
    assertInstanceOf(victim.value, GreenletExit);
    await world.advance(1_000);
    assertEquals(network.log, [
      "0: try 2001:db8::a",
      "250: try 192.0.2.1",
      "300: kill 192.0.2.1",
      "800: discard 2001:db8::a",
    ]); // and no further attempt
    assertEquals(world.greenlets().length, 1);
  });
});

Deno.test("raceAddresses() that is killed with a winner in hand discards it, or has returned it", async () => {
  for (let seed = 0; seed < 50; seed++) {
    await simulate(async (world) => {
      const network = new Network(world, { [V6_A.address]: { after: 10 }, [V4_A.address]: { after: 10 } });
      const victim = spawn(() => network.race([V6_A, V4_A]));
      await sleep(10); // in the moment of the success
      await victim.kill();
      await world.settle();
      const returned = victim.value instanceof GreenletExit ? [] : [victim.value as Made];
      assertEquals([...returned, ...network.discarded], network.made);
    }, { seed });
  }
});

Deno.test("raceAddresses() ends by a time-out and by its signal, and kills its attempts", async () => {
  await simulate(async (world) => {
    const network = new Network(world, { [V6_A.address]: NEVER, [V4_A.address]: NEVER });
    await assertRejects(() => withTimeout(100, () => network.race([V6_A, V4_A])), Timeout);
    await world.settle();
    assertEquals(network.log.splice(0), ["0: try 2001:db8::a", "100: kill 2001:db8::a"]);
    const controller = new AbortController();
    const racing = spawn(() => network.race([V6_A, V4_A], controller.signal).catch((reason) => reason));
    await sleep(300);
    controller.abort("enough");
    assertEquals(await racing.get() as unknown, "enough");
    await world.settle();
    assertEquals(network.log.slice(2), ["400: kill 2001:db8::a", "400: kill 192.0.2.1"]);
    assertEquals(
      await network.race([V6_A], AbortSignal.abort("no")).catch((reason) => reason) as unknown,
      "no",
    );
    await world.settle();
    assertEquals(world.greenlets().length, 1);
  });
});

Deno.test("raceAddresses() whose attempts are killed by somebody else goes on, and ends with that", async () => {
  await simulate(async (world) => {
    const network = new Network(world, { [V6_A.address]: NEVER, [V4_A.address]: { after: 10 } });
    const racing = spawn(() => network.race([V6_A, V4_A]));
    await world.advance(5);
    await world.greenlets().find(({ name }) => name === "connect to 2001:db8::a")!.kill("by somebody else");
    assertEquals(await racing.get(), { to: V4_A.address });
    assertEquals(world.now, 15);
    const doomed = spawn(() => network.race([V6_A]).catch((error) => error));
    await world.advance(5);
    await world.greenlets().find(({ name }) => name === "connect to 2001:db8::a")!.kill("by somebody else");
    const error = await doomed.get() as unknown;
    assertInstanceOf(error, GreenletExit);
    assertStringIncludes(error.message, "by somebody else");
  });
});

/** Whatever is made is returned or discarded, once; at the end nobody is left. */
function explored(options: {
  readonly strategy: "random" | "pct" | "exhaustive";
  readonly runs?: number;
  readonly addresses?: HostAddress[];
  readonly fates: Readonly<Record<string, Fate>>;
}): Promise<Exploration> {
  const { addresses = ALL, fates, ...rest } = options;
  return explore(async (world) => {
    const network = new Network(world, fates);
    const caller = spawn(async function caller() {
      return await network.race(addresses);
    });
    await caller.join();
    await world.advance(10_000);
    const struck = caller.failed || caller.value instanceof GreenletExit;
    const returned = struck ? [] : [caller.value as Made];
    const ends = [...returned, ...network.discarded];
    assertEquals(ends.length, network.made.length, "something was lost, or discarded twice");
    assertEquals(new Set(ends), new Set(network.made));
    assertEquals(world.greenlets().length, 1);
  }, { ...rest, inject: ["kill", "timeout"], faults: options.strategy === "exhaustive" ? 1 : 3 });
}

const NAMES = ["at the same moment", "in the order of the addresses", "after they were killed"] as const;
const CROWDS: Readonly<Record<typeof NAMES[number], Readonly<Record<string, Fate>>>> = {
  "at the same moment": {
    [V6_A.address]: { after: 500 },
    [V4_A.address]: { after: 250 },
    [V6_B.address]: { after: 0 },
    [V4_B.address]: { after: 0 },
  },
  "in the order of the addresses": {
    [V6_A.address]: { after: 400 },
    [V4_A.address]: { after: 400 },
    [V6_B.address]: { after: 10, error: refused("b") },
    [V4_B.address]: { after: 10 },
  },
  "after they were killed": {
    [V6_A.address]: { after: 600, stubborn: true },
    [V4_A.address]: { after: 350, stubborn: true },
    [V6_B.address]: { after: 100, stubborn: true },
    [V4_B.address]: { after: 100 },
  },
};

for (const name of NAMES) {
  for (const strategy of ["random", "pct"] as const) {
    Deno.test(`raceAddresses() returns or discards what succeeds ${name}, whoever is killed (${strategy})`, async () => {
      await explored({ strategy, runs: 400, fates: CROWDS[name] });
    });
  }
}

Deno.test("raceAddresses() returns or discards what succeeds under every schedule and kill", async () => {
  const fates = { [V6_A.address]: { after: 250 }, [V4_A.address]: { after: 0 } };
  const report = await explored({ strategy: "exhaustive", addresses: [V6_A, V4_A], fates });
  assert(report.exhausted, String(report));
});
