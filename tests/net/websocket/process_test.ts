/** When processes with WebSockets end. */
import { assertEquals } from "@std/assert";
import { until } from "@verdant/green";
import { Program } from "../program.ts";
import { echo, startServer, urlOf } from "./peers.ts";

async function outcomeOf(program: string): Promise<[string[], string, number]> {
  await using running = Program.evaluate(
    `import { connectWebSocket, main, sleep, spawn } from "@verdant/green";\n${program}`,
  );
  const lines = await until(running.readAll());
  return [lines, await until(running.errors), (await until(running.status)).code];
}

Deno.test("a process is not kept alive by a WebSocket that nobody waits for", async () => {
  await using server = await startServer(echo);
  const outcome = await outcomeOf(`main(async () => {
    const ws = await connectWebSocket("${urlOf(server)}");
    await ws.send("hello");
    console.log(await ws.receive());
    const victim = spawn(() => ws.receive());
    await sleep();
    await victim.kill();
  });`);
  assertEquals(outcome, [["hello"], "", 0]);
});

Deno.test("a process is kept alive by who receives, and by a close frame that is to be answered", async () => {
  await using server = await startServer(async (ws) => {
    await ws.receive();
    await ws.send("late");
    await ws.receive();
    console.assert(ws.closeCode === 1000);
  });
  const outcome = await outcomeOf(`main(async () => {
    using ws = await connectWebSocket("${urlOf(server)}");
    await ws.send("hello");
    console.log(await ws.receive());
  });`);
  assertEquals(outcome, [["late"], "", 0]);
});

Deno.test("a program that waits for ever beside an open WebSocket is told so", async () => {
  await using server = await startServer(echo);
  const [lines, errors, code] = await outcomeOf(`import { Event } from "@verdant/green";
  main(async () => {
    const ws = await connectWebSocket("${urlOf(server)}");
    console.log("waiting");
    await new Event().wait();
  });`);
  assertEquals([lines, errors.includes("LoopExit"), code], [["waiting"], true, 1]);
});
