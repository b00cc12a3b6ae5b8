/**
 * Limits that really stop the work: what is too slow is interrupted at its wait, and cleans up.
 *
 *     deno run examples/timeouts.ts
 */
import { Event, main, shield, sleep, Timeout, withTimeout } from "@verdant/green";

async function slowWork(name: string) {
  try {
    await sleep(60_000);
  } finally {
    console.log(`  ${name} cleans up`);
  }
}

main(async () => {
  console.log("an error when the time is over");
  await withTimeout(10, () => slowWork("work")).catch((error) => console.log(`  ${error}`));

  console.log("a value instead");
  const answer = await withTimeout(10, () => slowWork("work").then(() => "done"), { value: "too slow" });
  console.log(`  ${answer}`);

  console.log("as a block: cancelled at its end");
  {
    using _limit = Timeout.start(1_000);
    await sleep(1);
    console.log("  in time");
  }

  console.log("the outer limit passes through the inner one");
  const outer = new Timeout(10);
  await withTimeout(outer, async () => {
    await withTimeout(1_000, () => slowWork("inner work"), { value: "never: this is not the inner limit" });
  }).catch((error) => console.log(`  outer limit: ${error === outer}`));

  console.log("a limit of one wait: wait() tells it by its value");
  console.log(`  ${await new Event().wait({ timeout: 10 })}`);

  console.log("what must not be interrupted is shielded");
  await withTimeout(10, async () => {
    await shield(async () => {
      await sleep(20);
      console.log("  committed");
    });
    await sleep(60_000); // the limit strikes here
  }).catch((error) => console.log(`  ${error}`));
});
