import {
  Callback,
  dump,
  type Duration,
  getHub,
  type Hub,
  signalBoard,
  type Task,
  toMilliseconds,
} from "../hub/mod.ts";
import { checkFunction } from "../sync/check.ts";
import { endAll } from "./end_all.ts";
import { Greenlet } from "./greenlet.ts";

/**
 * Options of {@linkcode main}.
 *
 * @example More time for the clean-up
 * ```ts
 * import { main, type MainOptions } from "@verdant/green";
 *
 * const options: MainOptions = { grace: 30_000, signals: ["SIGINT", "SIGTERM", "SIGHUP"] };
 * main(() => {}, options);
 * ```
 */
export interface MainOptions {
  /**
   * How long (ms or `Temporal.Duration`) the clean-up may take after a signal before the process exits all the
   * same.
   *
   * @default {5000}
   */
  grace?: Duration | undefined;
  /**
   * The signals that end the program; none leaves all of them to the system. Those that the system does not have
   * are left out.
   *
   * @default {["SIGINT", "SIGTERM"]} On Windows, `["SIGINT", "SIGBREAK"]`.
   */
  signals?: readonly Deno.Signal[] | undefined;
}

const DEFAULT_GRACE_MS = 5_000;
/** What a shell adds to the number of the signal that ended a program. */
const SIGNALLED = 128;

/**
 * Starts a program: runs `fn` in the main greenlet.
 *
 * If `fn` fails, the error is reported and the process will exit with status 1. If nothing can ever wake
 * the main greenlet any more, a {@linkcode LoopExit} is thrown at its wait, which names who waits for
 * what; uncaught, it ends the program with status 1 as well.
 *
 * On SIGINT and SIGTERM, it kills the main greenlet and all that it has spawned, directly or not, then whoever is
 * left, so that every `finally` runs: each when its spawner has ended, or half the grace has passed. Then the process
 * exits with the status that shells expect: 130 and 143. It exits with it, and says who is left, if the clean-up
 * takes longer than `grace`. A second signal ends the process
 * at once. While the program listens to a signal by `onSignal()` or `hub.signal()`, as `serveForever()` does,
 * that signal is its own, and kills nobody. In a worker, signals are left to the main thread.
 *
 * Do not await at the top level of a module instead: Deno ends a program that is stuck there by itself,
 * and nothing can be said about why.
 *
 * @param fn What the main greenlet runs.
 * @param options Which signals end the program, and how long that may take.
 * @throws {TypeError} If `fn` is not a function, or a signal is no text.
 * @throws {RangeError} If `grace` is negative or NaN.
 *
 * @example A program
 * ```ts
 * import { main } from "@verdant/green";
 *
 * main(() => {
 *   console.log("hello");
 * });
 * ```
 */
export function main(fn: () => unknown, options: MainOptions = {}): void {
  const { grace = DEFAULT_GRACE_MS, signals = usualSignals() } = options;
  const ms = toMilliseconds(grace, "run main", "grace");
  for (const signal of signals) checkName(signal);
  checkFunction(fn, "run main");
  const hub = getHub();
  const greenlet = new Greenlet(fn);
  if (!inWorker()) hub.runCallback(endOnSignals, greenlet, signals, ms); // just before it begins
  greenlet.start();
  greenlet.name = "main";
  hub.mainTask = greenlet;
  hub.watchDeadlock();
  greenlet.rawlink(() => {
    if (greenlet.failed) Deno.exitCode = 1;
  });
}

/**
 * Listens until the first signal: then the next one has its usual effect, which is the end. Without greenlets,
 * there is nothing to clean up.
 */
function endOnSignals(greenlet: Greenlet, signals: readonly Deno.Signal[], grace: number): void {
  const listeners = new Map<Deno.Signal, () => void>();
  const stopListening = () => {
    for (const [signal, listener] of listeners) signalBoard.unlisten(signal, listener);
  };
  const onSignal = (signal: Deno.Signal) => {
    stopListening();
    greenlet.hub.runCallback(endProgram, greenlet, signal, grace);
  };
  for (const signal of new Set(signals)) {
    const listener = () => onSignal(signal);
    try {
      signalBoard.listen(signal, listener, true);
      listeners.set(signal, listener);
    } catch {
      // The system does not have it.
    }
  }
  onceAlone(greenlet.hub, stopListening);
}

/** Calls `fn` when no greenlet is left. */
function onceAlone(hub: Hub, fn: () => void): void {
  const { value: oldest } = hub.tasks().next();
  if (oldest === undefined) fn();
  else (oldest as Task).addLink(new Callback(hub, fn, onceAlone, [hub, fn]));
}

function endProgram(greenlet: Greenlet, signal: Deno.Signal, grace: number): void {
  const ending = Greenlet.spawn(endAll, greenlet, signal, grace);
  ending.rawlink(() => { // it is not one of those who are left
    try {
      if (!ending.value) {
        console.error(
          dump({ hub: greenlet.hub, headline: `Not everybody has ended within ${grace} ms of ${signal}` }),
        );
      }
    } finally {
      Deno.exit(SIGNALLED + numberOf(signal));
    }
  });
}

function numberOf(signal: Deno.Signal): number {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  const os = process?.getBuiltinModule?.("node:os") as { constants: { signals: Record<string, number> } };
  return os?.constants.signals[signal] ?? 0;
}

function usualSignals(): Deno.Signal[] {
  return ["SIGINT", Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM"];
}

function checkName(signal: Deno.Signal): void {
  if (typeof signal === "string") return;
  throw new TypeError(`Cannot run main: signals must be names of signals, received ${String(signal)}`);
}

function inWorker(): boolean {
  return "WorkerGlobalScope" in globalThis;
}
