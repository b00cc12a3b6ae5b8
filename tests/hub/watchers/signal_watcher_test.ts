import { assertEquals, assertThrows } from "@std/assert";
import { Event, getHub, onSignal, Queue } from "@verdant/green";
import { Program } from "../../net/program.ts";

/** A limit of which only the timer matters: listening may not keep the process alive. */
const ALIVE = { timeout: 60_000 };

const raise = (signal: Deno.Signal) => Deno.kill(Deno.pid, signal);

Deno.test("SignalWatcher calls for each signal until it is stopped", async () => {
  const seen = new Queue<string>();
  using watcher = getHub().signal("SIGUSR1");
  watcher.start((word: string) => seen.putNowait(word), "word");
  for (let i = 0; i < 2; i++) {
    raise("SIGUSR1");
    assertEquals(await seen.get(ALIVE), "word");
  }
  watcher.stop();
  const other = new Event();
  using _other = onSignal("SIGUSR1", () => other.set());
  raise("SIGUSR1");
  await other.wait(ALIVE);
  assertEquals([watcher.signal, watcher.active, seen.size], ["SIGUSR1", false, 0]);
});

Deno.test("SignalWatcher of one signal are called in the order of their starts", async () => {
  const hub = getHub();
  const done = new Event();
  const seen: string[] = [];
  using a = hub.signal("SIGUSR1");
  using b = hub.signal("SIGUSR1");
  b.start(() => seen.push("b"));
  a.start(() => {
    seen.push("a");
    done.set();
  });
  raise("SIGUSR1");
  await done.wait(ALIVE);
  assertEquals(seen, ["b", "a"]);
});

Deno.test("SignalWatcher of what is no signal, or cannot be caught, is refused at once", () => {
  const hub = getHub();
  for (const name of ["SIGNONSENSE", "SIGKILL", "", 5, undefined]) {
    assertThrows(() => hub.signal(name as Deno.Signal), TypeError, `Cannot listen to signal ${name}`);
  }
});

Deno.test("SignalWatcher with ref keeps the process alive until it is stopped, and no LoopExit comes", async () => {
  await using program = Program.evaluate(
    `import { Event, getHub, main } from "@verdant/green";
     main(async () => {
       const over = new Event();
       const watcher = getHub().signal("SIGUSR1");
       watcher.start(() => {
         watcher.stop();
         over.set();
       });
       console.log("listening");
       await over.wait();
       console.log("over");
     });`,
  );
  assertEquals(await program.readLine(), "listening");
  program.kill("SIGUSR1");
  assertEquals(await program.readAll(), ["over"]);
  assertEquals([(await program.status).code, await program.errors], [0, ""]);
});

Deno.test("SignalWatcher without ref does not keep the process alive", async () => {
  await using program = Program.evaluate(
    `import { getHub } from "@verdant/green";
     getHub().signal("SIGUSR1", { ref: false }).start(() => {});`,
  );
  assertEquals([await program.readAll(), (await program.status).code], [[], 0]);
});

for (const kind of ["prepare", "check", "idle", "timer"]) {
  Deno.test(`Watcher without ref does not keep the process alive (${kind})`, async () => {
    await using program = Program.evaluate(
      `import { getHub } from "@verdant/green";
       getHub().${kind}(${kind === "timer" ? "60_000," : ""} { ref: false }).start(() => {});
       console.log("started");`,
    );
    assertEquals([await program.readAll(), (await program.status).code], [["started"], 0]);
  });

  Deno.test(`Watcher with ref keeps the process alive until it is stopped (${kind})`, async () => {
    await using program = Program.evaluate(
      `import { getHub } from "@verdant/green";
       const watcher = getHub().${kind}(${kind === "timer" ? "60_000" : ""});
       watcher.start(() => {});
       const timer = setTimeout(() => {
         console.log("still here");
         watcher.stop();
       }, 30);
       timer.unref();`,
    );
    assertEquals([await program.readAll(), (await program.status).code], [["still here"], 0]);
  });
}
