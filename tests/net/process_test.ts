/** Programs with sockets, as processes of their own: when they end, and what they may do. */
import { assertEquals } from "@std/assert";
import { until } from "@verdant/green";
import { local, portOf } from "./network.ts";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Runs a fixture; killed, and so failed, if it does not end by itself. */
async function run(fixture: string, args: string[], flags: string[], env = {}): Promise<Outcome> {
  const file = new URL(`fixtures/${fixture}`, import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...flags, "--config", CONFIG, file, ...args],
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(20_000),
  });
  const { code, stdout, stderr } = await until(command.output());
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

const SCENARIOS = [
  "accept killed",
  "accept timed out",
  "accept that does not wait",
  "accept aborted",
  "iteration killed",
  "read killed",
  "read timed out",
  "read that does not wait",
  "read killed, then another that was answered",
];

for (const scenario of SCENARIOS) {
  Deno.test(`a process is not kept alive by what nobody waits for: ${scenario}`, async () => {
    const outcome = await run("ending.ts", [scenario], ["-A"]);
    assertEquals(outcome, { code: 0, out: "done\n", err: "" });
  });
}

for (const context of ["fast", "portable"]) {
  Deno.test(`a process is kept alive by a read that is awaited, after a killed one (${context})`, async () => {
    const outcome = await run("waiting.ts", [], ["-A"], { GREEN_CONTEXT: context });
    assertEquals(outcome, { code: 0, out: "answer\n", err: "" });
  });
}

Deno.test("connect() needs no other permission than that for its host and port", async () => {
  using listener = local();
  const port = portOf(listener);
  for (const hostname of ["localhost", "127.0.0.1"]) {
    const running = run("permitted.ts", [hostname, `${port}`], [`--allow-net=${hostname}:${port}`]);
    using client = await listener.accept({ timeout: 10_000 });
    await client.writeAll("welcome\n");
    assertEquals(await running, { code: 0, out: "welcome\n", err: "" });
  }
  const refused = await run("permitted.ts", ["localhost", `${port}`], ["--allow-net=example.com"]);
  assertEquals(refused, { code: 0, out: "NotCapable\n", err: "" });
  const host = "no-such-host.invalid";
  const missing = await run("permitted.ts", [host, `${port}`], [`--allow-net=${host}:${port}`]);
  assertEquals(missing, { code: 0, out: "NotFound\n", err: "" });
});
