/** What a bundler leaves out of a program that does not use it. */
import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** The files whose classes are in the bundle of a program. */
async function filesWithClasses(program: string): Promise<string[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(entry, program);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform", "deno", "--config", "deno.json", entry],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    assertEquals(code, 0, decoder.decode(stderr));
    const parts = decoder.decode(stdout).split(/^\/\/ (\S+\.ts)$/m).slice(1);
    return parts.filter((_, i) => i % 2 === 0 && /^(var \w+ = )?class /m.test(parts[i + 1]!));
  } finally {
    await Deno.remove(entry);
  }
}

Deno.test("a bundle of spawn(), sleep() and Queue has nothing of what it does not use", async () => {
  const files = await filesWithClasses(
    `export { Queue, sleep, spawn } from ${JSON.stringify(new URL("mod.ts", ROOT).href)};`,
  );
  const names = files.map((file) => file.replace(/^.*?(?=(hub|sync|green|net)\/)/, ""));
  assert(names.includes("sync/queue.ts"), `${names}`);
  const others = names.filter((name) => !/^(hub|sync)\//.test(name)).sort();
  // Beside greenlets, some lines of classes of which a bundler cannot know whether they are used.
  assertEquals(others, [
    "green/greenlet.ts",
    "green/pool.ts",
    "green/spawn_raw.ts",
    "green/threads/task.ts",
    "net/http/body_limit.ts",
  ]);
});
