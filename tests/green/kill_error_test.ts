import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Event,
  getCurrent,
  getHub,
  type Greenlet,
  GreenletExit,
  isKill,
  type KillReason,
  Queue,
  sleep,
  spawn,
  spawnWith,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";

/** What a parked greenlet is killed with. */
async function killWith(reason: KillReason): Promise<Greenlet> {
  const victim = spawn(() => sleep(60_000));
  await sleep();
  await victim.kill(reason);
  return victim;
}

Deno.test("Greenlet.kill() names the victim, what it waited for and the killer", async () => {
  const victim = spawnWith({ name: "victim" }, () => new Queue<number>().get());
  await sleep();
  const killer = spawnWith({ name: "killer" }, () => victim.kill());
  await killer.join();
  assertEquals(
    String(victim.value),
    `GreenletExit: Greenlet #${victim.id} victim was killed by #${killer.id} killer while it waited for Queue get`,
  );
});

Deno.test("Greenlet.kill() calls the code outside greenlets the main flow", async () => {
  const victim = spawnWith({ name: "victim" }, () => new Event().wait());
  await sleep();
  await victim.kill("closing");
  assertEquals(
    String(victim.value),
    `GreenletExit: Greenlet #${victim.id} victim was killed by the main flow while it waited for Event wait: closing`,
  );
});

Deno.test("Greenlet.kill() names no wait where there is none, and nobody but the victim itself", async () => {
  const unstarted = spawnWith({ name: "unstarted" }, () => {});
  await unstarted.kill();
  assertEquals(
    String(unstarted.value),
    `GreenletExit: Greenlet #${unstarted.id} unstarted was killed by the main flow`,
  );
  const suicidal = spawnWith({ name: "suicidal" }, () => getCurrent()!.kill());
  await suicidal.join();
  assertStringIncludes(
    String(suicidal.value),
    `suicidal was killed by #${suicidal.id} suicidal`,
  );
});

Deno.test("Greenlet.kill() says for whose end the victim waited", async () => {
  const other = spawnWith({ name: "other" }, () => sleep(60_000));
  const victim = spawn(() => other.join());
  await sleep();
  await victim.kill();
  assertStringIncludes(String(victim.value), `while it waited for the end of #${other.id} other`);
  await other.kill();
});

Deno.test("Greenlet.kill() with GreenletExit, or its own message, is a success", async () => {
  using errors = captureErrors();
  for (const reason of [undefined, "going home", new GreenletExit("own"), GreenletExit]) {
    const victim = await killWith(reason);
    assert(victim.successful);
    assertInstanceOf(victim.value, GreenletExit);
    assert(isKill(victim.value));
  }
  assertEquals(errors.seen, []);
});

Deno.test("Greenlet.kill() with the class GreenletExit or Error names the victim as well", async () => {
  using _errors = captureErrors();
  assertMatch(String((await killWith(GreenletExit)).value), /Greenlet #\d+ .* was killed by the main flow/);
  assertMatch(String((await killWith(Error)).error), /Greenlet #\d+ .* was killed by the main flow/);
});

Deno.test("Greenlet.kill() throws the very error it is given, and one of another class is a failure", async () => {
  using errors = captureErrors();
  class OwnExit extends GreenletExit {}
  const exit = new OwnExit("own");
  assertStrictEquals((await killWith(exit)).value, exit);
  const failure = new RangeError("failure");
  const failed = await killWith(failure);
  assertEquals([failed.successful, failed.value], [false, undefined]);
  assertStrictEquals(failed.error, failure);
  const made = await killWith(TypeError);
  assertInstanceOf(made.error, TypeError);
  assertInstanceOf((await killWith(OwnExit)).value, OwnExit);
  assertEquals(errors.seen, [failure, made.error]);
});

Deno.test("Greenlet.kill() and throw() refuse other reasons with the value, and change nothing", async () => {
  const greenlet = spawn(async () => {
    await sleep();
    return "alive";
  });
  const bad: [unknown, string][] = [[42, "42"], [null, "null"], [{}, "[object Object]"], [Map, "class Map"], [
    () => new Error(),
    "=>",
  ]];
  for (const [reason, shown] of bad) {
    const message = reason === Map ? "function Map()" : shown;
    assertThrows(() => void greenlet.kill(reason as never), TypeError, message);
    assertThrows(() => greenlet.throw(reason as never), TypeError, message);
  }
  assertEquals(String(greenlet), `Greenlet #${greenlet.id} ${greenlet.label} (scheduled)`);
  assertEquals(await greenlet.get(), "alive");
});

Deno.test("Greenlet.kill() says in its error where the victim waited, with hub.debug", async () => {
  const hub = getHub();
  const { debug } = hub;
  hub.debug = true;
  try {
    const victim = spawn(async function innocent() {
      await new Queue<number>().get();
    });
    await sleep();
    await victim.kill();
    const { stack } = victim.value as unknown as GreenletExit;
    assertStringIncludes(stack!, "while the victim waited\n    at");
    assertStringIncludes(stack!.split("while the victim waited")[1]!, "innocent");
  } finally {
    hub.debug = debug;
  }
  assert(!((await killWith(undefined)).value as GreenletExit).stack!.includes("while the victim waited\n"));
});
