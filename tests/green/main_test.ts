import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { getHub, main } from "@verdant/green";
import { Program } from "../net/program.ts";

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

/** Runs a program until it has printed "ready", sends signals, and says how it has ended. */
async function signalled(
  names: string,
  text: string,
  ...signals: (Deno.Signal | string)[]
): Promise<{ code: number; signal: string | null; lines: string[]; errors: string }> {
  await using program = Program.evaluate(`import { ${names} } from "@verdant/green";\n${text}`);
  const lines: string[] = [];
  for (const step of ["ready", ...signals]) {
    if (step.startsWith("SIG")) program.kill(step as Deno.Signal);
    else {
      for (let line = await program.readLine(); line !== step; line = await program.readLine()) {
        if (line === null) throw new Error(`It did not print ${step}, but ${await program.errors}`);
        lines.push(line);
      }
    }
  }
  lines.push(...await program.readAll());
  const { code, signal } = await program.status;
  return { code, signal, lines, errors: await program.errors };
}

/** A program whose greenlets say how they end. */
const FAMILY = `
  async function tidy(name) {
    try {
      await sleep(3_600_000);
    } finally {
      await sleep(1);
      console.log(name);
    }
  }
  main(async () => {
    spawn(() => {
      spawn(tidy, "grandchild");
      return tidy("child");
    });
    await sleep();
    await sleep();
    console.log("ready");
    await tidy("main");
  });`;

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`main() kills the tree of its greenlets on ${signal}, waits for their clean-up and exits with ${code}`, async () => {
    assertEquals(
      await signalled("main, sleep, spawn", FAMILY, signal),
      { code, signal: null, lines: ["main", "child", "grandchild"], errors: "" },
    );
  });
}

Deno.test("main() exits after the grace all the same, and says who is left", async () => {
  const { code, lines, errors } = await signalled(
    "Event, main, sleep, spawnWith",
    `main(async () => {
       try {
         spawnWith({ name: "stubborn" }, async () => {
           for (;;) await sleep(3_600_000).catch(() => console.log("not me"));
         });
         await sleep();
         console.log("ready");
         await sleep(3_600_000);
       } finally {
         console.log("cleaned up");
       }
     }, { grace: 50 });`,
    "SIGTERM",
  );
  assertEquals([code, lines], [143, ["cleaned up", "not me"]]);
  assertStringIncludes(errors, "Not everybody has ended within 50 ms of SIGTERM");
  const [, left] = errors.trimEnd().split("\n");
  assertMatch(left!.trim(), /^#\d+ stubborn waits for sleep, 59 min 59 s left \(kill ignored so far\)$/);
  assertEquals(errors.trimEnd().split("\n").length, 2); // and nobody else
});

Deno.test("main() cannot kill who awaits a foreign promise, and exits after the grace", async () => {
  const { code, errors } = await signalled(
    "main",
    `main(async () => {
       console.log("ready");
       await new Promise((resolve) => setTimeout(resolve, 3_600_000));
     }, { grace: 20 });`,
    "SIGINT",
  );
  assertEquals(code, 130);
  assertStringIncludes(errors, "main waits for a promise that is not the library's own");
});

Deno.test("main() leaves the second signal to the system, which ends the process at once", async () => {
  const text = `main(async () => {
    try {
      console.log("ready");
      await sleep(3_600_000);
    } finally {
      console.log("cleaning up");
      await sleep(3_600_000);
    }
  });`;
  for (const second of ["SIGINT", "SIGTERM"] as const) {
    const { code, signal, lines } = await signalled("main, sleep", text, "SIGINT", "cleaning up", second);
    assertEquals([code, signal, lines], [second === "SIGINT" ? 130 : 143, second, []]);
  }
});

Deno.test("main() exits with the status of the signal also if the clean-up fails, which is reported", async () => {
  const { code, errors } = await signalled(
    "main, sleep",
    `main(async () => {
       try {
         console.log("ready");
         await sleep(3_600_000);
       } finally {
         throw new RangeError("while cleaning up");
       }
     });`,
    "SIGTERM",
  );
  assertEquals(code, 143);
  assertStringIncludes(errors, "RangeError: while cleaning up");
});

Deno.test("main() exits on a signal whatever else keeps the process alive", async () => {
  const outcome = await signalled(
    "main, sleep, spawn",
    `setInterval(() => {}, 1_000);
     main(async () => {
       spawn(() => sleep(3_600_000));
       console.log("ready");
     });`,
    "SIGTERM",
  );
  assertEquals(outcome, { code: 143, signal: null, lines: [], errors: "" });
});

Deno.test("main() leaves the signals to the system once there are no greenlets", async () => {
  const { signal } = await signalled(
    "main",
    `main(() => {
       setTimeout(() => console.log("ready"), 20);
       setInterval(() => {}, 1_000);
     });`,
    "SIGTERM",
  );
  assertEquals(signal, "SIGTERM");
});

Deno.test("main() cleans up after those who outlive its function", async () => {
  const outcome = await signalled(
    "main, sleep, spawn",
    `main(async () => {
       spawn(() => sleep(1)); // the oldest of those who are left ends first
       spawn(async () => {
         await sleep(20);
         console.log("ready");
         try {
           await sleep(3_600_000);
         } finally {
           console.log("cleaned up");
         }
       });
     });`,
    "SIGINT",
  );
  assertEquals(outcome, { code: 130, signal: null, lines: ["cleaned up"], errors: "" });
});

Deno.test("main() cleans up after greenlets that it has not spawned, when its own have ended", async () => {
  const outcome = await signalled(
    "getHub, main, sleep, spawn",
    `const tidy = async (name) => {
       try {
         await sleep(3_600_000);
       } finally {
         console.log(name);
       }
     };
     spawn(tidy, "module");
     main(async () => {
       console.log("ready");
       try {
         await sleep(3_600_000);
       } finally {
         await sleep(1);
         console.log("main");
       }
     });`,
    "SIGINT",
  );
  assertEquals(outcome, { code: 130, signal: null, lines: ["main", "module"], errors: "" });
});

Deno.test("main() leaves a signal to a program that listens to it, for as long as it does", async () => {
  const outcome = await signalled(
    "main, onSignal, sleep",
    `main(async () => {
       const listening = onSignal("SIGTERM", (signal) => {
         console.log("own", signal);
         listening.cancel();
         console.log("heard");
       });
       try {
         console.log("ready");
         await sleep(3_600_000);
       } finally {
         console.log("cleaned up");
       }
     });`,
    "SIGTERM",
    "heard",
    "SIGTERM",
  );
  assertEquals(outcome, { code: 143, signal: null, lines: ["own SIGTERM", "cleaned up"], errors: "" });
});

Deno.test("main() leaves a signal to hub.signal(), and ends the program on another", async () => {
  const { code, lines } = await signalled(
    "getHub, main, onSignal, sleep",
    `getHub().signal("SIGTERM").start(() => console.log("own")); // before main() as well
     main(async () => {
       try {
         console.log("ready");
         await sleep(3_600_000);
       } finally {
         console.log("cleaned up");
       }
     });`,
    "SIGTERM",
    "own",
    "SIGINT",
  );
  assertEquals([code, lines], [130, ["cleaned up"]]);
});

Deno.test("main() leaves the signal after one that was heard once to the system", async () => {
  const { signal, lines } = await signalled(
    "main, onSignal, sleep",
    `main(async () => {
       onSignal(["SIGINT", "SIGTERM"], () => console.log("heard"), { once: true });
       console.log("ready");
       await sleep(3_600_000);
     });`,
    "SIGTERM",
    "heard",
    "SIGINT",
  );
  assertEquals([signal, lines], ["SIGINT", []]);
});

Deno.test("main() without signals leaves all of them to the system", async () => {
  const { signal, lines } = await signalled(
    "main, sleep",
    `main(async () => {
       try {
         console.log("ready");
         await sleep(3_600_000);
       } finally {
         console.log("never");
       }
     }, { signals: [] });`,
    "SIGTERM",
  );
  assertEquals([signal, lines], ["SIGTERM", []]);
});

Deno.test("main() listens to the signals that it is given, those apart that the system does not have", async () => {
  const text = `main(async () => {
    console.log("ready");
    await sleep(3_600_000);
  }, { signals: ["SIGBREAK", "SIGHUP"] });`;
  const own = await signalled("main, sleep", text, "SIGHUP");
  assertEquals([own.code, own.signal, own.errors], [129, null, ""]);
  assertEquals((await signalled("main, sleep", text, "SIGTERM")).signal, "SIGTERM");
});

Deno.test("main() in a worker leaves the signals to the main thread", async () => {
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(
      file,
      `import { main, sleep } from ${JSON.stringify(HOUSE)};
       main(async () => {
         await sleep(1);
         postMessage("up");
         await sleep(3_600_000);
       });`,
    );
    const { signal } = await signalled(
      "sleep",
      `const worker = new Worker("file://${file}", { type: "module" });
       worker.onmessage = () => console.log("ready");`,
      "SIGTERM",
    );
    assertEquals(signal, "SIGTERM");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("main() refuses options that make no sense, and changes nothing", () => {
  const hub = getHub();
  const { greenlets, runnable } = hub.stats();
  const fn = () => {};
  assertThrows(
    () => main(fn, { grace: -1 }),
    RangeError,
    "grace must be 0 or more milliseconds, received -1",
  );
  assertThrows(() => main(fn, { grace: "1" as never }), TypeError, "received 1");
  const message = "Cannot run main: signals must be names of signals, received 2";
  assertThrows(() => main(fn, { signals: [2 as never] }), TypeError, message);
  const after = hub.stats();
  assertEquals([hub.mainTask, after.greenlets, after.runnable], [undefined, greenlets, runnable]);
});

Deno.test("main() throws TypeError with the value for a non-function, and changes nothing", () => {
  const hub = getHub();
  const { greenlets } = hub.stats();
  assertThrows(() => main("text" as never), TypeError, "fn must be a function, received text");
  assertEquals([hub.mainTask, hub.stats().greenlets, Deno.exitCode], [undefined, greenlets, 0]);
});
