/**
 * Finds the greenlet that keeps all the others waiting. Run with `deno run examples/find_blocking.ts`; with
 * `GREEN_DEBUG=1 deno run --allow-env …` it also says where that greenlet was spawned and where it waited.
 */
import { main, monitor, Queue, sleep, spawn, spawnWith } from "@verdant/green";

main(async () => {
  // A worker watches this thread: what is written to stderr is written while the greenlet blocks.
  using watch = monitor({ maxBlocking: 50 });
  let found = false;
  watch.addEventListener("blocked", ({ blocking: { greenlet, name, held, stack } }) => {
    if (greenlet === undefined) return; // code outside greenlets
    found = true;
    const place = stack?.split("\n")[0]?.match(/[^\s(]+:\d+:\d+/)?.[0];
    console.log(`${name}: ${held.toFixed()} ms, then at ${place}`);
  });

  const reports = new Queue<number[]>();
  spawn(async function ticker() { // cannot tick while the report is sorted
    for (;;) await sleep(10);
  });
  spawnWith({ name: "sort the report" }, async () => {
    for (;;) {
      const report = await reports.get();
      for (const start = performance.now(); performance.now() < start + 500;) report.sort(); // no wait in here
      await sleep(); // this is where it lets go
    }
  });

  await sleep(100);
  await reports.put([3, 1, 2]);
  while (!found) await sleep(10);
  Deno.exit();
});
