import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../../", import.meta.url);
const NEEDS: Record<string, string[]> = {
  "app": ["main.o", "zlib.a", "version.h"],
  "manual": ["version.h"],
  "main.o": ["version.h", "zlib.h"],
  "zlib.a": ["zlib.h"],
  "zlib.h": [],
  "version.h": [],
};

async function run(...args: string[]): Promise<{ code: number; lines: string[]; err: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "examples/build_order.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(60_000),
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, lines: decoder.decode(stdout).trimEnd().split("\n"), err: decoder.decode(stderr) };
}

/** Those that are done, in their order; each is done behind all that it needs. */
function checkOrder(lines: string[]): string[] {
  const done = lines.filter((line) => line.endsWith(" is done")).map((line) => line.split(" ")[0]!);
  for (const [index, target] of done.entries()) {
    const got = lines.filter((line) => line.startsWith(`${target} has `)).map((line) => line.split(" ")[2]!);
    assertEquals(got.toSorted(), NEEDS[target]!.toSorted());
    for (const part of got) assert(done.slice(0, index).includes(part), `${target} came before ${part}`);
  }
  assertEquals(lines.at(-1), `built: ${done.join(", ")}`);
  return done;
}

Deno.test("examples/build_order.ts makes every target behind what it needs", async () => {
  const { code, lines, err } = await run();
  assertEquals([code, err], [0, ""]);
  assertEquals(checkOrder(lines).toSorted(), Object.keys(NEEDS).toSorted());
});

Deno.test("examples/build_order.ts goes on with what does not need a broken target", async () => {
  const { code, lines, err } = await run("version.h");
  assertEquals([code, err], [0, ""]);
  assertEquals(checkOrder(lines).toSorted(), ["zlib.a", "zlib.h"]);
  assertEquals(lines.filter((line) => line.includes("is not done")).toSorted(), [
    "app is not done: PropagateError(app): PropagateError(version.h): Error: cannot make version.h",
    "main.o is not done: PropagateError(main.o): PropagateError(version.h): Error: cannot make version.h",
    "manual is not done: PropagateError(manual): PropagateError(version.h): Error: cannot make version.h",
    "version.h is not done: PropagateError(version.h): Error: cannot make version.h",
  ]);
});
