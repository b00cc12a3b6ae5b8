/**
 * Commands are run and killed at random: no process is left, no file is open, no greenlet waits.
 *
 * `GREEN_STRESS_PROCESSES` says how many.
 */
import { assertEquals } from "@std/assert";
import {
  getHub,
  isKill,
  run,
  seededRandom,
  sleep,
  spawn,
  spawnProcess,
  SubprocessError,
  Timeout,
  TooLongError,
  until,
  withTimeout,
} from "@verdant/green";
import { turn } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { children, descriptors, living, longNap } from "./processes.ts";

const PROCESSES = Number(Deno.env.get("GREEN_STRESS_PROCESSES") ?? 100);
const AT_A_TIME = 10;
const MUCH = new Uint8Array(300_000);

const random = seededRandom(29);
const below = (n: number) => Math.floor(random() * n);
const nap = longNap();

/** What greenlets do with processes until they are done, or struck. */
const lives: (() => Promise<unknown>)[] = [
  () => run(["true"]),
  () => run(["cat"], { input: MUCH }),
  () => run(["sleep", nap]),
  () => run(["sleep", nap], { input: MUCH }),
  () => run(["sleep", nap], { timeout: below(20) }),
  () => run(`sleep ${nap} & sleep ${nap} | cat`, { shell: true }),
  () => run(`sleep ${nap} & sleep ${nap} | cat`, { shell: true, timeout: 1 + below(20), stderr: "stdout" }),
  () => run(`trap '' TERM; sleep ${nap}; sleep ${nap}`, { shell: true, killGrace: below(30) }),
  () => run(["yes"], { maxOutput: below(1_000_000) }),
  () =>
    run(["no-such-program"]).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }),
  () => withTimeout(below(10), () => run(["sleep", nap])),
  async function talks() {
    await using child = spawnProcess(["cat"], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
    await child.stdin.writeAll("line\n");
    assertEquals(await child.stdout.readLine(), "line");
    await sleep(below(5));
  },
  async function communicatesAgain() {
    await using child = spawnProcess("sleep 0.01; cat", { shell: true, stdin: "pipe", stdout: "pipe" });
    for (let limit = 1;; limit *= 2) {
      try {
        const { stdout } = await child.communicate(MUCH, { timeout: limit });
        return assertEquals(stdout.length, MUCH.length);
      } catch (error) {
        if (!(error instanceof SubprocessError)) throw error;
      }
    }
  },
  async function isFloodedAndDeaf() {
    await using child = spawnProcess(["yes"], { stdin: "pipe", stdout: "pipe", killGrace: below(20) });
    await child.stdin.writeAll(MUCH);
  },
];

/** One after the other; two of three are struck. Those who are not may sleep long: they get a while. */
async function rounds(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const g = spawn(lives[below(lives.length)]!);
    if (below(3) === 0) await g.join({ timeout: 50 });
    for (let steps = below(8); steps > 0 && !g.ready; steps--) {
      if (below(3) === 0) await until(turn());
      else await sleep(below(2) * below(4));
    }
    await g.kill();
    if (g.failed && !isExpected(g.error)) throw g.error;
  }
}

function isExpected(error: unknown): boolean {
  return isKill(error) || [SubprocessError, Timeout, TooLongError].some((Class) => error instanceof Class);
}

Deno.test("run() and spawnProcess() that are killed at any moment leave nothing", async () => {
  await run(["true"]); // what the platform opens for the first stays open
  const before = descriptors();
  const { onError } = getHub();
  getHub().onError = () => {}; // the errors of those who are struck are looked at
  try {
    const crowd = Array.from({ length: AT_A_TIME }, () => spawn(rounds, PROCESSES / AT_A_TIME));
    for (const each of crowd) await each.get();
  } finally {
    getHub().onError = onError;
  }
  assertEquals([await living(nap), await children()], [[], []]);
  await assertIdleSoon();
  await eventually(() => descriptors() <= before);
});
