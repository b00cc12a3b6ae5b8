/** What ends a command before its time: limits, signals, kills. In every case it is gone then, with its children. */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { getHub, run, shield, sleep, spawn, Timeout, TimeoutExpired, withTimeout } from "@verdant/green";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";
import { assertIdleSoon } from "../network.ts";
import { children, living, longNap, untilLiving } from "./processes.ts";

Deno.test("run() throws TimeoutExpired with the output so far, text or bytes", async () => {
  const error = await assertRejects(
    () => run("echo out; echo err >&2; sleep 60", { shell: true, timeout: 300 }),
    TimeoutExpired,
    'Command "echo out; echo err >&2; sleep 60" timed out after 300 ms',
  );
  assertEquals([error.stdout, error.stderr, error.timeout, error.name], [
    "out\n",
    "err\n",
    300,
    "TimeoutExpired",
  ]);
  const { output } = await assertRejects(
    () => run("echo out; sleep 60", { shell: true, timeout: 300, encoding: "buffer" }),
    TimeoutExpired,
  );
  assertEquals(output, new TextEncoder().encode("out\n"));
  assertEquals(await children(), []);
});

Deno.test("run() with timeout: 0 starts nothing", async () => {
  await assertRejects(() => run(["no-such-program"], { timeout: 0 }), TimeoutExpired);
});

Deno.test("run() that times out ends the children of its shell", async () => {
  const nap = longNap();
  const line = `sleep ${nap} & sleep ${nap} | cat`;
  await assertRejects(() => run(line, { shell: true, timeout: 100 }), TimeoutExpired);
  assertEquals(await living(nap), []);
});

Deno.test("run() that is killed returns when the command and its children are gone", async () => {
  const nap = longNap();
  let left: string[] | undefined;
  const g = spawn(async () => {
    try {
      await run(`sleep ${nap} & sleep ${nap}`, { shell: true });
    } finally {
      left = await living(nap);
    }
  });
  await untilLiving(nap, 3);
  await g.kill();
  assertEquals([left, g.successful, await children()], [[], true, []]);
});

Deno.test("run() under a Timeout ends the command before the Timeout is seen", async () => {
  const nap = longNap();
  const limit = new Timeout(100);
  const error = await withTimeout(limit, () => run(["sleep", nap])).catch((error) => error);
  assertStrictEquals(error, limit);
  assertEquals(await children(), []);
});

Deno.test("run() throws the Timeout that is its limit, and the reason of its signal", async () => {
  const limit = new Timeout(50);
  assertStrictEquals(await run(["sleep", "60"], { timeout: limit }).catch((error) => error), limit);
  const controller = new AbortController();
  const nap = longNap();
  const running = run(["sleep", nap], { signal: controller.signal }).catch((reason) => reason);
  await untilLiving(nap, 1);
  controller.abort("enough");
  assertEquals([await running, await children()], ["enough", []]);
  const aborted = run(["no-such-program"], { signal: AbortSignal.abort("before") });
  assertEquals(await aborted.catch((reason) => reason), "before");
});

Deno.test("run() in a greenlet that was killed before does not start the command", async () => {
  const nap = longNap();
  const g = spawn(async () => {
    await sleep();
    void g.kill(undefined, { block: false });
    await run(["sleep", nap]);
  });
  await g.join();
  assertEquals([g.successful, await living(nap)], [true, []]);
});

Deno.test("run() lets a command clean up after SIGTERM, and captures what it says then", async () => {
  const line =
    `trap 'echo cleaning; sleep 0.1; echo done; exit' TERM; echo ready; while :; do sleep 0.01; done`;
  const error = await assertRejects(
    () => run(line, { shell: true, timeout: 500, killGrace: 60_000 }),
    TimeoutExpired,
  );
  assertEquals(error.stdout, "ready\ncleaning\ndone\n");
});

Deno.test("run() reads on while a command ends that has much to say", async () => {
  const line = `trap 'head -c 1000000 /dev/zero; exit' TERM; while :; do sleep 0.01; done`;
  const error = await assertRejects(
    () => run(line, { shell: true, timeout: 300, killGrace: 60_000 }),
    TimeoutExpired,
  );
  assertEquals(error.stdout.length, 1_000_000);
});

Deno.test("run() kills a command that ignores SIGTERM when the grace period is over", async () => {
  const nap = longNap();
  for (const shell of [true, false]) {
    const line = `trap '' TERM; echo ready; exec sleep ${nap}`;
    const running = shell
      ? run(line, { shell, timeout: 200, killGrace: 50 })
      : run(["sh", "-c", line], { timeout: 200, killGrace: Temporal.Duration.from({ milliseconds: 50 }) });
    const { stdout } = await assertRejects(() => running, TimeoutExpired);
    assertEquals([stdout, await living(nap)], ["ready\n", []]);
  }
});

Deno.test("run() kills a child that ignores SIGTERM, although its shell has ended", async () => {
  const nap = longNap();
  const line = `(trap '' TERM; exec sleep ${nap}) & echo ready; wait`;
  await assertRejects(() => run(line, { shell: true, timeout: 200, killGrace: 100 }), TimeoutExpired);
  assertEquals(await living(nap), []);
});

Deno.test("run() gives a child that outlives its shell the grace period, too", async () => {
  const line = `(trap 'sleep 0.2; echo late; exit' TERM; while :; do sleep 0.01; done) & wait`;
  const error = await assertRejects(
    () => run(line, { shell: true, timeout: 200, killGrace: 60_000 }),
    TimeoutExpired,
  );
  assertEquals(error.stdout, "late\n");
});

Deno.test("run() that times out does not wait for an orphan that holds the pipes open", async () => {
  const nap = longNap();
  const line = `setsid sleep ${nap} & echo $!; sleep 60`;
  const error = await assertRejects(() => run(line, { shell: true, timeout: 200 }), TimeoutExpired);
  Deno.kill(Number(error.stdout), "SIGKILL"); // it has left the group: nobody but us knows it
  assertEquals(await children(), []);
});

Deno.test("run() that times out after the end of its shell ends the children that hold the pipes", async () => {
  const nap = longNap();
  const error = await assertRejects(
    () => run(`sleep ${nap} & echo hi`, { shell: true, timeout: 200 }),
    TimeoutExpired,
  );
  assertEquals([error.stdout, await living(nap)], ["hi\n", []]);
});

Deno.test("run() waits for the output of children that outlive the shell, and leaves alone those that write none", async () => {
  assertEquals((await run("(sleep 0.1; echo late) &", { shell: true })).stdout, "late\n");
  const nap = longNap();
  const { stdout } = await run(`sleep ${nap} >/dev/null 2>&1 </dev/null & echo $!`, { shell: true });
  assertEquals((await living(nap)).length, 1);
  Deno.kill(Number(stdout), "SIGKILL");
});

Deno.test("run() without a group ends the command alone", async () => {
  const nap = longNap();
  const line = `sleep ${nap} & echo $!; wait`;
  const error = await assertRejects(
    () => run(line, { shell: true, processGroup: false, timeout: 200 }),
    TimeoutExpired,
  );
  assertEquals(await living(nap), [`sleep ${nap}`]);
  Deno.kill(Number(error.stdout), "SIGKILL");
});

Deno.test("run() that is killed twice still waits for the end of the command", async () => {
  const nap = longNap();
  const line = `trap 'sleep 0.2; exit' TERM; echo ${nap} >/dev/null; while :; do sleep 0.01; done`;
  const g = spawn(() => run(line, { shell: true, killGrace: 60_000 }));
  await untilLiving(nap, 1);
  await sleep(100);
  void g.kill("first", { block: false });
  await sleep();
  assert(!g.ready);
  await g.kill("second");
  assertEquals([await living(nap), await children()], [[], []]);
});

Deno.test("run() that ends before its limit leaves no timer and no wait", async () => {
  await run(["true"], { timeout: 60_000, signal: new AbortController().signal });
  await assertIdleSoon();
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("run() outside any greenlet may be left alone: its error is not unhandled", async () => {
  void run(["false"], { check: true });
  void run(["no-such-program"]);
  void run(["sleep", "60"], { timeout: 20 });
  while ((await children()).length > 0) await sleep(5);
  await sleep(5);
});

interruptAnywhere("run()", () => {
  const nap = longNap();
  let cleanedUp = false;
  let left: string[] = [];
  return {
    async victim() {
      try {
        await run(`sleep ${nap} >/dev/null & echo; wait $!`, { shell: true, timeout: 30 });
      } catch (error) {
        if (!(error instanceof TimeoutExpired)) throw error;
      } finally {
        left = await shield(() => living(nap));
        cleanedUp = true;
      }
    },
    async check() {
      assertEquals([cleanedUp, left, await children()], [true, [], []]);
    },
  };
});
