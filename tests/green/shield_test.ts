import { assertEquals, assertRejects } from "@std/assert";
import { Event, shield, sleep, spawn, Timeout, withTimeout } from "@verdant/green";

Deno.test("shield() holds a kill back over several waits, and delivers it at the next one", async () => {
  const log: string[] = [];
  const greenlet = spawn(async () => {
    await shield(async () => {
      log.push("begin");
      await sleep();
      await sleep();
      log.push("end");
    });
    log.push("outside");
    await sleep();
    log.push("never");
  });
  await sleep();
  await greenlet.kill();
  assertEquals(log, ["begin", "end", "outside"]);
});

Deno.test("shield() holds back a Timeout started outside, not one started inside", async () => {
  const log: string[] = [];
  const outer = Timeout.start(1);
  try {
    await shield(async () => {
      await sleep(3);
      log.push("outlived the outer limit");
      await withTimeout(1, () => sleep(60_000)).catch((error) => log.push(`inner ${error.name}`));
    });
    await sleep();
  } catch (error) {
    log.push(error === outer ? "outer" : "other");
  }
  assertEquals(log, ["outlived the outer limit", "inner Timeout", "outer"]);
});

Deno.test("shield() in a shield protects until the outer one ends", async () => {
  const log: string[] = [];
  const greenlet = spawn(() =>
    shield(async () => {
      await shield(() => sleep());
      await sleep();
      log.push("still protected");
    })
  );
  await sleep();
  await greenlet.kill();
  assertEquals(log, ["still protected"]);
});

Deno.test("shield() with a timeout ends its protection then, also in the middle of a wait", async () => {
  const log: string[] = [];
  const greenlet = spawn(() =>
    shield(async () => {
      try {
        await new Event().wait(); // for ever
      } finally {
        log.push("let go");
      }
    }, { timeout: 1 })
  );
  await sleep();
  await greenlet.kill();
  assertEquals(log, ["let go"]);
});

Deno.test("shield() passes the result and the error of its function on", async () => {
  assertEquals(await shield(() => 5), 5);
  await assertRejects(() => shield(() => Promise.reject(new Error("inside"))), Error, "inside");
});
