import { assertEquals } from "@std/assert";
import { contextName } from "@verdant/green";

const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const SUITE = new URL("fixtures/aplus.ts", import.meta.url).pathname;

async function run(how: string): Promise<unknown> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", "--no-check", "--config", CONFIG, SUITE, how],
    env: { GREEN_CONTEXT: contextName, NO_COLOR: "1" },
    stderr: "null",
    signal: AbortSignal.timeout(120_000),
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("promises-aplus-tests has the same result as ever when patched, outside and inside a greenlet", async () => {
  const all = { passed: 872, failed: [] };
  assertEquals(await Promise.all(["patched", "greenlet"].map(run)), [all, all]);
});
