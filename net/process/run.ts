import {
  enterWait,
  expireThrowing,
  immediately,
  planWait,
  quiet,
  refusal,
  rejected,
  type WaitOptions,
  type WaitPlan,
} from "../../hub/mod.ts";
import { shield } from "../../green/shield.ts";
import { checkSize } from "../../sync/check.ts";
import { toBytes } from "../to_bytes.ts";
import { breakOff } from "./break_off.ts";
import { CompletedProcess } from "./completed_process.ts";
import { TimeoutExpired } from "./errors.ts";
import { checkExchange, Exchange } from "./exchange.ts";
import { closePipes } from "./pipes.ts";
import type { CommandLine, Encoding, ProcessOptions } from "./process_options.ts";
import { checkEncoding, planStart, type Started } from "./start_child.ts";

/**
 * Options of {@linkcode run}.
 *
 * @example Input, and a limit
 * ```ts
 * import { run, type RunOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: RunOptions = { input: "b\na\n", timeout: 10_000, check: true };
 * assertEquals((await run(["sort"], options)).stdout, "a\nb\n");
 * ```
 */
export interface RunOptions<E extends Encoding = Encoding> extends ProcessOptions, WaitOptions {
  /** What the process reads. Text goes as UTF-8. Makes `stdin` a pipe. */
  input?: string | Uint8Array | undefined;
  /**
   * What captured output becomes: text (what is no UTF-8 becomes U+FFFD), or bytes as they are.
   *
   * @default {"utf-8"}
   */
  encoding?: E | undefined;
  /**
   * Whether another exit status than 0 is an error.
   *
   * @default {false}
   */
  check?: boolean | undefined;
  /**
   * How many bytes may be captured, of output and of error output each. If there are more, the process is ended.
   *
   * @default {Infinity}
   */
  maxOutput?: number | undefined;
}

/**
 * Runs a command and waits for its end, with its output captured unless `stdout` and `stderr` say otherwise.
 * Switches.
 *
 * If the greenlet is killed, the time is over, the signal aborts or there is too much output, the process is ended
 * (SIGTERM, and SIGKILL after `killGrace`), with its children if it has a `processGroup`. The call returns when it
 * has been reaped. Otherwise the end of its output is waited for as well, which its children may hold open.
 *
 * Source: `subprocess.run`.
 *
 * @param args The program and its arguments; with `shell`, a command line.
 * @param options Where input and output go, the environment, limits. With `timeout: 0` nothing is started.
 * @returns How it ended, and its output.
 * @throws {TimeoutExpired} If it does not end in time; has the output so far. A `Timeout` that was given as the
 * limit is thrown itself.
 * @throws {CalledProcessError} With `check`, if it ends with another status than 0.
 * @throws {TooLongError} If there is more output than `maxOutput`.
 * @throws {Deno.errors.NotFound} If there is no such program, or no such `cwd`.
 * @throws {Deno.errors.PermissionDenied} If it may not be run, or may not be ended because it is somebody else's.
 * @throws {TypeError} If an argument is of the wrong kind.
 * @throws {RangeError} If the time-out, `killGrace` or `maxOutput` is negative or NaN.
 *
 * @example Capture the output
 * ```ts
 * import { run } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const { stdout, success } = await run(["tr", "a-z", "A-Z"], { input: "hello" });
 * assertEquals([stdout, success], ["HELLO", true]);
 * ```
 *
 * @example End what takes too long, with its children
 * ```ts
 * import { run, TimeoutExpired } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => run("sleep 60 | sleep 60", { shell: true, timeout: 50 }), TimeoutExpired);
 * ```
 */
export function run<E extends Encoding = "utf-8">(
  args: CommandLine,
  options: RunOptions<E> = {},
): Promise<CompletedProcess<E>> {
  const { input, encoding = "utf-8" as E, check = false, maxOutput = Infinity } = options;
  checkEncoding(encoding);
  checkSize(maxOutput, 0, "run command", "maxOutput");
  const bytes = input === undefined ? undefined : toBytes(input, "run command", "input");
  const start = planStart(args, withPipes(options));
  const plan = planWait(options, "run command");
  const task = enterWait("run command");
  const refused = refusal(task, plan);
  if (refused !== undefined) return refused;
  if (plan.timeout === 0) return immediately(plan, expireThrowing(() => new TimeoutExpired(args, 0)));
  let started: Started;
  try {
    started = start();
  } catch (error) {
    return rejected(error);
  }
  const exchange = new Exchange(started, encoding, bytes);
  return quiet(supervise(started, exchange, { maxOutput, check, plan, limits: options }));
}

interface Supervision {
  readonly maxOutput: number;
  readonly check: boolean;
  readonly plan: WaitPlan;
  readonly limits: WaitOptions;
}

async function supervise<E extends Encoding>(
  started: Started,
  exchange: Exchange<E>,
  { maxOutput, check, plan, limits: { timeout, signal } }: Supervision,
): Promise<CompletedProcess<E>> {
  const { line, child } = started;
  using cleanUp = new DisposableStack();
  cleanUp.defer(() => closePipes(started.pipes)); // even if the process cannot be ended
  const job = exchange.begin(maxOutput);
  let inTime = false;
  try {
    inTime = await job.join({ timeout, signal });
    if (inTime) checkExchange(job);
  } finally {
    if (!exchange.complete) await shield(() => breakOff(started, exchange, job));
  }
  if (!inTime) throw plan.owner?.thrown ?? new TimeoutExpired(line, plan.timeout, exchange.output);
  const done = new CompletedProcess<E>({
    args: line,
    returnCode: child.returnCode!,
    signal: child.signal,
    ...exchange.output,
  });
  if (check) done.checkReturnCode();
  return done;
}

function withPipes({ input, stdin, stdout = "pipe", stderr = "pipe", ...rest }: RunOptions): ProcessOptions {
  if (input !== undefined && stdin !== undefined && stdin !== "pipe") {
    throw new TypeError(
      `Cannot run command: with input, stdin must be "pipe", received ${JSON.stringify(stdin)}`,
    );
  }
  return { stdin: input === undefined ? stdin : "pipe", stdout, stderr, ...rest };
}
