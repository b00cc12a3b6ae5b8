import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Event, getHub, installDumpSignal, named, sleep, spawnWith } from "@verdant/green";

const WINDOWS = Deno.build.os === "windows";

/** Sends this process a signal, and waits for what it brings; listening to it keeps no program alive. */
async function raise(signal: Deno.Signal, arrived: Promise<string>): Promise<string> {
  const alive = setInterval(() => {}, 1_000);
  try {
    Deno.kill(Deno.pid, signal);
    return await arrived;
  } finally {
    clearInterval(alive);
  }
}

Deno.test({
  name: "installDumpSignal() writes the dump of a running program on its signal, as often as it comes",
  ignore: WINDOWS,
  async fn() {
    const gate = named(new Event(), "gate");
    const g = spawnWith({ name: "waiter" }, () => gate.wait());
    await sleep();
    let next = Promise.withResolvers<string>();
    using _installed = installDumpSignal({ signal: "SIGUSR1", write: (text) => next.resolve(text) });
    for (let i = 0; i < 2; i++) {
      const text = await raise("SIGUSR1", next.promise);
      assertMatch(
        text,
        /^SIGUSR1 at \d{4}-\d\d-\d\dT.*Z\n1 greenlet: 1 waiting\n {2}#\d+ waiter waits for Event\(gate\) wait$/,
      );
      next = Promise.withResolvers<string>();
    }
    gate.set();
    await g.join();
  },
});

Deno.test({
  name: "installDumpSignal() reports what its writer throws",
  ignore: WINDOWS,
  async fn() {
    const hub = getHub();
    const { onError } = hub;
    const reported = Promise.withResolvers<string>();
    hub.onError = (_context, error) => reported.resolve(String(error));
    const write = () => {
      throw new Error("disk full");
    };
    using _installed = installDumpSignal({ signal: "SIGUSR2", write });
    assertEquals(await raise("SIGUSR2", reported.promise), "Error: disk full");
    hub.onError = onError;
  },
});

Deno.test({
  name: "installDumpSignal() gives the signal back when it is disposed",
  ignore: WINDOWS,
  async fn() {
    const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
    const program = `
      import { installDumpSignal } from "@verdant/green";
      installDumpSignal()[Symbol.dispose]();
      Deno.kill(Deno.pid, "SIGQUIT");
      setTimeout(() => console.log("still here"), 10_000);
    `;
    const { signal, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", "--config", CONFIG, program],
      stdout: "piped",
      stderr: "null",
    }).output();
    assertEquals([signal, new TextDecoder().decode(stdout)], ["SIGQUIT", ""]);
  },
});

Deno.test("installDumpSignal() refuses a signal that does not exist, or cannot be caught", () => {
  assertThrows(() => installDumpSignal({ signal: "SIGNONE" as Deno.Signal }), TypeError);
  if (!WINDOWS) assertThrows(() => installDumpSignal({ signal: "SIGKILL" }), TypeError);
});
