import { assertEquals } from "@std/assert";
import { getCurrent, sleep, spawn } from "@verdant/green";
import { captureErrors } from "../helpers.ts";

Deno.test("Greenlet.link() callbacks run in greenlets of their own, in the order of the links, after the end", async () => {
  const log: string[] = [];
  const greenlet = spawn(() => 5);
  greenlet.link(async (ended) => {
    log.push(`first ${ended.value}`);
    await sleep(); // may wait
    log.push("first waited");
  });
  greenlet.link(() => log.push(`second ${getCurrent() === greenlet}`));
  await greenlet.join();
  greenlet.link(() => log.push("late"));
  for (let i = 0; i < 4; i++) await sleep();
  assertEquals(log, ["first 5", "second false", "first waited", "late"]);
});

Deno.test("Greenlet.linkValue() and linkError() fire for their kind of end; a kill is a success", async () => {
  using _errors = captureErrors();
  const log: string[] = [];
  const watch = (name: string, body: () => unknown) => {
    const greenlet = spawn(body);
    greenlet.linkValue(() => log.push(`${name} value`));
    greenlet.linkError(() => log.push(`${name} error`));
    return greenlet;
  };
  watch("returns", () => 1);
  watch("throws", () => {
    throw new Error("x");
  });
  const killed = watch("killed", () => sleep(60_000));
  await sleep();
  await killed.kill();
  for (let i = 0; i < 4; i++) await sleep();
  assertEquals(log, ["returns value", "throws error", "killed value"]);
});

Deno.test("Greenlet.link() that fails is reported and does not stop the others", async () => {
  using errors = captureErrors();
  const log: string[] = [];
  const greenlet = spawn(() => 1);
  greenlet.rawlink(() => {
    throw new Error("raw");
  });
  greenlet.link(() => {
    throw new Error("link");
  });
  greenlet.rawlink(() => log.push("raw ran"));
  greenlet.link(() => log.push("link ran"));
  await greenlet.join();
  for (let i = 0; i < 3; i++) await sleep();
  assertEquals(log, ["raw ran", "link ran"]);
  assertEquals(errors.seen.map((error) => (error as Error).message).toSorted(), ["link", "raw"]);
});

Deno.test("Greenlet.unlink() and disposing remove a link, unknown ones are ignored", async () => {
  const log: string[] = [];
  const greenlet = spawn(() => 1);
  const callback = () => log.push("never");
  greenlet.link(callback);
  greenlet.unlink(callback);
  greenlet.unlink(callback);
  greenlet.unlink(() => {});
  {
    using _link = greenlet.link(callback);
  }
  await greenlet.join();
  await sleep();
  assertEquals(log, []);
});
