import { attachTracer, Callback, callerTask, type Hub, type Task, watchFailures } from "../../../hub/mod.ts";
import { STARTED } from "../../../hub/task.ts";
import { checkFunction } from "../../../sync/check.ts";
import { atProgramEnd } from "./leak_end.ts";
import { UnseenFailures } from "./leak_failures.ts";
import { endHint, failureHint, type LeakHint, parkedHint } from "./leak_hint.ts";
import { ParkedWatch } from "./leak_parked.ts";

/**
 * Options of {@linkcode leakHints}.
 *
 * @example Into a log of one's own
 * ```ts
 * import { leakHints, type LeakHintsOptions } from "@verdant/green";
 *
 * const log: string[] = [];
 * const options: LeakHintsOptions = { print: false, onHint: ({ text }) => log.push(text) };
 * using _leaks = leakHints(options);
 * ```
 */
export interface LeakHintsOptions {
  /** Called with each hint, in the hub: it must not wait. */
  onHint?: ((hint: LeakHint) => void) | undefined;
  /**
   * Whether hints are printed to stderr.
   *
   * @default {true}
   */
  print?: boolean | undefined;
  /** Which hub; the caller's by default. */
  hub?: Hub | undefined;
}

/** The oldest hints are forgotten when there are more. */
const MAX_KEPT = 1_000;

/**
 * Leak hints that are switched on, as {@linkcode leakHints} returns them. Disposing it switches them off.
 *
 * @example For a block
 * ```ts
 * import { leakHints, type LeakHints } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using leaks: LeakHints = leakHints();
 * assertEquals(leaks.hints, []);
 * ```
 */
export class LeakHints implements Disposable {
  readonly #hub: Hub;
  readonly #onHint: ((hint: LeakHint) => void) | undefined;
  readonly #print: boolean;
  readonly #hints: LeakHint[] = [];
  readonly #parked: ParkedWatch;
  readonly #failures: UnseenFailures;
  readonly #stack: DisposableStack = new DisposableStack();

  /** For {@linkcode leakHints}. */
  constructor({ onHint, print = true, hub = callerTask().hub }: LeakHintsOptions) {
    this.#hub = hub;
    this.#onHint = onHint;
    this.#print = print;
    this.#parked = new ParkedWatch(hub, (record) => this.#give(parkedHint(record)));
    this.#failures = new UnseenFailures((record) => this.#give(failureHint(record)));
    this.#stack.use(watchFailures(this.#failures));
    // A simulation says itself who is left, which must not depend on the garbage collector.
    if (hub.inventory === undefined) {
      this.#stack.use(this.#parked);
      this.#stack.use(attachTracer(hub, this.#parked));
    }
    this.#stack.use(atProgramEnd((ranDry) => this.#end(ranDry)));
  }

  /** What was found: the newest 1,000 hints, oldest first. */
  get hints(): readonly LeakHint[] {
    return this.#hints;
  }

  /** Switches them off: the hub keeps all greenlets alive again. */
  [Symbol.dispose](): void {
    if (on === this) on = undefined;
    this.#stack.dispose();
  }

  #give(hint: LeakHint): void {
    if (this.#stack.disposed) return;
    this.#hints.push(hint);
    if (this.#hints.length > MAX_KEPT) this.#hints.shift();
    if (this.#print) console.error(`Leak hint: ${hint.text}`);
    const onHint = this.#onHint;
    if (onHint !== undefined) new Callback(this.#hub, onHint, onHint, [hint]).dispatch(this.#hub);
  }

  #end(ranDry: boolean): void {
    this.#parked.flush();
    this.#failures.flush();
    const left = ranDry ? [...this.#hub.tasks()].filter(isParked) : [];
    if (left.length > 0) this.#give(endHint(left));
  }
}

/** Whether a task waits for ever, unless somebody wakes it: a timer that does not keep the program alive might have. */
function isParked(task: Task): boolean {
  return task.state === STARTED && task.allWaits().every(({ timer }) => timer === undefined);
}

let on: LeakHints | undefined;

/**
 * Says what gets lost without a sound: greenlets that wait for something that nobody can reach any more, errors that
 * nobody looked at, and who was still waiting when the program ran out of things to do. Does not switch.
 *
 * A greenlet is reported that waits without a time-out if nobody can wake or kill it any more, because no variable,
 * no other greenlet and no pending operation leads to it or to what it waits for. What is kept somewhere is no leak: a
 * greenlet whose handle is in a variable, in a `Group`, a `Pool` or a server can still be killed. So hints come for
 * sure leaks only, but not for all of them. Neither are those reported that
 *
 * - waited already when leak hints were switched on,
 * - sleep for ever, or await a promise that is not the library's own without `until()`,
 * - have children that live, hold a lock or something else that somebody can still reach, or lifted a limit not long ago:
 *   the cancelled timer knows them.
 *
 * An error is reported that was given to an `AsyncResult`, or is kept for whoever takes the results of an `Executor`,
 * of `imap()` or of a `GreenPile`, if these were thrown away before anybody got it. To be woken from a `get()` by it, and
 * to read `error`, is to get it; a `wait()`, or a link that asks for neither, is not. Uncaught errors of other greenlets
 * are always printed.
 *
 * The garbage collector finds what is lost: hints come late, and those about errors at the end of the program at the
 * latest. While they are on, the hub does not keep alive who is lost: such a greenlet goes without its `finally`, as it
 * would have anyway, except that {@linkcode main} would have killed it on a signal. `hub.tasks()` and dumps
 * show it until then. In a simulation, only errors are reported: `simulate()` itself says who is left.
 *
 * @throws {TypeError} If `onHint` is not a function.
 * @throws {Error} If they are on already: there is one for each thread.
 *
 * @example During development
 * ```ts
 * import { AsyncResult, leakHints } from "@verdant/green";
 *
 * using _leaks = leakHints();
 * const total = new AsyncResult<number>();
 * total.name = "total";
 * total.setError(new Error("no data"));
 * await total.get().catch(() => {}); // without this, the error would be reported
 * ```
 */
export function leakHints(options: LeakHintsOptions = {}): LeakHints {
  if (options.onHint !== undefined) checkFunction(options.onHint, "give leak hints", "onHint");
  if (on !== undefined) throw new Error("Cannot give leak hints: they are on already");
  return on = new LeakHints(options);
}
