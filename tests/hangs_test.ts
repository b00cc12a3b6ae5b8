/** The classic hangs: of each, the report names the culprit. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "@verdant/green";
import { Program } from "./net/program.ts";

const CONFIG = new URL("../deno.json", import.meta.url).pathname;

/** Runs a program that hangs, and yields what it says about it. */
async function report(name: string, debug: boolean): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "-A", "--config", CONFIG, fixture(name).pathname],
    env: { NO_COLOR: "1", GREEN_DEBUG: debug ? "1" : "0" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(30_000),
  });
  const { code, stderr } = await command.output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 1, text);
  assertStringIncludes(text, "LoopExit: All greenlets are blocked and nothing can wake them");
  return text;
}

function fixture(name: string): URL {
  return new URL(`fixtures/hangs/${name}.ts`, import.meta.url);
}

/** What is said about one greenlet: its line, and those below that are further in. */
function section(text: string, name: string): string {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => new RegExp(`^ +#\\d+ ${name} `).test(line));
  assert(start >= 0, `${name} is not in\n${text}`);
  const indent = lines[start]!.search(/\S/);
  const length = lines.slice(start + 1).findIndex((line) => line.search(/\S/) <= indent);
  return lines.slice(start, length < 0 ? undefined : start + 1 + length).join("\n");
}

Deno.test("LoopExit names the cycle of two locks first, who holds which, and with hub.debug where", async () => {
  const plain = await report("lock_cycle", false);
  const [, first] = plain.slice(plain.indexOf("LoopExit")).split("\n");
  assertMatch(first!, /^ +cycle: #\d+ to (bob|alice) -> #\d+ to (bob|alice) -> #\d+ to (bob|alice)$/);
  assertMatch(section(plain, "to bob"), /waits for Lock\(bob\) acquire, held by #\d+ to alice \(deadlock\)/);
  assertMatch(
    section(plain, "to alice"),
    /waits for Lock\(alice\) acquire, held by #\d+ to bob \(deadlock\)/,
  );
  const detailed = await report("lock_cycle", true);
  assertMatch(
    section(detailed, "to bob"),
    /spawned\n.*lock_cycle\.ts:14:[^]*waits\n.*transfer .*lock_cycle\.ts:9:/,
  );
});

Deno.test("LoopExit names who took an item and did not report it done", async () => {
  const plain = await report("task_done", false);
  assertMatch(section(plain, "main"), /waits for Queue\(jobs\) join, 1 item not reported done/);
  const detailed = await report("task_done", true);
  const said = section(detailed, "main");
  assertMatch(said, /1 item not reported done, taken by #\d+ forgetful, which has ended/);
  assertMatch(said, /forgetful .*task_done\.ts:11:/);
});

Deno.test("LoopExit names who gets from a queue that nobody fills, and that nobody has put anything", async () => {
  const plain = await report("empty_queue", false);
  assertMatch(section(plain, "consumer"), /waits for Queue\(orders\) get, it is empty/);
  const detailed = await report("empty_queue", true);
  const said = section(detailed, "consumer");
  assertMatch(said, /nobody has put anything/);
  assertMatch(said, /waits\n.*empty_queue\.ts:\d+:/);
});

Deno.test("LoopExit names who took a permit and did not give it back, and where", async () => {
  const plain = await report("leaked_permit", false);
  assertMatch(section(plain, "victim"), /waits for Semaphore\(database\) acquire, 0 of 1 permits free/);
  const detailed = await report("leaked_permit", true);
  const said = section(detailed, "victim");
  assertMatch(said, /taken by #\d+ careless, which has ended/);
  assertMatch(said, /query .*leaked_permit\.ts:7:/);
});

Deno.test("LoopExit names a greenlet that joins itself", async () => {
  const plain = await report("join_self", false);
  assertMatch(plain, /cycle: #(\d+) cleaner -> #\1 cleaner\n/);
  assertMatch(section(plain, "cleaner"), /waits for the end of #\d+ cleaner, 2 waiting \(deadlock\)/);
});

Deno.test({
  name: "installDumpSignal() shows the handler of a server that is stuck in a foreign await",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using program = new Program(Deno.execPath(), [
      "run",
      "-A",
      "--no-check",
      "--config",
      CONFIG,
      fixture("stuck_handler").pathname,
    ], { GREEN_DEBUG: "1" });
    const port = Number(await program.readLine());
    await using healthy = await connect({ hostname: "127.0.0.1", port });
    await using stuck = await connect({ hostname: "127.0.0.1", port });
    await stuck.write(new TextEncoder().encode("hi\nreport\n"));
    assertEquals(await stuck.readLine(), "hi"); // what it does next needs no input any more
    await healthy.write(new TextEncoder().encode("hello\n"));
    assertEquals(await healthy.readLine(), "hello"); // served after the other one got stuck
    program.kill("SIGQUIT");
    await program.readUntil(/reported/);
    await healthy.write(new TextEncoder().encode("still there\n"));
    assertEquals(await healthy.readLine(), "still there");
    program.kill("SIGKILL");
    const text = await program.errors;
    assertMatch(text, /^SIGQUIT at \d{4}-/);
    assertMatch(
      text,
      /waits for a promise that is not the library's own\n( .*\n)*? +waited before\n.*stuck_handler\.ts:7:/,
    );
    assertMatch(text, /main waits for/);
  },
});
