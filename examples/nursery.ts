/**
 * Structured concurrency: no greenlet outlives its nursery, and one failure ends them all.
 *
 *     deno run examples/nursery.ts
 */
import { main, nursery, sleep } from "@verdant/green";

async function download(name: string, ms: number) {
  try {
    await sleep(ms);
    console.log(`  ${name} loaded`);
    return name.length;
  } finally {
    console.log(`  ${name} closed`);
  }
}

main(async () => {
  console.log("the result comes when all have ended");
  const size = await nursery(async (n) => {
    const text = n.spawn(download, "text", 10);
    const image = n.spawn(download, "image", 5);
    return await text.get() + await image.get();
  });
  console.log(`  ${size} bytes`);

  console.log("a failure kills the others, and is thrown");
  await nursery(async (n) => {
    n.spawn(download, "video", 60_000);
    await sleep(5);
    throw new Error("disk full");
  }).catch((error) => console.log(`  ${error.message}`));

  console.log("so does the deadline");
  await nursery((n) => void n.spawn(download, "archive", 60_000), { deadline: 10 })
    .catch((error) => console.log(`  ${error.message}`));

  console.log("several errors come together");
  await nursery((n) => {
    n.spawn(async () => {
      try {
        await sleep(60_000);
      } finally {
        await Promise.reject(new Error("cannot close"));
      }
    });
    n.spawn(async () => {
      await sleep();
      throw new Error("cannot read");
    });
  }).catch((error) => console.log(`  ${error.errors.map((each: Error) => each.message).join(" and ")}`));
});
