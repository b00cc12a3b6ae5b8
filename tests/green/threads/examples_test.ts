import { assertEquals, assertMatch } from "@std/assert";
// deno-lint-ignore no-import-prefix -- what the example writes with, reads it, too
import { decode } from "npm:fast-png@^8.0.0";

const ROOT = new URL("../../../", import.meta.url);

async function run(...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--quiet", "--allow-read", "--allow-write", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  const err = decoder.decode(stderr).split("\n").filter((line) => !line.startsWith("Download")).join("\n");
  return { code, err, lines: decoder.decode(stdout).trimEnd().split("\n") };
}

Deno.test("examples/prime_sum.ts gets the same sum with one thread and with all", async () => {
  const { code, err, lines } = await run("examples/prime_sum.ts", "20000");
  assertEquals([code, err], [0, ""]);
  const sums = lines.slice(0, 2).map((line) => /add up to (\d+)/.exec(line)?.[1]);
  assertEquals(sums, ["21171191", "21171191"]);
  assertMatch(lines[2]!, /^\d+\.\d\d times as fast, and \d+ ticks meanwhile$/);
});

Deno.test("examples/mandelbrot.ts draws the set", async () => {
  const file = await Deno.makeTempFile({ suffix: ".png" });
  try {
    const { code, err, lines } = await run("examples/mandelbrot.ts", file, "160");
    assertEquals([code, err], [0, ""]);
    assertEquals(lines[0], `[${"#".repeat(40)}] 100 %`);
    const { width, height, channels, depth, data } = decode(await Deno.readFile(file));
    assertEquals([width, height, channels, depth], [160, 120, 3, 8]);
    const pixel = (x: number, y: number) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
    assertEquals([pixel(100, 60), pixel(62, 60)], [[0, 0, 0], [0, 0, 0]], "the set is black");
    const corners = [pixel(0, 0), pixel(159, 0), pixel(0, 119), pixel(159, 119)];
    assertEquals(corners.filter((colours) => Math.max(...colours) > 0).length, 4, "what is outside is not");
    // It mirrors itself about the real axis, which is the row in the middle.
    for (let x = 0; x < width; x += 7) assertEquals(pixel(x, 10), pixel(x, 110));
  } finally {
    await Deno.remove(file);
  }
});
