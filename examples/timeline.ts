/**
 * Records a small kitchen as a timeline: open the file in https://ui.perfetto.dev to see who did what when, who
 * waited for the oven, and who woke whom. `deno run -A examples/timeline.ts [file]`
 */
import {
  countSwitches,
  joinAll,
  main,
  named,
  Queue,
  Semaphore,
  sleep,
  spawnWith,
  trace,
} from "@verdant/green";

const DISHES = 6;

async function cook(orders: Queue<number>, oven: Semaphore, served: Queue<number>) {
  for await (const dish of orders) {
    await sleep(2); // chop
    await oven.with(() => sleep(4));
    await served.put(dish);
  }
}

async function waiter(served: Queue<number>) {
  for (let count = 0; count < DISHES; count++) console.log(`dish ${await served.get()} is served`);
}

main(async () => {
  const file = Deno.args[0] ?? "timeline.json";
  using counters = countSwitches();
  {
    await using _timeline = trace(file);
    const orders = named(new Queue<number>(), "orders");
    const served = named(new Queue<number>(), "served");
    const oven = named(new Semaphore(1), "oven");
    const cooks = ["Ann", "Bob"].map((name) => spawnWith({ name }, cook, orders, oven, served));
    const serving = spawnWith({ name: "waiter" }, waiter, served);
    for (let dish = 1; dish <= DISHES; dish++) await orders.put(dish);
    orders.shutdown();
    await joinAll([...cooks, serving]);
  }
  console.log(`${counters.total.waits > DISHES ? "many" : "few"} waits, see ${file}`);
});
