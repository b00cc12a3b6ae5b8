import { assertEquals } from "@std/assert";

Deno.test("examples/connection_pool.ts: the books agree, whoever walks away", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      "--allow-env=GREEN_CONTEXT",
      "examples/connection_pool.ts",
    ],
    cwd: new URL("../../../", import.meta.url),
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(60_000),
  });
  const { code, stdout, stderr } = await command.output();
  const [first, ...lines] = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  const [sold, left, gone] = (first!.match(/\d+/g) ?? []).map(Number);
  assertEquals(sold! + left!, 100);
  assertEquals(sold! + gone!, 50); // who was killed sold nothing, everybody else one
  assertEquals(lines, ["The books agree", "4 connections were enough"]);
});
