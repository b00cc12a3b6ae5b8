import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Greenlet, sleep } from "@verdant/green";
import { Job } from "../../green/job.ts";
import { captureErrors } from "../helpers.ts";

function failing(message: string): Job<never> {
  return new Job(() => {
    throw new Error(message);
  });
}

Deno.test("Job does not report its error: the call passes it on", async () => {
  using errors = captureErrors();
  const job = failing("passed on");
  job.start();
  await assertRejects(() => job.get(), Error, "passed on");
  assertEquals([job instanceof Greenlet, errors.seen], [true, []]);
});

Deno.test("Job.abandon() before the end has the error reported", async () => {
  using errors = captureErrors();
  const job = failing("abandoned");
  job.start();
  job.abandon();
  assertEquals(errors.seen, []);
  await job.join();
  assertEquals(errors.seen, [job.error]);
});

Deno.test("Job.abandon() after the end reports the error, once", async () => {
  using errors = captureErrors();
  const job = failing("abandoned");
  job.start();
  await job.join();
  job.abandon();
  job.abandon();
  assertEquals(errors.seen.length, 1);
  assertStrictEquals(errors.seen[0], job.error);
});

Deno.test("Job.abandon() has nothing to report of a success or a kill", async () => {
  using errors = captureErrors();
  const done = new Job(() => "done");
  const killed = new Job(() => sleep(60_000));
  for (const job of [done, killed]) job.start();
  await sleep();
  killed.abandon();
  await killed.kill();
  done.abandon();
  assertEquals([done.value, errors.seen], ["done", []]);
});

Deno.test("Job.caused() knows the error it ended with, and no other", async () => {
  const job = failing("own");
  assertEquals(job.caused(undefined), false);
  job.start();
  await job.join();
  assertEquals([job.caused(job.error), job.caused(new Error("own"))], [true, false]);
});
