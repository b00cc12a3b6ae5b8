import { assert, assertEquals, assertRejects } from "@std/assert";
import { getHub, Greenlet, isKill, run, simulate, sleep, spawnProcess } from "@verdant/green";
import { Job } from "../../../green/job.ts";
import { breakOff } from "../../../net/process/break_off.ts";
import { Child } from "../../../net/process/child.ts";
import { Exchange } from "../../../net/process/exchange.ts";
import { pipesOf } from "../../../net/process/pipes.ts";
import { turn } from "../../helpers.ts";
import { bytes } from "../network.ts";
import { children } from "./processes.ts";

/** The greenlets that talk to processes. */
function exchanges(): Greenlet[] {
  const greenlets = [...getHub().tasks()].filter((task) => task instanceof Greenlet);
  return greenlets.filter(({ name }) => name.startsWith("exchange with process"));
}

Deno.test("run() and Process.communicate() end with the kill if the greenlet that works for them is killed", async () => {
  const running = run(["sleep", "60"]).catch((error) => error);
  await sleep();
  await exchanges()[0]!.kill();
  assert(isKill(await running));
  assertEquals(await children(), []);
  await using child = spawnProcess(["cat"], { stdin: "pipe", stdout: "pipe" });
  const talking = child.communicate("x").catch((error) => error);
  await sleep();
  await exchanges()[0]!.kill();
  assert(isKill(await talking));
  assertEquals((await child.communicate("x")).stdout, "x");
});

/** How long (ms) the rest of the output is waited for if `grow` is called every 10 ms. */
function settling(grow: (add: () => void) => void): Promise<number> {
  return simulate(async () => {
    const pipes = { stdin: undefined, stdout: undefined, stderr: undefined };
    const started = { line: "", child: undefined as never, pipes, grace: 0 };
    let size = 0;
    const exchange = new class extends Exchange<"utf-8"> {
      override get size(): number {
        return size;
      }
    }(started, "utf-8");
    const job = new Job(async () => {
      for (;;) {
        await sleep(10);
        grow(() => size++);
      }
    });
    job.start();
    const before = getHub().now();
    await exchange.settle(job as Job<void>);
    const waited = getHub().now() - before;
    await job.kill();
    return waited;
  });
}

Deno.test("Exchange.settle() waits for output as long as some comes, but not for ever", async () => {
  assertEquals(await settling(() => {}), 25);
  let rest = 8;
  assertEquals(await settling((add) => rest-- > 0 && add()), 125); // it came for 80 ms
  assertEquals(await settling((add) => add()), 500);
});

/** A process that `kill` ends, and that has something to say then; with the greenlet that listens. */
function listening(stdout: "pipe" | "null", kill: (end: () => void) => void) {
  const ended = Promise.withResolvers<Deno.CommandStatus>();
  const raw = {
    pid: 4_000_000,
    status: ended.promise,
    kill: () => kill(() => ended.resolve({ success: false, code: 143, signal: "SIGTERM" })),
    stdout: new ReadableStream({
      async pull(controller) {
        await ended.promise;
        await turn();
        controller.enqueue(bytes("late"));
        controller.close();
      },
    }, { highWaterMark: 0 }),
  } as unknown as Deno.ChildProcess;
  const child = new Child(raw, "fake", false);
  const started = { line: "fake", child, pipes: pipesOf(raw, child, { stdout }), grace: 1_000 };
  const exchange = new Exchange(started, "utf-8");
  return { started, exchange, job: exchange.begin(Infinity) };
}

Deno.test("breakOff() takes the output that comes after the end of the process", async () => {
  const { started, exchange, job } = listening("pipe", (end) => end());
  await sleep();
  await breakOff(started, exchange, job);
  assertEquals([exchange.output.stdout, exchange.complete, started.child.returnCode], ["late", true, -15]);
});

Deno.test("breakOff() of a process that may not be signalled leaves nobody waiting", async () => {
  const { started, exchange, job } = listening("null", () => {
    throw new Deno.errors.PermissionDenied("not yours");
  });
  await sleep();
  await assertRejects(() => breakOff(started, exchange, job), Deno.errors.PermissionDenied, "not yours");
  assertEquals([job.ready, getHub().stats().foreignWaits], [true, 0]);
});
