/** Standard streams, in processes of their own. */
import { assertEquals, assertMatch } from "@std/assert";
import { Program } from "../program.ts";

const IMPORT = 'import { open, sleep, spawn, stderr, stdin, stdout, withTimeout } from "@verdant/green";\n';
const run = (text: string) => Program.evaluate(IMPORT + text);

Deno.test("importing the library reads nothing and keeps no process alive, though input is open", async () => {
  await using program = run("console.log('here');");
  assertEquals(await program.readAll(), ["here"]);
  assertEquals((await program.status).code, 0);
});

Deno.test("stdin.readLine() that is killed or times out loses no input", async () => {
  await using program = run(`
    const victim = spawn(() => stdin.readLine());
    await sleep();
    await victim.kill();
    console.log(await stdin.readLine({ timeout: 1 }).catch((error) => error.message));
    console.log("ready");
    console.log(await withTimeout(20_000, () => stdin.readLine()));
    for await (const line of stdin) console.log("line", line);
  `);
  assertMatch((await program.readLine())!, /reading from stdin/);
  assertEquals(await program.readLine(), "ready");
  await program.write("hel");
  await program.write("lo\ntwo\nthr");
  assertEquals([await program.readLine(), await program.readLine()], ["hello", "line two"]);
  await program.write("ee");
  await program.closeInput();
  assertEquals(await program.readAll(), ["line three"]);
});

Deno.test("stdin keeps the process alive while somebody waits, and only then", async () => {
  await using program = run(`
    spawn(async () => {
      console.log(await stdin.readLine());
      await stdin.readLine({ timeout: 5 }).catch(() => console.log("enough"));
    });
  `);
  await program.write("one\n");
  assertEquals(await program.readAll(), ["one", "enough"]); // its input stays open
  assertEquals((await program.status).code, 0);
});

Deno.test("stdin keeps the process alive for who waits after one that was killed", async () => {
  await using program = run(`
    spawn(async () => {
      const victim = spawn(() => stdin.readLine());
      await sleep();
      await victim.kill();
      setTimeout(() => console.log("ready"), 1); // nothing else is left to do afterwards
      console.log(await stdin.readLine());
    });
  `);
  assertEquals(await program.readLine(), "ready");
  await new Promise((resolve) => setTimeout(resolve, 20)); // it would end now
  await program.write("one\n").catch(() => {});
  assertEquals(await program.readAll(), ["one"]);
});

Deno.test("stdin.bytes and stdin.close() are those of a file", async () => {
  await using program = run(`
    console.log((await stdin.bytes.read(2)).join(), await stdin.read(2), stdin.isTerminal);
    const reader = spawn(() => stdin.readLine().catch((error) => console.log(error.message)));
    await sleep();
    await stdin.close();
    await reader.join();
    try { stdin.write("x"); } catch (error) { console.log(error.message); }
  `);
  await program.write("abéd");
  assertEquals(await program.readAll(), [
    "97,98 éd false",
    "Reading from stdin ended: it was closed by the main flow",
    "Cannot write to stdin: it is not open for writing",
  ]);
});

Deno.test("stdout and stderr write in order, text and bytes", async () => {
  await using program = run(`
    spawn(() => stdout.write("one "));
    await sleep();
    await stdout.bytes.write(new TextEncoder().encode("two "));
    await Promise.all(["three ", "four\\n"].map((text) => stdout.write(text)));
    await stdout.write("x".repeat(200_000) + "\\n");
    await stderr.write("error");
    console.log(stdout.isTerminal);
  `);
  assertEquals(await program.readLine(), "one two three four");
  assertEquals([(await program.readLine())!.length, await program.readLine()], [200_000, "false"]);
  assertEquals([await program.readAll(), await program.errors], [[], "error"]);
});

Deno.test("stdout.write() is a BrokenPipe in plain words once nobody reads", async () => {
  await using program = new Program("sh", [
    "-c",
    '("$0" eval --no-check --config "$1" "$2"; echo end >&2) | true',
    Deno.execPath(),
    new URL("../../../deno.json", import.meta.url).pathname,
    `${IMPORT}
    try {
      for (;;) await stdout.write("x".repeat(100_000));
    } catch (error) {
      await stderr.write(error.name + ": " + error.message + "\\n");
    }`,
  ]);
  await program.status;
  assertEquals(
    await program.errors,
    "BrokenPipe: Cannot write to stdout: nobody reads it any more: Broken pipe (os error 32)\nend\n",
  );
});
