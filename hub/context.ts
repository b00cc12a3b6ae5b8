/**
 * Who is running: the current task travels with the engine's async context, so that it is exact after
 * a foreign await, in a `.then` and in a timer callback.
 *
 * Two back ends with one interface. The portable one uses `AsyncLocalStorage`. The fast one keeps one
 * small object per task in the slot that `AsyncLocalStorage` itself is built on; it is used only where
 * a self-test proves that stores of `AsyncLocalStorage` go on working in and around tasks.
 */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { readEnvironment } from "./environment.ts";
import type { Task } from "./task.ts";

/** The async context that a task's body runs in. */
export type Frame = unknown;

/** How the current task is stored and found. */
export interface ContextBackend {
  /** `"fast"` or `"portable"`. */
  readonly name: string;
  /** The task whose code is running, or `undefined` outside any task. */
  current(): Task | undefined;
  /** The context for a new task: the caller's, with `task` as the current one. */
  capture(task: Task): Frame;
  /** Calls `fn(arg)` in a captured context. */
  run<A>(frame: Frame, fn: (arg: A) => void, arg: A): void;
  /** Calls `fn(arg)` with `task` as the current one, and everything else of the caller's context. */
  runAs<A>(task: Task, fn: (arg: A) => void, arg: A): void;
}

/** Works wherever `node:async_hooks` does. */
export function portableBackend(): ContextBackend {
  const storage = new AsyncLocalStorage<Task>();
  const makeResource = () => new AsyncResource("Greenlet");
  return {
    name: "portable",
    current: () => storage.getStore(),
    capture: (task) => storage.run(task, makeResource),
    run: (frame, fn, arg) => (frame as AsyncResource).runInAsyncScope(fn, undefined, arg),
    runAs: (task, fn, arg) => storage.run(task, fn, arg),
  };
}

interface ContextSlot {
  getAsyncContext(): unknown;
  setAsyncContext(frame: unknown): void;
}

/** The frame of a task that was spawned outside every `AsyncLocalStorage.run`. */
class BareFrame {
  constructor(readonly greenTask: Task) {}
}
// As in the engine's own frames: a lookup of a store's id must not find an inherited property.
Object.setPrototypeOf(BareFrame.prototype, null);

/** Uses Deno's internal pair of functions. Throws where they do not exist. */
export function fastBackend(): ContextBackend {
  // deno-lint-ignore no-explicit-any -- internal and untyped, hence the self-test below
  const deno = (globalThis as any).Deno;
  const { getAsyncContext, setAsyncContext } = deno[deno.internal].core as ContextSlot;
  if (typeof getAsyncContext !== "function" || typeof setAsyncContext !== "function") {
    throw new TypeError("Cannot use the fast context: its functions are missing");
  }

  function current(): Task | undefined {
    return (getAsyncContext() as BareFrame | undefined)?.greenTask;
  }

  function frameOf(task: Task): Frame {
    const base = getAsyncContext();
    // A bare frame holds nothing but the spawner's identity: no store to inherit.
    if (base === undefined || base === null || base instanceof BareFrame) return new BareFrame(task);
    return { __proto__: null, ...base, greenTask: task };
  }

  function run<A>(frame: Frame, fn: (arg: A) => void, arg: A): void {
    const previous = getAsyncContext();
    setAsyncContext(frame);
    try {
      fn(arg);
    } finally {
      setAsyncContext(previous);
    }
  }

  return {
    name: "fast",
    current,
    capture: frameOf,
    run,
    runAs: (task, fn, arg) => run(frameOf(task), fn, arg),
  };
}

/**
 * Whether user stores and the current task both hold in and around a task, within one synchronous run
 * (what an await restores is the engine's business, once the slot itself is right).
 */
export function selfTest(backend: ContextBackend): boolean {
  const store = new AsyncLocalStorage<string>();
  const task = { probe: 1 } as unknown as Task;
  const inner = { probe: 2 } as unknown as Task;
  const seen: unknown[] = [];
  const look = () => seen.push(backend.current(), store.getStore());
  const bare = backend.capture(task);
  store.run("outer", () => {
    const inheriting = backend.capture(task);
    backend.run(inheriting, () => {
      look();
      store.run("nested", look);
      backend.run(backend.capture(inner), look, undefined);
      backend.runAs(inner, look, undefined);
      look();
    }, undefined);
    backend.run(bare, look, undefined);
    look();
  });
  look();
  // deno-fmt-ignore
  const expected = [
    task, "outer",       // in a task spawned inside run()
    task, "nested",      // in a run() inside the task
    inner, "outer",      // in a task spawned by the task
    inner, "outer",      // as another task, the store stays
    task, "outer",
    task, undefined,     // in a task spawned before run()
    undefined, "outer",
    undefined, undefined,
  ];
  return seen.length === expected.length && seen.every((value, i) => value === expected[i]);
}

function choose(): ContextBackend {
  if (readEnvironment("GREEN_CONTEXT") !== "portable") {
    try {
      const fast = fastBackend();
      if (selfTest(fast)) return fast;
    } catch {
      // No such internals here: the portable back end it is.
    }
  }
  return portableBackend();
}

const backend = choose();

/**
 * The name of the back end in use: `"fast"` or `"portable"`.
 *
 * @example Which one is it
 * ```ts
 * import { contextName } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * assert(["fast", "portable"].includes(contextName));
 * ```
 */
export const contextName: string = backend.name;
/**
 * The task whose code is running, or `undefined` outside any task.
 *
 * @example Outside greenlets
 * ```ts
 * import { currentTask } from "@verdant/green/hub";
 * import { assertStrictEquals } from "@std/assert";
 *
 * assertStrictEquals(currentTask(), undefined);
 * ```
 */
export const currentTask: () => Task | undefined = backend.current;
/** The context for a new task. */
export const captureFrame: (task: Task) => Frame = backend.capture;
/** Calls `fn(arg)` in a captured context. */
export const runInFrame: <A>(frame: Frame, fn: (arg: A) => void, arg: A) => void = backend.run;
/** Calls `fn(arg)` with another current task. */
export const runAs: <A>(task: Task, fn: (arg: A) => void, arg: A) => void = backend.runAs;
