import { assertEquals } from "@std/assert";
import { Queue, sleep, spawnWith } from "@verdant/green";
import { recording, takenFrom } from "../../../hub/mod.ts";
import { debugging } from "./debugging.ts";

// In a file of its own: nothing must have been recorded before.
Deno.test("the first thing that is recorded may be what is handed to one who waits", async () => {
  const queue = new Queue<number>();
  await queue.put(1);
  await queue.get();
  queue.taskDone();
  assertEquals(recording, false);
  using _debug = debugging();
  const getter = spawnWith({ name: "getter" }, () => queue.get());
  await sleep();
  queue.putNowait(2);
  await getter.join();
  assertEquals([takenFrom(queue).map(({ task }) => task!.label), recording], [["getter"], true]);
});
