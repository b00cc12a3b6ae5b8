import { assertEquals, assertStringIncludes } from "@std/assert";
import dgram from "node:dgram";

const ROOT = new URL("../../", import.meta.url);

function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--allow-net=127.0.0.1", "examples/udp_echo.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(30_000),
  }).spawn();
}

/** The lines that the program prints; the iterator outlives a loop that is left. */
function linesOf(child: Deno.ChildProcess): AsyncIterator<string> {
  return async function* () {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== "") yield rest;
  }();
}

/** Sends words from a socket that has nothing to do with the library, and returns what comes back. */
async function echoed(port: number, words: string[]): Promise<string[]> {
  const socket = dgram.createSocket("udp4");
  const answers: string[] = [];
  const all = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`only ${answers} came back`)), 10_000);
    socket.on("message", (data, from) => {
      answers.push(`${data}`);
      if (from.port !== port) reject(new Error(`an answer from port ${from.port}`));
      if (answers.length < words.length) return;
      clearTimeout(timer);
      resolve();
    });
  });
  for (const word of words) socket.send(word, port, "127.0.0.1");
  await all.finally(() => new Promise<void>((resolve) => socket.close(resolve)));
  return answers;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`examples/udp_echo.ts echoes datagrams, and ends with status 0 on ${signal}`, async () => {
    await using child = start();
    const lines = linesOf(child);
    const { value: first } = await lines.next();
    const port = Number(/^listening on port (\d+)$/.exec(first)![1]);
    const words = Array.from({ length: 20 }, (_, i) => `word ${i}`);
    assertEquals((await echoed(port, words)).toSorted(), words.toSorted());
    child.kill(signal);
    assertEquals((await lines.next()).value, "stopped");
    assertEquals((await lines.next()).done, true);
    const { code, signal: killedBy } = await child.status;
    assertEquals([code, killedBy, await new Response(child.stderr).text()], [0, null, ""]);
  });
}

Deno.test("examples/udp_echo.ts says what is wrong with its port", async () => {
  const { code, stderr } = await start("none").output();
  assertEquals(code, 1);
  assertStringIncludes(
    new TextDecoder().decode(stderr),
    "port must be an integer from 0 to 65535, received NaN",
  );
});
