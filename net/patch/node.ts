import { sleep } from "../../green/mod.ts";
import { isOutside } from "../../green/outside.ts";
import { quiet } from "../../hub/mod.ts";
import { builtin } from "../builtin.ts";
import { greenIterator, waiting } from "./files.ts";
import type { Replacement } from "./replacement.ts";
import { type AnyFunction, begun, type Call, imitate, throughHub, withSignal } from "./through_hub.ts";

/** Node takes everything below and above for this. */
const LEAST_DELAY_MS = 1;
const MOST_DELAY_MS = 2 ** 31 - 1;
/** What returns at once. */
const IMMEDIATE = /^([gs]et(Servers|Default)|[A-Z])/;

interface TimerOptions {
  readonly signal?: AbortSignal;
  readonly ref?: boolean;
}

/** The promises of Node's modules, as CommonJS packages and default imports see them. */
export function nodeReplacements(): Replacement[] {
  return [
    ...timerReplacements(),
    ...functionsOf("node:fs/promises", {
      open: closing((handle: { close(): Promise<void> }) => handle.close()),
      opendir: closing((directory: { close(): Promise<void> }) => directory.close()),
      glob: iterating,
      watch: endless(1),
    }),
    ...functionsOf("node:dns/promises"),
  ];
}

/** Every function of a module, those that are not as the others in their own way. */
function functionsOf(
  module: `node:${string}`,
  others: Record<string, Replacement["make"]> = {},
): Replacement[] {
  const target = () => builtin<Record<string, unknown>>(module);
  const keys = Object.keys(target()).filter((key) =>
    typeof target()[key] === "function" && !IMMEDIATE.test(key)
  );
  return keys.map((key) => ({ path: `${module}.${key}`, target, key, make: others[key] ?? waiting }));
}

/** What arrives when nobody waits for it any more is closed. */
function closing<T>(close: (value: T) => Promise<void>): Replacement["make"] {
  return (original, what) =>
    throughHub(original, { what, abandon: (late: T) => void close(late).catch(() => {}) });
}

/** Asks for each item through the hub. */
function iterating(original: AnyFunction, what: string): AnyFunction {
  function iterate(this: unknown, ...args: unknown[]): AsyncIterable<unknown> {
    const items = Reflect.apply(original, this, args) as AsyncIterable<unknown>;
    return isOutside() ? items : greenIterator(items, what);
  }
  return imitate(iterate, original);
}

/** The same for what may take long to come, and whose options, at this position, take a signal. */
function endless(optionsAt: number): Replacement["make"] {
  return (original, what) => {
    function iterate(this: unknown, ...args: unknown[]): AsyncIterable<unknown> {
      if (isOutside()) return Reflect.apply(original, this, args) as AsyncIterable<unknown>;
      const interrupted = new AbortController();
      const call: Call = (...others) => Reflect.apply(original, this, others);
      const items = withSignal(call, args, optionsAt, interrupted.signal) as unknown as AsyncIterable<
        unknown
      >;
      return greenIterator(items, what, () => interrupted.abort());
    }
    return imitate(iterate, original);
  };
}

function timerReplacements(): Replacement[] {
  const module = "node:timers/promises";
  const timers = () => builtin<{ scheduler: object }>(module);
  const wait = {
    path: `${module}.scheduler.wait`,
    target: () => timers().scheduler,
    key: "wait",
    make: pausing(1),
  };
  // Another object in Deno, the same one in Node.
  const others = () => builtin<{ promises: object }>("node:timers").promises;
  return [...timersOf(module, timers), wait, ...timersOf("node:timers.promises", others)];
}

function timersOf(path: string, target: () => object): Replacement[] {
  const makers = { setTimeout: pausing(2), setImmediate: waiting, setInterval: endless(2) };
  return Object.entries(makers).map(([key, make]) => ({ path: `${path}.${key}`, target, key, make }));
}

/** Goes by the hub's clock, unless the caller brings a signal, whose errors are Node's own. */
export function pausing(optionsAt: number): Replacement["make"] {
  return (original, what) =>
    throughHub(original, {
      wait(call, args) {
        const [delay = LEAST_DELAY_MS] = args;
        const { signal, ref } = (args[optionsAt] ?? {}) as TimerOptions;
        if (signal !== undefined || typeof delay !== "number") return begun(() => call(...args), { what });
        const ms = delay >= LEAST_DELAY_MS && delay <= MOST_DELAY_MS ? delay : LEAST_DELAY_MS;
        const value = optionsAt > 1 ? args[1] : undefined;
        return quiet(sleep(ms, { ref }).then(() => value));
      },
    });
}
