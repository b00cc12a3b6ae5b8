import type { AsyncLocalStorage } from "node:async_hooks";
import { spawnRaw } from "../../green/mod.ts";
import { callerTask, type Hub, type Timer } from "../../hub/mod.ts";
import { builtin } from "../builtin.ts";
import { isOutside } from "../../green/outside.ts";
import { pausing } from "./node.ts";
import type { Replacement } from "./replacement.ts";
import { type AnyFunction, imitate } from "./through_hub.ts";

/**
 * `setTimeout`, `setInterval` and what ends them. In a greenlet, they go by the hub's clock, and each call of the
 * callback is a greenlet of its own, which may wait.
 */
export function timerReplacements(): Replacement[] {
  const of = (key: string, make: Replacement["make"]) => ({ path: key, target: () => globalThis, key, make });
  return [
    of("setTimeout", (original) => starting(original, false)),
    of("setInterval", (original) => starting(original, true)),
    of("clearTimeout", clearing),
    of("clearInterval", clearing),
  ];
}

function starting(original: AnyFunction, repeats: boolean): AnyFunction {
  function start(this: unknown, callback: unknown, ms?: unknown, ...args: unknown[]): unknown {
    if (isOutside() || typeof callback !== "function") {
      return Reflect.apply(original, this, [callback, ms, ...args]);
    }
    return new GreenTimer(() => callback(...args), delayOf(ms), repeats);
  }
  // What `util.promisify()` takes instead.
  const { [PROMISIFY]: promised } = original as { [PROMISIFY]?: AnyFunction };
  if (promised !== undefined) {
    Object.defineProperty(start, PROMISIFY, { value: pausing(2)(promised, "setTimeout") });
  }
  return imitate(start, original);
}

function clearing(original: AnyFunction): AnyFunction {
  function clear(this: unknown, timer?: unknown): void {
    const mine = timer instanceof GreenTimer ? timer : numbered.get(timer as number);
    if (mine !== undefined) mine.close();
    else Reflect.apply(original, this, [timer]);
  }
  return imitate(clear, original);
}

/** Node and the browsers take everything else for 1 ms. */
function delayOf(ms: unknown): number {
  const delay = Number(ms);
  return delay >= 1 && delay <= 2 ** 31 - 1 ? delay : 1;
}

const PROMISIFY = Symbol.for("nodejs.util.promisify.custom");

/** Timers whose number somebody asked for. */
const numbered = new Map<number, GreenTimer>();
/** Far from the platform's own numbers. */
let nextNumber = 2 ** 40;

/** What `setTimeout()` returns in a greenlet: has the methods of Node's. */
class GreenTimer implements Disposable {
  readonly #hub: Hub = callerTask().hub;
  readonly #call: () => void;
  readonly #delay: number;
  readonly #repeats: boolean;
  #ref = true;
  #timer: Timer | undefined = undefined;
  #number: number | undefined = undefined;

  constructor(callback: () => unknown, delay: number, repeats: boolean) {
    const { AsyncLocalStorage: storage } = builtin<{ AsyncLocalStorage: typeof AsyncLocalStorage }>(
      "node:async_hooks",
    );
    const inContext = storage.snapshot(); // the timer fires in the hub, which has none
    this.#call = () => inContext(() => spawnRaw(callback));
    this.#delay = delay;
    this.#repeats = repeats;
    this.#start(delay);
  }

  /** Stops it. */
  close(): this {
    this.#stop();
    if (this.#number !== undefined) numbered.delete(this.#number);
    return this;
  }

  /** Starts it anew. */
  refresh(): this {
    this.#stop();
    this.#start(this.#delay);
    return this;
  }

  /** Lets it keep the process alive. */
  ref(): this {
    return this.#setRef(true);
  }

  /** Lets the process end before it fires. */
  unref(): this {
    return this.#setRef(false);
  }

  hasRef(): boolean {
    return this.#ref;
  }

  /** Stops it. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** A number that `clearTimeout()` takes as well. */
  [Symbol.toPrimitive](): number {
    this.#number ??= nextNumber++;
    if (this.#timer !== undefined) numbered.set(this.#number, this);
    return this.#number;
  }

  #start(delay: number): void {
    this.#timer = this.#hub.startTimer(delay, this.#ref, this.#fire, undefined);
  }

  #stop(): void {
    if (this.#timer !== undefined) this.#hub.cancelTimer(this.#timer);
    this.#timer = undefined;
  }

  #setRef(ref: boolean): this {
    this.#ref = ref;
    const timer = this.#timer;
    if (timer !== undefined && timer.ref !== ref) {
      this.#stop();
      this.#start(Math.max(0, timer.deadline - this.#hub.now()));
    }
    return this;
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    if (this.#repeats) this.#start(this.#delay);
    else if (this.#number !== undefined) numbered.delete(this.#number);
    this.#call();
  };
}
