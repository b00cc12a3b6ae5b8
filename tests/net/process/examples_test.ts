import { assertEquals } from "@std/assert";
import { run, spawnProcess } from "@verdant/green";
import { living, longNap, untilLiving } from "./processes.ts";

const ROOT = new URL("../../../", import.meta.url);
const EXAMPLE = [Deno.execPath(), "run", "-A", "--no-check", "examples/run_commands.ts"];

Deno.test("examples/run_commands.ts runs its commands, and ends what is too slow", async () => {
  const { stdout, stderr, returnCode } = await run(EXAMPLE, { cwd: ROOT, env: { NO_COLOR: "1" } });
  assertEquals([stderr, returnCode], ["", 1]);
  assertEquals(stdout.trimEnd().split("\n").sort(), [
    "ok        echo four; sleep 0.1: four",
    "ok        echo one; sleep 0.2: one",
    "status 2  echo two >&2; exit 2: two",
    "too slow  sleep 60 | sleep 60",
  ]);
});

Deno.test("examples/run_commands.ts runs no more at a time than it may", async () => {
  const busy = "mkdir busy && sleep 0.05 && rmdir busy"; // fails if another one is under way
  const cwd = await Deno.makeTempDir();
  try {
    const commands = Array.from({ length: 5 }, () => `cd ${cwd} && ${busy}`);
    const { stdout } = await run([...EXAMPLE, "--limit", "1", "--timeout", "60000", ...commands], {
      cwd: ROOT,
    });
    assertEquals(stdout.match(/^ok/gm)?.length, 5, stdout);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("examples/run_commands.ts ends all commands at Ctrl-C", async () => {
  const nap = longNap();
  const command = [...EXAMPLE, "--timeout", "60000", `sleep ${nap}; true`, `sleep ${nap} | cat`];
  await using example = spawnProcess(command, { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
  await untilLiving(`/bin/sh -c sleep ${nap}`, 2);
  example.sendSignal("SIGINT");
  const { stdout, stderr } = await example.communicate();
  assertEquals([stdout, stderr, example.returnCode], ["", "", 130]);
  assertEquals(await living(`sleep ${nap}`), []);
});
