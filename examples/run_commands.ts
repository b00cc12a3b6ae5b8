/**
 * Runs commands side by side, no more than a few at a time, each with a time limit. What takes too long is ended
 * with all of its children. Ctrl-C ends everything.
 *
 *     deno run --allow-all examples/run_commands.ts
 *     deno run --allow-all examples/run_commands.ts --limit 4 --timeout 60000 "make lint" "make test" "make doc"
 */
import { parseArgs } from "node:util";
import { main, onSignal, Pool, run, spawn, TimeoutExpired } from "@verdant/green";

const DEMO = ["echo one; sleep 0.2", "echo two >&2; exit 2", "sleep 60 | sleep 60", "echo four; sleep 0.1"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { limit: { type: "string", default: "2" }, timeout: { type: "string", default: "1000" } },
});

/** How a command ended, and the last line it wrote. */
interface Report {
  readonly command: string;
  readonly outcome: string;
  readonly lastLine: string;
}

async function report(command: string): Promise<Report> {
  try {
    const { success, returnCode, stdout } = await run(command, {
      shell: true,
      stdin: "null",
      stderr: "stdout",
      timeout: Number(values.timeout),
    });
    return { command, outcome: success ? "ok" : `status ${returnCode}`, lastLine: lastLineOf(stdout) };
  } catch (error) {
    if (!(error instanceof TimeoutExpired)) throw error;
    return { command, outcome: "too slow", lastLine: lastLineOf(String(error.stdout)) };
  }
}

function lastLineOf(output: string): string {
  return output.trimEnd().split("\n").at(-1)!;
}

async function runAll(commands: readonly string[]): Promise<void> {
  const pool = new Pool(Number(values.limit));
  for await (const { command, outcome, lastLine } of pool.imapUnordered(report, commands)) {
    console.log(`${outcome.padEnd(9)} ${command}${lastLine && `: ${lastLine}`}`);
    if (outcome !== "ok") Deno.exitCode = 1;
  }
}

main(async () => {
  const running = spawn(runAll, positionals.length > 0 ? positionals : DEMO);
  using _interrupt = onSignal(["SIGINT"], () => {
    Deno.exitCode = 130;
    return running.kill("interrupted"); // all have ended then
  });
  await running.get();
});
