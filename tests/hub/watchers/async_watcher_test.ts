import { assertEquals, assertThrows } from "@std/assert";
import { Event, getHub, sleep } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { Program } from "../../net/program.ts";

/** A limit of which only the timer matters: a watcher may not keep the process alive. */
const ALIVE = { timeout: 60_000 };

const WORKER = `data:text/javascript,${
  encodeURIComponent(`onmessage = ({ data: [port, count] }) => {
    for (let i = 0; i < count; i++) port.postMessage(i);
    self.close();
  };`)
}`;

/** Sends a port to another thread, which asks for calls. */
function askFromWorker(port: MessagePort, count = 1): void {
  const worker = new Worker(WORKER, { type: "module" });
  worker.postMessage([port, count], [port]);
}

Deno.test("AsyncWatcher calls when another thread asks for it", async () => {
  const event = new Event();
  using async = getHub().async();
  async.start((waker: Event) => waker.set(), event);
  askFromWorker(async.port);
  assertEquals(await event.wait(ALIVE), true);
});

Deno.test("AsyncWatcher keeps what comes before its first start", async () => {
  const event = new Event();
  using async = getHub().async({ ref: false });
  const { port } = async;
  port.postMessage("early");
  await sleep(1);
  async.start(() => event.set());
  assertEquals(await event.wait(ALIVE), true);
});

Deno.test("AsyncWatcher does not look at what comes while it is stopped", async () => {
  using errors = captureErrors();
  const asked = new Event();
  const seen: string[] = [];
  using async = getHub().async();
  const { port } = async;
  async.start(() => asked.set());
  port.postMessage("one");
  await asked.wait(ALIVE);
  async.stop();
  port.postMessage("two");
  async.send();
  assertEquals(async.pending, false);
  await sleep(5);
  async.start(() => seen.push("called"));
  await sleep(5);
  assertEquals(seen, []);
  port.postMessage("three");
  while (seen.length === 0) await sleep(1);
  assertEquals([seen, errors.seen], [["called"], []]);
});

Deno.test("AsyncWatcher makes one call of all that was asked before it", async () => {
  let calls = 0;
  using async = getHub().async();
  async.start(() => calls++);
  for (let i = 0; i < 5; i++) async.send();
  await sleep();
  async.send();
  await sleep();
  assertEquals(calls, 2);
});

Deno.test("AsyncWatcher.port is always the same, and closed with the watcher", () => {
  const async = getHub().async();
  const { port } = async;
  assertEquals(async.port === port, true);
  async.close();
  async.send();
  assertThrows(() => async.port, Error, "Cannot open port of async watcher: it is closed");
});

for (const ref of [true, false]) {
  Deno.test(`AsyncWatcher with ref ${ref} ${ref ? "keeps" : "does not keep"} the process alive`, async () => {
    await using program = Program.evaluate(
      `import { getHub } from "@verdant/green";
       const async = getHub().async({ ref: ${ref} });
       const { port } = async;
       let calls = 0;
       async.start(() => {
         console.log("called", ++calls);
         if (calls === 2) async.stop();
       });
       port.postMessage(1);
       port.postMessage(2);
       setTimeout(() => console.log("over"), 30);
       setTimeout(() => port.postMessage(3), 60).unref();`,
    );
    const lines = await program.readAll();
    assertEquals(lines, ref ? ["called 1", "over", "called 2"] : ["called 1", "over"]);
    assertEquals((await program.status).code, 0);
  });
}

Deno.test("AsyncWatcher whose port nobody has used does not keep the process alive without ref", async () => {
  await using program = Program.evaluate(
    `import { getHub } from "@verdant/green";
     const async = getHub().async({ ref: false });
     async.start(() => {});
     console.log(async.port instanceof MessagePort);`,
  );
  assertEquals([await program.readAll(), (await program.status).code], [["true"], 0]);
});

Deno.test("AsyncWatcher that is stopped lets the process end", async () => {
  await using program = Program.evaluate(
    `import { getHub } from "@verdant/green";
     const async = getHub().async();
     async.start(() => async.stop());
     async.port.postMessage(1);
     async.port.postMessage(2);`,
  );
  assertEquals([await program.readAll(), (await program.status).code], [[], 0]);
});
