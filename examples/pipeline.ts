/**
 * A pipeline over bounded queues: a fast producer is slowed down by its consumers, a worker is killed in the
 * middle of its work and cleans up, and the end of the input travels through to the end.
 *
 *     deno run examples/pipeline.ts
 */
import { joinAll, main, Queue, sleep, spawn, spawnWith } from "@verdant/green";

const orders = new Queue<number>(2); // put() waits while two are in it
const parcels = new Queue<string>(2);

async function takeOrders() {
  for (let order = 1; order <= 6; order++) {
    await orders.put(order);
    console.log(`order ${order} taken`);
  }
  orders.shutdown(); // the packers get what is left, then their loops end
}

async function pack(name: string) {
  try {
    for await (const order of orders) {
      await sleep(10);
      await parcels.put(`parcel ${order}, packed by ${name}`);
    }
  } finally {
    console.log(`${name} tidies up`); // also when killed
  }
}

async function ship() {
  for await (const parcel of parcels) console.log(`shipped: ${parcel}`);
}

main(async () => {
  const producer = spawn(takeOrders);
  const packers = ["Ann", "Bob"].map((name) => spawnWith({ name }, pack, name));
  const shipper = spawn(ship);

  await sleep(15);
  await packers[1]!.kill("his shift is over"); // the order in his hands is lost with him, no other one

  await joinAll([producer, ...packers]);
  parcels.shutdown();
  await shipper.join();
  console.log("all done");
});
