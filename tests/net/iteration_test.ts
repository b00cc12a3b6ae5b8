/** A step of an iteration that nobody awaits is safe: a kill that ends it is no unhandled rejection. */
import { assertEquals } from "@std/assert";
import { createSocketPair, listenDatagram, sleep, spawn } from "@verdant/green";
import { local } from "./network.ts";

async function killInStep(iteration: AsyncGenerator<unknown>): Promise<void> {
  const greenlet = spawn(async () => {
    void iteration.next();
    await sleep(60_000);
  });
  await sleep();
  await greenlet.kill();
  await new Promise((resolve) => setTimeout(resolve)); // the runner would hear of a rejection by now
  assertEquals(await iteration.next(), { done: true, value: undefined });
}

Deno.test("Conn.lines() is safe if nobody awaits its step when it is killed", async () => {
  const [a, b] = await createSocketPair();
  using _a = a;
  using _b = b;
  await killInStep(a.lines());
});

Deno.test("Listener iteration is safe if nobody awaits its step when it is killed", async () => {
  using listener = local();
  await killInStep(listener[Symbol.asyncIterator]());
});

Deno.test("DatagramConn iteration is safe if nobody awaits its step when it is killed", async () => {
  using conn = await listenDatagram({ hostname: "127.0.0.1", port: 0 });
  await killInStep(conn[Symbol.asyncIterator]());
});
