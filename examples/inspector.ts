/**
 * A busy little shop to look at: clients come, cooks share two stoves, and now and then two waiters wait for each
 * other. Open what it prints in a browser; end it with Ctrl-C.
 *
 *     deno run --allow-net examples/inspector.ts [port]
 *     GREEN_DEBUG=1 deno run --allow-net --allow-env examples/inspector.ts     shows stacks, too
 */
import { Lock, main, named, Queue, Semaphore, serveInspector, sleep, spawnWith } from "@verdant/green";

const orders = named(new Queue<number>(20), "orders");
const meals = named(new Queue<number>(), "meals");
const stoves = named(new Semaphore(2), "stoves");
const till = named(new Lock(), "till");
const cellar = named(new Lock(), "cellar");

/** Something that takes the processor. */
function chop(ms: number) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

async function cook() {
  for await (const order of orders) {
    await stoves.with(async () => {
      chop(order % 5);
      await sleep(60);
    });
    await meals.put(order);
  }
}

async function client(order: number) {
  await orders.put(order);
  await meals.get();
  await sleep(300);
}

async function clients() {
  for (let order = 1;; order++) {
    spawnWith({ name: `client ${order}` }, client, order);
    await sleep(40);
  }
}

async function waiter(first: Lock, second: Lock) {
  await first.with(async () => {
    await sleep(100);
    await second.with(() => sleep(100));
  });
}

/** Two waiters who need the same two things, each another one first: a deadlock, until the manager sends one home. */
async function manager() {
  for (;;) {
    const [one, other] = [
      spawnWith({ name: "waiter 1" }, waiter, till, cellar),
      spawnWith({ name: "waiter 2" }, waiter, cellar, till),
    ];
    await sleep(8_000);
    await one.kill();
    await other.join();
    await sleep(4_000);
  }
}

main(async () => {
  await using inspector = serveInspector({ port: Number(Deno.args[0] ?? 0), allowKill: true });
  console.log(`look at ${inspector.url}`);
  for (let i = 1; i <= 8; i++) spawnWith({ name: `cook ${i}` }, cook);
  spawnWith({ name: "manager" }, manager);
  await spawnWith({ name: "door" }, clients).join();
});
