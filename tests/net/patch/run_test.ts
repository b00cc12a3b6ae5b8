import { assertEquals, assertStringIncludes } from "@std/assert";
import { contextName } from "@verdant/green";

const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const RUN = new URL("../../../run.ts", import.meta.url).pathname;
const FIXTURES = new URL("fixtures/", import.meta.url).pathname;

function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", "--no-check", "--config", CONFIG, RUN, ...args],
    cwd: FIXTURES,
    env: { GREEN_CONTEXT: contextName, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  }).spawn();
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await start(...args).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("run gives an unmodified program its arguments, and patches everything", async () => {
  assertEquals(await run("./program.ts", "all", "-x", "two words"), {
    code: 0,
    out: '{"args":["all","-x","two words"],"argv":["all","-x","two words"],"main":false}\npaused served\n',
    err: "",
  });
});

Deno.test("run takes a path, with or without a dot, and an address", async () => {
  const script = `data:text/javascript,console.log(Deno.args[0])`;
  assertEquals(await run(script, "hi"), { code: 0, out: "hi\n", err: "" });
  assertEquals((await run("program.ts", "status")).code, 7);
  assertEquals((await run(`${FIXTURES}program.ts`, "status")).code, 7);
});

Deno.test("run reports an uncaught error and ends with status 1", async () => {
  const { code, err } = await run("program.ts", "fail");
  assertEquals(code, 1);
  assertStringIncludes(err, "RangeError: uncaught");
  const missing = await run("missing.ts");
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.err, "missing.ts");
});

Deno.test("run without a script says how it is used", async () => {
  const { code, out, err } = await run();
  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "usage: deno run");
  assertEquals((await run("--help")).code, 2);
});

Deno.test({
  name: "run says who waits for what on SIGQUIT, and ends on SIGTERM after the clean-up",
  ignore: Deno.build.os === "windows",
  async fn() {
    const child = start("program.ts", "hang");
    const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const err = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await out.read()).value, "ready\n");
    child.kill("SIGQUIT");
    let report = "";
    while (!report.includes("accept")) report += (await err.read()).value;
    assertStringIncludes(report, "main waits for");
    child.kill("SIGTERM");
    assertEquals((await out.read()).value, "cleaned up\n");
    assertEquals((await child.status).code, 143);
    await out.cancel();
    await err.cancel();
  },
});
