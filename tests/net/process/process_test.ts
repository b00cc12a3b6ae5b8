import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  getHub,
  iwait,
  joinAll,
  type Process,
  sleep,
  spawn,
  spawnProcess,
  wait,
} from "@verdant/green";
import { turn } from "../../helpers.ts";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";
import { assertIdleSoon } from "../network.ts";
import { children, living, longNap, processes, untilLiving } from "./processes.ts";

Deno.test("spawnProcess() starts a process and says what it is", async () => {
  const args = ["sleep", "60"];
  await using child = spawnProcess(args);
  assertEquals((await children()).map(({ pid }) => pid), [child.pid]);
  assert(child.args === args);
  assertEquals([child.returnCode, child.poll(), child.signal, child.ready], [
    undefined,
    undefined,
    null,
    false,
  ]);
  assertEquals(String(child), `process ${child.pid} (sleep 60)`);
  for (const name of ["stdin", "stdout", "stderr"] as const) {
    assertThrows(
      () => child[name],
      TypeError,
      `Cannot use ${name} of process ${child.pid} (sleep 60): it is not a pipe`,
    );
  }
});

Deno.test("spawnProcess() throws at the call if there is no such program", async () => {
  assertThrows(() => spawnProcess(["no-such-program"]), Deno.errors.NotFound, "no-such-program");
  assertThrows(
    () => spawnProcess(["ls"], { cwd: "/no/such/folder" }),
    Deno.errors.NotFound,
    "/no/such/folder",
  );
  assertThrows(() => spawnProcess("/etc"), Deno.errors.PermissionDenied, "/etc");
  assertEquals(await children(), []);
});

Deno.test("Process.wait() returns the return code, undefined on time-out, and wakes all who wait", async () => {
  await using child = spawnProcess("read x; exit 7", { shell: true, stdin: "pipe" });
  assertEquals(await child.wait({ timeout: 1 }), undefined);
  assertEquals(await child.wait({ timeout: 0 }), undefined);
  const waiting = [1, 2, 3].map(() => spawn(() => child.wait()));
  await sleep();
  await waiting[1]!.kill();
  child.stdin.close();
  await joinAll(waiting);
  assertEquals([waiting[0]!.value, waiting[2]!.value], [7, 7]);
  assertEquals([child.poll(), child.returnCode, await child.wait({ timeout: 0 })], [7, 7, 7]);
  assertEquals(getHub().stats().foreignWaits, 0);
});

Deno.test("Process.wait() tells a signal by a negative return code", async () => {
  for (const [signal, code] of [["SIGTERM", -15], ["SIGKILL", -9], ["SIGUSR1", -10]] as const) {
    await using child = spawnProcess(["sleep", "60"]);
    child.sendSignal(signal);
    assertEquals([await child.wait(), child.returnCode, child.signal], [code, code, signal]);
    child.sendSignal(signal); // nothing happens
  }
  await using child = spawnProcess(["sleep", "60"]);
  child.terminate();
  assertEquals(await child.wait(), -15);
  await using other = spawnProcess(["sleep", "60"]);
  other.kill();
  assertEquals(await other.wait(), -9);
});

Deno.test("Process.sendSignal() refuses an unknown signal, and does not mind a process that has just ended", async () => {
  for (const processGroup of [true, false]) {
    await using child = spawnProcess(["true"], { processGroup });
    assertThrows(() => child.sendSignal("SIGNONE" as "SIGINT"), TypeError, "SIGNONE");
    const end = performance.now() + 100; // it ends meanwhile, and we cannot have been told
    while (performance.now() < end);
    child.kill();
    await child.wait();
    child.kill();
  }
});

Deno.test("wait(), iwait() and rawlink() wait for processes", async () => {
  await using slow = spawnProcess(["sleep", "60"]);
  await using fast = spawnProcess(["true"]);
  assertEquals(await wait([slow, fast], { count: 1 }), [fast]);
  assertEquals(await wait([slow], { timeout: 1 }), []);
  const links: Process[] = [];
  fast.rawlink((child) => links.push(child)); // it has ended
  slow.rawlink((child) => links.push(child));
  slow.rawlink(() => links.push(fast))[Symbol.dispose]();
  await sleep();
  assertEquals(links, [fast]);
  slow.rawlink(() => assertThrows(() => slow.wait(), BlockingSwitchOutError));
  slow.kill();
  for await (const ended of iwait([slow])) assertEquals(ended.returnCode, -9);
  assertEquals([links, getHub().stats().foreignWaits], [[fast, slow], 0]);
  assertThrows(() => slow.rawlink("x" as never), TypeError, "callback must be a function, received x");
});

Deno.test("Process.processGroup: signals reach the children as well", async () => {
  const nap = longNap();
  const line = `sleep ${nap} & sleep ${nap}; true`;
  await using shell = spawnProcess(line, { shell: true });
  assert(shell.processGroup);
  await untilLiving(nap, 3);
  shell.terminate();
  await shell.wait();
  await untilLiving(nap, 0);
  await using program = spawnProcess(["sh", "-c", line], { processGroup: true });
  await untilLiving(nap, 3);
  program.kill();
  await program.wait();
  await untilLiving(nap, 0);
  await using alone = spawnProcess(["sh", "-c", `${line}; exit`]);
  await untilLiving(nap, 3);
  assertEquals(alone.processGroup, false);
  alone.kill();
  await alone.wait();
  await untilLiving(nap, 2);
  const left = (await processes()).filter(({ command }) => command === `sleep ${nap}`);
  for (const { pid } of left) Deno.kill(pid, "SIGKILL");
});

Deno.test("Process.sendSignal() reaches those of its group who outlive it", async () => {
  const nap = longNap();
  await using child = spawnProcess(`trap "" INT; sleep ${nap} & exit 5`, { shell: true });
  assertEquals(await child.wait(), 5);
  assertEquals((await living(nap)).length, 1);
  child.sendSignal("SIGINT");
  await sleep(10);
  assertEquals((await living(nap)).length, 1);
  child.terminate();
  await untilLiving(nap, 0);
  assertEquals(child.returnCode, 5);
});

Deno.test("Process[Symbol.asyncDispose]() ends the process and its group, and closes the pipes", async () => {
  const nap = longNap();
  let child: Process;
  {
    await using shell = spawnProcess(`sleep ${nap} & sleep ${nap}; true`, {
      shell: true,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    child = shell;
    await untilLiving(nap, 3);
  }
  assertEquals([child.returnCode, await living(nap)], [-15, []]);
  assertEquals([child.stdin.closed, child.stdout.closed, child.stderr.closed], [true, true, true]);
  await child[Symbol.asyncDispose](); // again
});

Deno.test("Process[Symbol.asyncDispose]() ends those of the group who outlive the process", async () => {
  const nap = longNap();
  {
    await using child = spawnProcess(`sleep ${nap} &`, { shell: true });
    assertEquals(await child.wait(), 0);
    assertEquals((await living(nap)).length, 1);
  }
  assertEquals(await living(nap), []);
});

Deno.test("Process[Symbol.asyncDispose]() kills a process that ignores SIGTERM, after killGrace", async () => {
  for (const shell of [true, false]) {
    const line = "trap '' TERM; echo; while :; do sleep 0.01; done";
    const options = { stdout: "pipe", killGrace: 50 } as const;
    let child: Process;
    {
      await using stubborn = shell
        ? spawnProcess(line, { ...options, shell })
        : spawnProcess(["sh", "-c", line], options);
      await stubborn.stdout.readLine();
      child = stubborn;
    }
    assertEquals([child.returnCode, child.signal], [-9, "SIGKILL"]);
  }
});

Deno.test("Process[Symbol.asyncDispose]() with killGrace: 0 kills at once", async () => {
  let child: Process;
  {
    const line = "trap '' TERM; echo; while :; do sleep 0.01; done";
    await using stubborn = spawnProcess(["sh", "-c", line], { stdout: "pipe", killGrace: 0 });
    await stubborn.stdout.readLine();
    child = stubborn;
  }
  assertEquals(child.returnCode, -9);
});

Deno.test("Process[Symbol.asyncDispose]() of a killed greenlet is waited for", async () => {
  const nap = longNap();
  const g = spawn(async () => {
    await using _child = spawnProcess(["sleep", nap]);
    await sleep(60_000);
  });
  await untilLiving(nap, 1);
  await g.kill();
  assertEquals(await children(), []);
});

Deno.test("Process[Symbol.asyncDispose]() that is killed still waits for the end", async () => {
  const line = "trap 'sleep 0.2; exit 0' TERM; echo; while :; do sleep 0.01; done";
  const child = spawnProcess(line, { shell: true, stdout: "pipe", killGrace: 60_000 });
  await child.stdout.readLine();
  const g = spawn(() => child[Symbol.asyncDispose]());
  await sleep(20);
  await g.kill();
  assertEquals([child.returnCode, child.stdout.closed], [0, true]);
});

Deno.test("Process[Symbol.asyncDispose]() wakes who reads, writes and waits", async () => {
  const child = spawnProcess(["sleep", "60"], { stdin: "pipe", stdout: "pipe" });
  const ends = [
    spawn(() => child.wait()),
    spawn(() => child.stdout.readLine()),
    spawn(() => child.stdin.writeAll(new Uint8Array(1_000_000)).catch((error) => error.constructor)),
  ];
  await sleep(1);
  await child[Symbol.asyncDispose]();
  await joinAll(ends);
  assertEquals([ends[0]!.value, ends[1]!.value], [-15, null]);
  assert([Deno.errors.BrokenPipe, Deno.errors.Interrupted].includes(ends[2]!.value as never));
  await assertIdleSoon();
});

Deno.test("A process that nobody waits for does not stop hub.join()", async () => {
  await using _child = spawnProcess(["sleep", "60"]);
  assert(await getHub().join());
  const g = spawn(() => _child.wait());
  await sleep();
  assertEquals(await getHub().join({ timeout: 1 }), false);
  await g.kill();
});

Deno.test("Process.poll() sees the end without a wait for it", async () => {
  await using child = spawnProcess(["true"]);
  while (child.poll() === undefined) await turn();
  assertEquals(child.poll(), 0);
});

interruptAnywhere("await using of a Process", () => {
  const nap = longNap();
  return {
    async victim() {
      const line = `sleep ${nap} & read x; echo $x; wait`;
      await using child = spawnProcess(line, { shell: true, stdin: "pipe", stdout: "pipe" });
      await child.stdin.writeAll("line\n");
      assertEquals(await child.stdout.readLine(), "line");
      assertEquals(await child.wait({ timeout: 1 }), undefined);
    },
    async check() {
      assertEquals([await living(nap), await children()], [[], []]);
    },
  };
});
