import { assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../../../", import.meta.url);
const FIXTURE = "tests/green/threads/fixtures/lifetime.ts";

async function run(base: string, program: string, flags = ["-A"]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...flags, base + FIXTURE, program],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000), // it should end by itself, and fails if it does not
  });
  const { code, stdout, stderr } = await command.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

for (
  const [program, out] of [["idle", "49"], ["running", "slow"], ["channel", "1"], ["killed", "ThreadError"]]
) {
  Deno.test(`a program ends although a pool is left (${program})`, async () => {
    assertEquals(await run("", program!), { code: 0, out: `${out}\n`, err: "" });
  });
}

Deno.test("a deadlock is found although a pool is left with idle threads", async () => {
  const { code, err } = await run("", "deadlock");
  assertEquals(code, 1);
  assertStringIncludes(err, "LoopExit");
  assertStringIncludes(err, "waits for Queue get");
});

Deno.test("ThreadPool needs --allow-read, and says so", async () => {
  const { code, err } = await run("", "idle", []);
  assertEquals(code, 1);
  assertStringIncludes(
    err,
    "ThreadError: The task square did not end: its thread crashed: Requires read access to",
  );
});

Deno.test("ThreadPool finds its program where the library was loaded from, also on the web", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const file = new URL(`.${new URL(request.url).pathname}`, ROOT);
    return new Response(await Deno.readFile(file), { headers: { "content-type": "text/typescript" } });
  });
  try {
    const base = `http://127.0.0.1:${server.addr.port}/`;
    const flags = ["--no-config", "--no-lock", `--allow-import=127.0.0.1:${server.addr.port}`];
    assertEquals((await run(base, "idle", flags)).out, "49\n");
  } finally {
    await server.shutdown();
  }
});
