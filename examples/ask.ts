/**
 * Asks for a name, and waits ten seconds at most. Anything else could run meanwhile: the clock does.
 *
 *     deno run examples/ask.ts
 */
import { main, sleep, spawn, stdin, stdout, Timeout } from "@verdant/green";

async function countDown(seconds: number) {
  for (let left = seconds; left > 0; left--) {
    await stdout.write(`\rYour name (${left} s)? `);
    await sleep(1_000);
  }
}

async function ask(seconds: number): Promise<string | null> {
  const clock = spawn(countDown, seconds);
  try {
    return await stdin.readLine({ timeout: seconds * 1_000 });
  } catch (error) {
    if (!(error instanceof Timeout)) throw error;
    await stdout.write("\n");
    return null;
  } finally {
    await clock.kill();
  }
}

main(async () => {
  const seconds = Number(Deno.args[0] ?? 10);
  const name = await ask(seconds);
  await stdout.write(name ? `Hello ${name}!\n` : "Hello whoever you are!\n");
});
