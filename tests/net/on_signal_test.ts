import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  connect,
  Event,
  getCurrent,
  getHub,
  type Greenlet,
  onSignal,
  Queue,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { Program } from "./program.ts";
import { ask, isRefused } from "./servers.ts";

/** A limit of which only the timer matters: listening to a signal does not keep the process alive. */
const ALIVE = { timeout: 60_000 };

const raise = (signal: Deno.Signal) => Deno.kill(Deno.pid, signal);

Deno.test("onSignal() runs the handler in a greenlet of its own for each signal", async () => {
  const seen = new Queue<[string, Greenlet | undefined]>();
  const handler = async (signal: string) => {
    await sleep(); // it may wait
    await seen.put([signal, getCurrent()]);
  };
  using _listening = onSignal(["SIGUSR1", "SIGUSR2"], handler);
  raise("SIGUSR1");
  const [first, one] = await seen.get(ALIVE);
  raise("SIGUSR2");
  const [second, other] = await seen.get(ALIVE);
  assertEquals([first, second], ["SIGUSR1", "SIGUSR2"]);
  assert(one !== undefined && other !== undefined && one !== other);
});

/** Waits until a signal that was raised has got to everybody who listens. */
async function delivered(signal: Deno.Signal): Promise<void> {
  const got = new Event();
  const listener = () => got.set();
  Deno.addSignalListener(signal, listener); // behind those of the test
  raise(signal);
  await got.wait(ALIVE);
  Deno.removeSignalListener(signal, listener);
  await sleep();
}

Deno.test("onSignal() hears nothing once it is disposed of, and that can be done twice", async () => {
  const seen: string[] = [];
  const listening = onSignal(["SIGUSR1", "SIGUSR2"], (signal) => seen.push(signal));
  await delivered("SIGUSR1");
  listening[Symbol.dispose]();
  listening[Symbol.dispose]();
  await delivered("SIGUSR1");
  await delivered("SIGUSR2");
  assertEquals(seen, ["SIGUSR1"]);
});

Deno.test("onSignal() with once hears the first of all its signals only", async () => {
  const seen: string[] = [];
  using _listening = onSignal(["SIGUSR1", "SIGUSR2"], (signal) => seen.push(signal), { once: true });
  await delivered("SIGUSR2");
  await delivered("SIGUSR2");
  await delivered("SIGUSR1");
  assertEquals(seen, ["SIGUSR2"]);
});

Deno.test("onSignal() that is given a signal twice hears it once", async () => {
  const seen: string[] = [];
  {
    using _listening = onSignal(["SIGUSR1", "SIGUSR1"], (signal) => seen.push(signal));
    await delivered("SIGUSR1");
  }
  await delivered("SIGUSR1");
  assertEquals(seen, ["SIGUSR1"]);
});

Deno.test("onSignal() lets others listen to the same signal", async () => {
  const seen: string[] = [];
  using _one = onSignal(["SIGUSR1"], () => seen.push("one"));
  const two = onSignal(["SIGUSR1"], () => seen.push("two"));
  await delivered("SIGUSR1");
  two[Symbol.dispose]();
  await delivered("SIGUSR1");
  assertEquals(seen, ["one", "two", "one"]);
});

Deno.test("onSignal() reports an error of the handler and goes on listening", async () => {
  using errors = captureErrors();
  const failures = [new Error("one"), new Error("two")];
  let calls = 0;
  using _listening = onSignal(["SIGUSR1"], () => {
    throw failures[calls++];
  });
  await delivered("SIGUSR1");
  await delivered("SIGUSR1");
  assertEquals(errors.seen, failures);
});

Deno.test("onSignal() that is given nonsense listens to nothing", async () => {
  const seen: string[] = [];
  const handler = (signal: string) => seen.push(signal);
  const nonsense = "SIGNONSENSE" as Deno.Signal;
  assertThrows(() => onSignal(["SIGUSR1", nonsense], handler), TypeError, "SIGNONSENSE");
  for (const fn of [undefined, "handler"]) {
    const bad = fn as unknown as () => void;
    assertThrows(() => onSignal(["SIGUSR1"], bad), TypeError, `handler must be a function, received ${fn}`);
  }
  await delivered("SIGUSR1");
  assertEquals(seen, []);
});

Deno.test("onSignal() takes one signal by its name, and is active until it is cancelled", async () => {
  const seen: string[] = [];
  const listening = onSignal("SIGUSR1", (signal) => seen.push(signal));
  assertEquals(listening.active, true);
  await delivered("SIGUSR1");
  listening.cancel();
  listening.cancel();
  assertEquals(listening.active, false);
  await delivered("SIGUSR1");
  assertEquals(seen, ["SIGUSR1"]);
});

Deno.test("onSignal() begins the handlers of one signal in the order in which they were given", async () => {
  const seen: number[] = [];
  using handlers = new DisposableStack();
  for (const n of [1, 2, 3]) {
    handlers.use(onSignal("SIGUSR1", async () => {
      seen.push(n);
      await sleep();
      seen.push(n * 10);
    }));
  }
  await delivered("SIGUSR1");
  await sleep();
  assertEquals(seen, [1, 2, 3, 10, 20, 30]);
});

Deno.test("onSignal() that is cancelled by a handler lets the handlers that have begun go on", async () => {
  const seen: string[] = [];
  using listening = onSignal("SIGUSR1", async () => {
    listening.cancel();
    await sleep();
    seen.push("done");
  });
  await delivered("SIGUSR1");
  await sleep();
  assertEquals(seen, ["done"]);
});

Deno.test("onSignal() with ref keeps hub.join() waiting as long as it listens", async () => {
  const hub = getHub();
  const isDry = () => spawn(() => hub.join({ timeout: 5 })).get();
  const listening = onSignal("SIGUSR1", () => {}, { ref: true });
  assertEquals(await isDry(), false);
  listening.cancel();
  listening.cancel();
  assertEquals(await isDry(), true);
  const again = onSignal("SIGUSR1", () => {}, { ref: true });
  assertEquals(await isDry(), false);
  again.cancel();
  using _without = onSignal("SIGUSR1", () => {});
  assertEquals(await isDry(), true);
  using nothing = onSignal([], () => {}, { ref: true });
  assertEquals([await isDry(), nothing.active], [true, false]);
});

Deno.test("onSignal() with ref and once keeps the process alive until the handler has ended", async () => {
  await using program = Program.evaluate(
    `import { onSignal, sleep } from "@verdant/green";
     onSignal("SIGUSR1", async (signal) => {
       await sleep(1);
       console.log(signal);
     }, { ref: true, once: true });
     console.log("listening");`,
  );
  assertEquals(await program.readLine(), "listening");
  program.kill("SIGUSR1");
  assertEquals(await program.readAll(), ["SIGUSR1"]);
  assertEquals((await program.status).code, 0);
});

Deno.test("onSignal() does not keep the process alive", async () => {
  await using program = Program.evaluate(
    `import { onSignal } from "@verdant/green";
     onSignal(["SIGUSR1"], () => {});
     console.log("listening");`,
  );
  assertEquals(await program.readAll(), ["listening"]);
  assertEquals((await program.status).code, 0);
});

const SERVER = new URL("../fixtures/serve_forever.ts", import.meta.url);

/** Starts the fixture. */
async function startServing(...args: string[]): Promise<{ program: Program; port: number }> {
  const program = Program.run(SERVER, ...args);
  const [, port] = await program.readUntil(/^listening on port (\d+)$/);
  return { program, port: Number(port) };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`StreamServer.serveForever() lets the handlers finish on ${signal}, and the program ends with status 0`, async () => {
    const { program, port } = await startServing("60000");
    await using _program = program;
    using conn = await connect({ port });
    assertEquals(await ask(conn, "before"), "before");
    program.kill(signal);
    assertEquals(await program.readLine(), `got ${signal}`);
    assert(await isRefused(port));
    assertEquals(await ask(conn, "after"), "after");
    await conn.closeWrite();
    assertEquals(await program.readAll(), ["handler ended", "served", "finally"]);
    assertEquals([(await program.status).code, await program.errors], [0, ""]);
  });
}

Deno.test("StreamServer.serveForever() kills handlers that take too long after a signal; their finally runs", async () => {
  const { program, port } = await startServing("50");
  await using _program = program;
  using conn = await connect({ port });
  assertEquals(await ask(conn, "before"), "before");
  program.kill("SIGTERM");
  assertEquals(await conn.readLine(), null);
  assertEquals(await program.readAll(), ["got SIGTERM", "handler ended", "served", "finally"]);
  assertEquals([(await program.status).code, await program.errors], [0, ""]);
});

Deno.test("StreamServer.serveForever() leaves the second signal to the system, which ends the program at once", async () => {
  const { program, port } = await startServing("60000");
  await using _program = program;
  using conn = await connect({ port });
  assertEquals(await ask(conn, "before"), "before");
  program.kill("SIGTERM");
  assertEquals(await program.readLine(), "got SIGTERM");
  program.kill("SIGINT");
  assertEquals(await program.readAll(), []);
  assertEquals((await program.status).signal, "SIGINT");
});

Deno.test("StreamServer.serveForever() listens to the signals it is told", async () => {
  const { program, port } = await startServing("60000", "SIGUSR1");
  await using _program = program;
  using conn = await connect({ port });
  assertEquals(await ask(conn, "before"), "before");
  program.kill("SIGINT"); // heard by the program alone
  assertEquals(await program.readLine(), "got SIGINT");
  assertEquals(await ask(conn, "still here"), "still here");
  program.kill("SIGUSR1");
  conn.close();
  const lines = await program.readAll();
  assertEquals(lines.toSorted(), ["finally", "handler ended", "served"]);
  assertEquals((await program.status).code, 0);
});

Deno.test("StreamServer.serveForever() without signals leaves them to main()", async () => {
  await using program = Program.evaluate(
    `import { main, spawn, sleep, StreamServer } from "@verdant/green";
     main(async () => {
       const server = new StreamServer({ hostname: "127.0.0.1", port: 0 }, () => {});
       spawn(() => server.serveForever({ signals: [] }));
       await sleep();
       console.log(server.started);
     });`,
  );
  assertEquals(await program.readLine(), "true");
  program.kill("SIGTERM");
  assertEquals((await program.status).code, 143);
});
