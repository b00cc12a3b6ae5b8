import { ThreadPool, type WorkerChannel, workerChannel } from "@verdant/green";
import { measure, repeat } from "./helpers.ts";

/** A worker without any library, as the floor. */
const raw = new Worker(
  `data:text/javascript,${encodeURIComponent("onmessage = ({ data }) => postMessage(data)")}`,
  { type: "module" },
);

function roundTrip(message: unknown): Promise<unknown> {
  return new Promise((resolve) => {
    raw.onmessage = ({ data }) => resolve(data);
    raw.postMessage(message);
  });
}

const noOp = () => {};
const same = <T>(value: T) => value;
const one = new ThreadPool(1, { idleTimeout: Infinity });
const two = new ThreadPool(2, { idleTimeout: Infinity });
const CALLS = 1_000;
const numbers = Array.from({ length: CALLS }, (_, i) => i);
const pixels = new Uint8Array(64 * 1024);

// Threads start when they are needed: that is not what is measured.
await roundTrip(0);
await one.apply(noOp);
await two.map(same, numbers);

measure({
  group: "round trip of a no-op",
  name: "raw postMessage",
  operations: CALLS,
  baseline: true,
  run: () => repeat(CALLS, () => roundTrip(undefined)),
});

measure({
  group: "round trip of a no-op",
  name: "ThreadPool.apply()",
  operations: CALLS,
  run: () => repeat(CALLS, () => one.apply(noOp)),
});

measure({
  group: "round trip of 64 KiB",
  name: "raw postMessage",
  operations: CALLS,
  baseline: true,
  run: () => repeat(CALLS, () => roundTrip(pixels)),
});

measure({
  group: "round trip of 64 KiB",
  name: "ThreadPool.apply()",
  operations: CALLS,
  run: () => repeat(CALLS, () => one.apply(same, [pixels])),
});

measure({
  group: "many small tasks, 2 threads",
  name: "raw postMessage, one after the other",
  operations: CALLS,
  baseline: true,
  run: () => repeat(CALLS, () => roundTrip(1)),
});

measure({
  group: "many small tasks, 2 threads",
  name: "ThreadPool.map()",
  operations: CALLS,
  run: () => two.map(same, numbers),
});

measure({
  group: "many small tasks, 2 threads",
  name: "ThreadPool.imapUnordered()",
  operations: CALLS,
  run: () => Array.fromAsync(two.imapUnordered(same, numbers)),
});

for (const capacity of [1, 64]) {
  measure({
    group: "items through a channel to a thread and back",
    name: `WorkerChannel, capacity ${capacity}`,
    operations: CALLS,
    baseline: capacity === 1,
    run: () => echo(capacity),
  });
}

/** The thread sends back what it gets. */
async function echo(capacity: number): Promise<void> {
  const [here, there] = workerChannel<number>(capacity);
  const served = one.apply(async (channel: WorkerChannel<number>) => {
    for await (const item of channel) await channel.put(item);
  }, [there]);
  const sender = (async () => {
    for (const n of numbers) await here.put(n);
    here.closeWrite();
  })();
  for await (const _ of here);
  await Promise.all([served, sender]);
}
