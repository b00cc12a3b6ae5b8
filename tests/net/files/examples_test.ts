import { assertEquals } from "@std/assert";
import { Program } from "../program.ts";
import { TempFolder } from "./temp_folder.ts";

const example = (name: string) => new URL(`../../../examples/${name}`, import.meta.url);
const append = (path: string, text: string) => Deno.writeTextFileSync(path, text, { append: true });

Deno.test("examples/tail.ts prints what is appended, until Ctrl-C", async () => {
  using folder = new TempFolder();
  const path = folder.file("log", "old\n");
  await using tail = Program.run(example("tail.ts"), path);
  // It says nothing when it is ready: the first line may be an old one to it.
  const ready = setInterval(() => append(path, "ready?\n"), 50);
  await tail.readUntil(/ready\?/);
  clearInterval(ready);
  append(path, "one\ntw");
  append(path, "o\nthree\n");
  await tail.readUntil(/^one$/);
  assertEquals([await tail.readLine(), await tail.readLine()], ["two", "three"]);
  Deno.writeTextFileSync(path, "");
  await new Promise((resolve) => setTimeout(resolve, 50)); // or it might not notice that the file was cut off
  append(path, "anew\n");
  assertEquals(await tail.readLine(), "anew");
  tail.kill("SIGINT");
  assertEquals((await tail.status).code, 130);
});

Deno.test("examples/ask.ts greets who answers", async () => {
  await using ask = Program.run(example("ask.ts"), "60");
  await ask.write("Ada\n");
  assertEquals(await ask.readAll(), ["\rYour name (60 s)? Hello Ada!"]);
  assertEquals((await ask.status).code, 0);
});

Deno.test("examples/ask.ts waits no longer than it says, though input stays open", async () => {
  await using ask = Program.run(example("ask.ts"), "0.1");
  assertEquals(await ask.readAll(), ["\rYour name (0.1 s)? ", "Hello whoever you are!"]);
  assertEquals((await ask.status).code, 0);
});
