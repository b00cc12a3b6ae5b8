import { assertEquals } from "@std/assert";
import { run } from "@verdant/green";
import { processes } from "./processes.ts";

const FIXTURE = new URL("./fixtures/limited.ts", import.meta.url).pathname;

/** The lines that the fixture prints, and whether the child of its shell lives on. It is ended then. */
async function runLimited(...permissions: string[]): Promise<[lines: string[], orphan: boolean]> {
  const args = [Deno.execPath(), "run", "--no-check", ...permissions, FIXTURE];
  const { stdout } = await run(args, { stdin: "null", timeout: 60_000, check: true });
  const lines = stdout.trimEnd().split("\n");
  const pid = Number(/^ended (\d+)$/.exec(lines[0]!)?.[1]);
  const child = (await processes()).find((listed) => listed.pid === pid && !listed.state.startsWith("Z"));
  if (child !== undefined) Deno.kill(pid, "SIGKILL");
  return [lines.map((line) => line.replace(/ \d+/, "")), child !== undefined];
}

Deno.test("run() with the permission to run everything ends the children of its shell", async () => {
  assertEquals(await runLimited("--allow-run"), [["ended", "group true"], false]);
});

Deno.test("run() with the permission to run a few programs ends the shell alone, and does not ask", async () => {
  assertEquals(await runLimited("--allow-run=/bin/sh"), [["ended", "group false"], true]);
});

Deno.test("run() and spawnProcess() without permission fail as Deno does", async () => {
  assertEquals(await runLimited(), [["NotCapable", "NotCapable"], false]);
});
