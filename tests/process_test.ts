import { assert, assertEquals, assertStringIncludes } from "@std/assert";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const CONFIG = new URL("../deno.json", import.meta.url).pathname;

/** Runs a fixture as a process of its own; killed, and so failed, if it does not end by itself. */
async function run(fixture: string, context: string, args: string[] = [], flags = ["-A"]): Promise<Outcome> {
  const file = new URL(`fixtures/${fixture}`, import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...flags, "--config", CONFIG, file, ...args],
    env: { GREEN_CONTEXT: context, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(30_000),
  });
  const { code, stdout, stderr } = await command.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

for (const context of ["fast", "portable"]) {
  Deno.test(`a program whose greenlets are done ends by itself with status 0 (${context})`, async () => {
    assertEquals(await run("finished.ts", context), { code: 0, out: "done\n", err: "" });
  });

  Deno.test(`spawn() runs no microtask, not even the first one in a process (${context})`, async () => {
    assertEquals((await run("first_spawn.ts", context)).out, "spawned, microtask, greenlet\n");
  });

  Deno.test(`main() ends a deadlocked program with status 1 and says who waits for what (${context})`, async () => {
    const { code, err } = await run("deadlock.ts", context);
    assertEquals(code, 1);
    assert(err.startsWith("LoopExit: All greenlets are blocked"), err);
    assertStringIncludes(err, "With GREEN_DEBUG=1, this also says");
    assertStringIncludes(err, "left waits for RLock acquire, held by");
    assertStringIncludes(err, "right waits for RLock acquire, held by");
    assertStringIncludes(err, "hungry waits for Queue get");
    assert(/cycle: #\d+ (left|right) -> #\d+ (left|right) -> #\d+ (left|right)/.test(err), err);
  });

  Deno.test(`LoopExit ends a wait outside greenlets that nobody can end, and no other (${context})`, async () => {
    const out = "event: true\ndeadlock: true\nthe main flow waits for Queue get, it is empty\n";
    assertEquals(await run("outside.ts", context), { code: 0, out, err: "" });
  });

  Deno.test(`main() reports an error of another greenlet and goes on (${context})`, async () => {
    const { code, out, err } = await run("failing.ts", context);
    assertEquals([code, out], [0, "went on\n"]);
    assertStringIncludes(err, "disk full");
    assertStringIncludes(err, "unlucky failed with Error");
  });

  Deno.test(`main() ends with status 1 when its function fails (${context})`, async () => {
    const { code, err } = await run("failing.ts", context, ["main"]);
    assertEquals(code, 1);
    assertStringIncludes(err, "giving up");
  });

  Deno.test(`getHub() is another one in a worker (${context})`, async () => {
    const { code, out, err } = await run("worker.ts", context);
    assertEquals([code, out, err], [0, "worker 1, main 2\n", ""]);
  });
}

Deno.test("main() reports where the greenlets of a deadlock were spawned and wait, with hub.debug", async () => {
  const { err } = await run("deadlock.ts", "fast", ["--debug"]);
  const hungry = err.slice(err.indexOf("hungry waits for Queue get"));
  assert(/spawned\n.*fixtures\/deadlock\.ts/.test(hungry), err);
  assert(/waits\n.*fixtures\/deadlock\.ts/.test(err), err);
});

Deno.test("mod.ts needs no permission, adds no global and keeps no process alive", async () => {
  const flags = [`--allow-read=${new URL("../", import.meta.url).pathname}`, `--allow-import`];
  assertEquals(await run("import_only.ts", "", [], flags), { code: 0, out: "[]\n", err: "" });
  assertEquals(await run("import_only.ts", "", [], []), { code: 0, out: "[]\n", err: "" });
});
