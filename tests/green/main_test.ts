import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { getHub, main } from "@verdant/green";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const HOUSE = new URL("../../mod.ts", import.meta.url).href;

/** Runs a program as a process of its own; killed, and so failed, if it does not end by itself. */
async function run(names: string, program: string): Promise<Outcome> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "-A", "-"],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(30_000),
  });
  await using child = command.spawn();
  const source = new Blob([`import { ${names} } from ${JSON.stringify(HOUSE)};\n${program}`]);
  await source.stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("main() runs its function in a greenlet called main, after the module's own code", async () => {
  const { code, out, err } = await run(
    "getCurrent, main",
    `main(() => console.log(getCurrent().name, getCurrent().spawner));
     console.log("module");`,
  );
  assertEquals({ code, out, err }, { code: 0, out: "module\nmain undefined\n", err: "" });
});

Deno.test("main() ends the process with status 0 once nothing is left to do", async () => {
  const outcome = await run(
    "main, sleep, spawn",
    `main(async () => {
       spawn(async () => {
         await sleep(1);
         console.log("the greenlet outlives main");
       });
       spawn(() => sleep(3_600_000, { ref: false }));
     });`,
  );
  assertEquals(outcome, { code: 0, out: "the greenlet outlives main\n", err: "" });
});

Deno.test("main() reports the error of its function, ends with status 1, and the others run on", async () => {
  const { code, out, err } = await run(
    "main, sleep, spawn",
    `main(async () => {
       spawn(async () => {
         await sleep(1);
         console.log("still here");
       });
       await sleep();
       throw new RangeError("giving up");
     });`,
  );
  assertEquals([code, out], [1, "still here\n"]);
  assertStringIncludes(err, "RangeError: giving up");
  assertStringIncludes(err, "main failed with RangeError");
});

Deno.test("main() of a function that leaves by GreenletExit ends with status 0", async () => {
  const outcome = await run(
    "GreenletExit, main",
    `main(() => {
       throw new GreenletExit("nothing to do");
     });`,
  );
  assertEquals(outcome, { code: 0, out: "", err: "" });
});

Deno.test("main() that nothing can wake gets a LoopExit, which ends the program with status 1", async () => {
  const { code, out, err } = await run(
    "main, Queue, sleep, spawnWith",
    `main(async () => {
       spawnWith({ name: "hungry" }, () => new Queue().get());
       try {
         await new Queue().get();
       } finally {
         await sleep(1);
         console.log("cleaned up");
       }
     });`,
  );
  assertEquals([code, out], [1, "cleaned up\n"]);
  assertMatch(err, /LoopExit: All greenlets are blocked and nothing can wake them/);
  assertMatch(err, /#\d+ main waits for Queue get/);
  assertMatch(err, /#\d+ hungry waits for Queue get/);
});

Deno.test("main() may catch the LoopExit and go on", async () => {
  const outcome = await run(
    "main, Queue, sleep",
    `main(async () => {
       const caught = await new Queue().get().catch((error) => error.name);
       await sleep(1);
       console.log(caught);
     });`,
  );
  assertEquals(outcome, { code: 0, out: "LoopExit\n", err: "" });
});

Deno.test("main() gets no LoopExit while a foreign timer can still wake it", async () => {
  const outcome = await run(
    "Event, main",
    `main(async () => {
       const event = new Event();
       setTimeout(() => event.set(), 5);
       console.log(await event.wait());
     });`,
  );
  assertEquals(outcome, { code: 0, out: "true\n", err: "" });
});

Deno.test("main() leaves parked greenlets behind when its function has returned", async () => {
  const outcome = await run(
    "Event, main, sleep, spawn",
    `main(async () => {
       spawn(() => new Event().wait());
       await sleep();
       console.log("done");
     });`,
  );
  assertEquals(outcome, { code: 0, out: "done\n", err: "" });
});

Deno.test("main() leaves a wait of its own behind when its function has returned", async () => {
  const outcome = await run("Event, main", `main(() => void new Event().wait());`);
  assertEquals(outcome, { code: 0, out: "", err: "" });
});

Deno.test("main() is not needed: a wait outside gets its LoopExit, also if it began beside a foreign await", async () => {
  const outcome = await run(
    "Event, spawn",
    `spawn(() => new Promise((resolve) => setTimeout(resolve, 20)));
     setTimeout(() => new Event().wait().catch((error) => console.log(error.name)), 5);`,
  );
  assertEquals(outcome, { code: 0, out: "LoopExit\n", err: "" });
});

Deno.test("main() throws TypeError with the value for a non-function, and changes nothing", () => {
  const hub = getHub();
  const { greenlets } = hub.stats();
  assertThrows(() => main("text" as never), TypeError, "fn must be a function, received text");
  assertEquals([hub.mainTask, hub.stats().greenlets, Deno.exitCode], [undefined, greenlets, 0]);
});
