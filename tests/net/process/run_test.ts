import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  call,
  CalledProcessError,
  checkCall,
  checkOutput,
  CompletedProcess,
  getOutput,
  getStatusOutput,
  joinAll,
  run,
  spawn,
  SubprocessError,
  TooLongError,
} from "@verdant/green";
import { bytes } from "../network.ts";
import { children } from "./processes.ts";

Deno.test("run() returns how the command ended and what it wrote", async () => {
  const args = ["sh", "-c", "echo out; echo err >&2; exit 3"];
  const done = await run(args);
  assertInstanceOf(done, CompletedProcess);
  assertStrictEquals(done.args, args);
  assertEquals([done.returnCode, done.signal, done.success], [3, null, false]);
  assertEquals([done.stdout, done.stderr], ["out\n", "err\n"]);
});

Deno.test("run() hands arguments over as they are, and a command line to a shell", async () => {
  assertEquals((await run(["printf", "%s|", "a b", "$HOME", "*", ""])).stdout, "a b|$HOME|*||");
  assertEquals((await run("printf '%s|' a b | tr '|' ,", { shell: true })).stdout, "a,b,");
  assertEquals((await run("pwd", { cwd: "/" })).stdout, "/\n");
  assertEquals((await run("pwd", { cwd: new URL("file:///usr") })).stdout, "/usr\n");
});

Deno.test("run() tells the end by a signal by a negative return code", async () => {
  for (const [name, number] of [["SIGTERM", 15], ["SIGKILL", 9], ["SIGHUP", 1]] as const) {
    const done = await run(`kill -${number} $$`, { shell: true });
    assertEquals([done.returnCode, done.signal, done.success], [-number, name, false]);
  }
  assertEquals((await run("exit 143", { shell: true })).returnCode, 143);
});

Deno.test("run() gives the process its environment", async () => {
  Deno.env.set("GREEN_TEST_A", "ours");
  try {
    const line = "echo ${GREEN_TEST_A-none} ${GREEN_TEST_B-none}";
    const env = { GREEN_TEST_B: "theirs" };
    assertEquals((await run(line, { shell: true, env })).stdout, "ours theirs\n");
    assertEquals((await run(line, { shell: true, env, clearEnv: true })).stdout, "none theirs\n");
  } finally {
    Deno.env.delete("GREEN_TEST_A");
  }
});

Deno.test("run() sends its input, text and bytes, and then the end of it", async () => {
  assertEquals((await run(["cat"], { input: "grün\n" })).stdout, "grün\n");
  assertEquals((await run(["cat"], { input: new Uint8Array(0) })).stdout, "");
  assertEquals((await run(["cat"], { stdin: "pipe" })).stdout, "");
  assertEquals((await run(["cat"], { stdin: "null" })).stdout, "");
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assertEquals((await run(["cat"], { input: all, encoding: "buffer" })).stdout, all);
});

Deno.test("run() decodes what is no UTF-8 with U+FFFD, and keeps a byte order mark", async () => {
  const done = await run(["cat"], { input: new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff]) });
  assertEquals(done.stdout, "\ufeffa\ufffd");
});

Deno.test("run() does not mind a process that does not read its input", async () => {
  const done = await run(["true"], { input: new Uint8Array(1_000_000) });
  assertEquals(done.returnCode, 0);
});

Deno.test("run() merges both outputs with stderr: stdout", async () => {
  const { stdout, stderr } = await run("echo 1; sleep 0.02; echo 2 >&2; sleep 0.02; echo 3", {
    shell: true,
    stderr: "stdout",
  });
  assertEquals([stdout, stderr], ["1\n2\n3\n", ""]);
});

Deno.test("run() captures nothing that goes elsewhere", async () => {
  const done = await run("echo a; echo b >&2", { shell: true, stdout: "null", stderr: "null" });
  assertEquals([done.stdout, done.stderr, done.returnCode], ["", "", 0]);
});

Deno.test("run() with check throws a CalledProcessError that has all", async () => {
  const error = await assertRejects(
    () => run("echo out; echo err >&2; exit 3", { shell: true, check: true }),
    CalledProcessError,
    'Command "echo out; echo err >&2; exit 3" ended with status 3',
  );
  assertInstanceOf(error, SubprocessError);
  assertEquals([error.returnCode, error.stdout, error.stderr, error.output], [3, "out\n", "err\n", "out\n"]);
  assertEquals([error.name, error.args], ["CalledProcessError", "echo out; echo err >&2; exit 3"]);
  await assertRejects(
    () => run("kill -9 $$", { shell: true, check: true }),
    CalledProcessError,
    "by signal 9",
  );
  assert((await run(["true"], { check: true })).success);
});

Deno.test("CompletedProcess.checkReturnCode() throws unless it was a success", async () => {
  (await run(["true"])).checkReturnCode();
  const done = await run(["false"]);
  await assertRejects(() => Promise.try(() => done.checkReturnCode()), CalledProcessError, '"false"');
});

Deno.test("run() ends a command that writes more than maxOutput", async () => {
  const error = await assertRejects(() => run(["yes"], { maxOutput: 10_000 }), TooLongError);
  assert(/stdout of process \d+ \(yes\): it is longer than 10000 bytes/.test(error.message), error.message);
  await assertRejects(() => run("yes >&2", { shell: true, maxOutput: 10_000 }), TooLongError, "stderr");
  assertEquals((await run(["printf", "12345"], { maxOutput: 5 })).stdout, "12345");
  await assertRejects(() => run(["printf", "123456"], { maxOutput: 5 }), TooLongError);
  assertEquals(await children(), []);
});

Deno.test("run() rejects if there is no such program or folder, and names it", async () => {
  const { NotFound, PermissionDenied } = Deno.errors;
  await assertRejects(() => run(["no-such-program", "-x"]), NotFound, "no-such-program");
  await assertRejects(() => run("ls -l"), NotFound, "ls -l"); // no shell: that is its name
  await assertRejects(() => run(["ls"], { cwd: "/no/such/folder" }), NotFound, "/no/such/folder");
  await assertRejects(() => run(["/etc/passwd"]), PermissionDenied, "/etc/passwd");
  assertEquals((await run("no-such-program", { shell: true })).returnCode, 127);
});

Deno.test("run() lets other greenlets run, and many commands at once", async () => {
  const outputs = await joinAll(
    Array.from({ length: 8 }, (_, i) => spawn(() => run(["cat"], { input: `${i}` }))),
  );
  assertEquals(outputs.map((g) => (g.value as CompletedProcess).stdout).sort().join(""), "01234567");
});

Deno.test("checkOutput() returns the output, as text or bytes", async () => {
  assertEquals(await checkOutput(["echo", "hello"]), "hello\n");
  assertEquals(await checkOutput(["echo", "hello"], { encoding: "buffer" }), bytes("hello\n"));
  assertEquals(await checkOutput(["tr", "a", "b"], { input: "aa" }), "bb");
  assertEquals(await checkOutput("echo a >&2; echo b", { shell: true, stderr: "null" }), "b\n");
  const error = await assertRejects(
    () => checkOutput("echo a; exit 4", { shell: true }),
    CalledProcessError,
  );
  assertEquals([error.returnCode, error.output], [4, "a\n"]);
});

Deno.test("call() returns the status, checkCall() insists on 0", async () => {
  assertEquals(await call("exit 4", { shell: true }), 4);
  assertEquals(await call(["cat"], { input: "x", stdout: "null" }), 0);
  assertEquals(await checkCall(["true"]), undefined);
  await assertRejects(() => checkCall("exit 4", { shell: true }), CalledProcessError, "status 4");
});

Deno.test("call() lets the command write where this program does", async () => {
  const program =
    `import { call } from "@verdant/green"; await call("echo to out; echo to err >&2", { shell: true });`;
  const { stdout, stderr } = await run([Deno.execPath(), "eval", program], {
    cwd: new URL("../../../", import.meta.url),
  });
  assertEquals([stdout, stderr], ["to out\n", "to err\n"]);
});

Deno.test("getOutput() and getStatusOutput() take off the last newline only", async () => {
  assertEquals(await getOutput("printf 'a\\n\\n'"), "a\n");
  assertEquals(await getOutput("printf a"), "a");
  assertEquals(await getStatusOutput("echo oh >&2; exit 2"), [2, "oh"]);
  assertEquals((await getStatusOutput("kill -9 $$"))[0], -9);
});
