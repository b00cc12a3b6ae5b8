import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { patch, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";

const text = (chunk: Uint8Array) => new TextDecoder().decode(chunk);

/** Runs in a greenlet with processes patched. */
function processTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: Deno.build.os === "windows",
    async fn() {
      using _patches = patch({ process: true });
      await spawn(fn).get();
    },
  });
}

/** A child that ends only when it is told to. */
function trapping(folder: string): string {
  return `trap 'touch ${folder}/ended; exit' TERM; touch ${folder}/begun; while :; do sleep 0.01; done`;
}

async function endOf(folder: string): Promise<void> {
  while (!exists(`${folder}/ended`)) await sleep(1); // for ever, if it was not told
  await Deno.remove(folder, { recursive: true });
  await sleep(20); // the platform still has to notice
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

processTest("Deno.Command.output() that is interrupted ends the child", async () => {
  const folder = await Deno.makeTempDir();
  const victim = spawn(() => new Deno.Command("sh", { args: ["-c", trapping(folder)] }).output());
  while (!exists(`${folder}/begun`)) await sleep(1);
  assertStringIncludes(dump(), "waits for output of sh");
  await victim.kill();
  await endOf(folder);
});

processTest("Deno.Command.output() gives what the child says", async () => {
  const { code, stdout } = await new Deno.Command("sh", { args: ["-c", "echo hi; exit 3"] }).output();
  assertEquals([code, text(stdout)], [3, "hi\n"]);
});

processTest("Deno.Command.output() keeps the signal of its caller", async () => {
  const signal = AbortSignal.timeout(5);
  const { signal: ended } = await new Deno.Command("sleep", { args: ["100"], signal }).output();
  assertEquals(ended, "SIGTERM");
});

processTest(
  "Deno.ChildProcess.status that is interrupted leaves the child to whoever spawned it",
  async () => {
    const child = new Deno.Command("cat", { stdin: "piped", stdout: "piped" }).spawn();
    await assertRejects(() => withTimeout(1, () => child.status), Timeout);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("still here"));
    await writer.close();
    assertEquals(text((await child.output()).stdout), "still here");
    assertEquals((await child.status).code, 0);
  },
);

processTest("Deno.ChildProcess.stdout is read through the hub", async () => {
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const victim = spawn(() => reader.read());
  await sleep(1);
  await victim.kill();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("kept"));
  assertEquals(text((await reader.read()).value!), "kept");
  await writer.close();
  assert((await reader.read()).done);
  await child.status;
});

processTest("Deno.spawn() and Deno.spawnAndWait() are patched where there are any", async () => {
  const { spawn: start, spawnAndWait } = Deno as unknown as {
    spawn?(command: string, args: string[], options: Deno.CommandOptions): Deno.ChildProcess;
    spawnAndWait?(
      command: string,
      args: string[],
      options?: Deno.CommandOptions,
    ): Promise<Deno.CommandOutput>;
  };
  if (start === undefined || spawnAndWait === undefined) return;
  const child = start("cat", [], { stdin: "piped" });
  await assertRejects(() => withTimeout(1, () => child.status), Timeout);
  child.kill();
  await child.status;
  await child.stdin.close().catch(() => {});
  assertEquals(text((await spawnAndWait("echo", ["hi"])).stdout), "hi\n");
  const signal = AbortSignal.timeout(5);
  assertEquals((await spawnAndWait("sleep", ["100"], { signal })).signal, "SIGTERM");
  const folder = await Deno.makeTempDir();
  const caller = spawn(() => spawnAndWait("sh", ["-c", trapping(folder)]));
  while (!exists(`${folder}/begun`)) await sleep(1);
  await caller.kill();
  await endOf(folder);
});
