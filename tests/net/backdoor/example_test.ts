/** The example, as a process of its own, with netcat at the other end; without netcat, a plain connection. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Lines, Program } from "../../example_program.ts";

/** Types all lines at once, and reads all that is printed. */
async function typeInto(port: number, ...lines: string[]): Promise<string[]> {
  const typed = lines.map((line) => `${line}\n`).join("");
  try {
    return await withNetcat(port, typed);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log("There is no nc: a plain connection types instead");
    return await withoutNetcat(port, typed);
  }
}

async function withNetcat(port: number, typed: string): Promise<string[]> {
  const nc = new Deno.Command("nc", {
    args: ["-N", "127.0.0.1", `${port}`],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = nc.stdin.getWriter();
  await input.write(new TextEncoder().encode(typed));
  await input.close();
  const said = await new Lines(nc.stdout).rest();
  assertEquals((await nc.status).code, 0);
  return said;
}

async function withoutNetcat(port: number, typed: string): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(typed));
  await conn.closeWrite();
  return await new Lines(conn.readable).rest();
}

Deno.test("examples/backdoor.ts is looked into and changed while it runs", async () => {
  await using program = new Program("backdoor.ts", "127.0.0.1:0");
  const port = await program.port();
  const said = await typeInto(
    port,
    "while (stats.done < 3) await sleep(1)",
    "stats.done",
    'await jobs.put("mow the lawn"); while (stats.done < 4) await sleep(1)',
    "stats.last",
    'workers.push(spawn(work, "dan")); await sleep(); greenlets()',
    "kill(workers[0].id)",
    "stats.nonsense.more",
    "workers.length",
    "quit()",
  );
  const text = said.join("\n");
  assertMatch(said[0]!, /^You are inside examples\/backdoor\.ts/);
  assertStringIncludes(text, ">>> 3\n");
  assertMatch(text, />>> "(?:ann|bob|cem) did: mow the lawn"\n/);
  assertMatch(text, /\n\d+ +waiting +bob +Queue\(jobs\) get/);
  assertStringIncludes(text, ">>> true\n");
  assertStringIncludes(text, "Uncaught TypeError: Cannot read properties of undefined (reading 'more')");
  assert(text.endsWith("\n>>> 4"), text.slice(-200));
  const { code, lines, errors } = await program.end("SIGINT");
  assertEquals([code, errors, lines], [0, "", ["closed"]]);
});
