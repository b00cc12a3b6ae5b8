import { textOf } from "./task_function.ts";

/**
 * The names of the functions that a module exports.
 *
 * @example Only functions
 * ```ts
 * import type { FunctionName } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const name: FunctionName<{ version: string; parse(text: string): number }> = "parse";
 * assertEquals(name, "parse");
 * ```
 */
export type FunctionName<M> =
  & { [K in keyof M]: M[K] extends (...args: never[]) => unknown ? K : never }[keyof M]
  & string;

/**
 * The task that a function is; of several functions, what any of them is.
 *
 * @example The task of a function
 * ```ts
 * import { task, type TaskOf } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const parse: TaskOf<(text: string) => number> = task("https://example.org/dates.ts", "parse");
 * assertEquals(parse.name, "parse");
 * ```
 */
export type TaskOf<F> = ModuleTask<
  F extends (...args: infer A) => unknown ? A : never,
  F extends (...args: never[]) => infer R ? Awaited<R> : never
>;

/**
 * A function that a module exports, to be run in another thread: made by {@linkcode task} or {@linkcode tasks}.
 *
 * @typeParam A The types of its arguments.
 * @typeParam R The type of its result.
 *
 * @example Which function of which module
 * ```ts
 * import { type ModuleTask, task } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const parse: ModuleTask<[text: string], number> = task("https://example.org/dates.ts", "parse");
 * assertEquals([parse.module, parse.name], ["https://example.org/dates.ts", "parse"]);
 * ```
 */
export class ModuleTask<A extends unknown[] = unknown[], R = unknown> {
  /** Only for the types. */
  declare protected readonly signature: (...args: A) => R;

  /** For {@linkcode task}: what is exported where. */
  constructor(readonly module: string, readonly name: string) {}
}

/**
 * What can be run in another thread: a function that a module exports, or a function that needs nothing around it.
 *
 * Of a function, its text is sent. So it must be self-contained: it can use its arguments and what every thread
 * has, no variables or imports around it, no `this`. What is known to break that is refused; the rest fails with
 * a `ReferenceError` in the thread.
 *
 * @example Two kinds of tasks
 * ```ts
 * import { type Task, task, ThreadPool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const square: Task<[number], number> = (n) => n * n;
 * const module = "data:text/javascript,export const cube = (n) => n ** 3";
 * const cube: Task<[number], number> = task(module, "cube");
 * await using pool = new ThreadPool(1);
 * assertEquals([await pool.apply(square, [3]), await pool.apply(cube, [3])], [9, 27]);
 * ```
 */
export type Task<A extends unknown[], R> = ModuleTask<A, R> | ((...args: A) => R | PromiseLike<R>);

/**
 * The function `name` of a module, as a task. Loads nothing: each thread that runs it loads the module once.
 *
 * @typeParam M The type of the module, `typeof import("./work.ts")`: then only names of its functions are allowed.
 * @typeParam K The name. Without it the types are those of any of the module's functions, because TypeScript cannot
 * infer one type parameter when another is given. {@linkcode tasks} needs no such thing.
 * @param module An absolute URL: `new URL("./work.ts", import.meta.url)`.
 * @param name What the module exports it as.
 * @throws {TypeError} If the URL is not absolute, or the name is empty.
 *
 * @example Run a function of a module
 * ```ts
 * import { task, ThreadPool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * interface Work {
 *   twice(n: number): number;
 * }
 * const module = new URL("data:text/javascript,export function twice(n) { return 2 * n }");
 * await using pool = new ThreadPool(1);
 * assertEquals(await pool.apply(task<Work>(module, "twice"), [21]), 42);
 * ```
 */
export function task<M, K extends FunctionName<M> = FunctionName<M>>(
  module: URL | string,
  name: K,
): TaskOf<M[K]>;
/** The same, with the signature that is expected where it is used. */
export function task<A extends unknown[], R>(module: URL | string, name: string): ModuleTask<A, R>;
export function task(module: URL | string, name: string): ModuleTask {
  const url = checkModule(module);
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`Cannot make task: name must be a non-empty string, received ${String(name)}`);
  }
  return new ModuleTask(url, name);
}

/**
 * All functions of a module, as tasks with their types.
 *
 * @typeParam M The type of the module: `typeof import("./work.ts")`.
 * @param module An absolute URL: `new URL("./work.ts", import.meta.url)`.
 * @returns An object with a task for each name.
 * @throws {TypeError} If the URL is not absolute.
 *
 * @example Several functions of a module
 * ```ts
 * import { tasks, ThreadPool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * interface Work {
 *   twice(n: number): number;
 *   shout(text: string): string;
 * }
 * const work = tasks<Work>("data:text/javascript,export const twice = (n) => 2 * n, shout = (s) => s + '!'");
 * await using pool = new ThreadPool(1);
 * assertEquals(await pool.apply(work.twice, [21]), 42);
 * assertEquals(await pool.apply(work.shout, ["hello"]), "hello!");
 * ```
 */
export function tasks<M>(module: URL | string): { readonly [K in FunctionName<M>]: TaskOf<M[K]> } {
  const url = checkModule(module);
  return new Proxy(Object.create(null), {
    get: (_, name) => typeof name === "string" ? new ModuleTask(url, name) : undefined,
  });
}

function checkModule(module: URL | string): string {
  const url = String(module);
  if (URL.canParse(url)) return url;
  throw new TypeError(
    `Cannot make task: module must be an absolute URL, received "${url}"; ` +
      'use new URL("./work.ts", import.meta.url)',
  );
}

/** What a thread is told of a task, once. */
export interface TaskText {
  /** Where it is, or `undefined` for a function that is sent as text. */
  readonly module: string | undefined;
  /** What it is called. */
  readonly name: string;
  /** The text. */
  readonly text: string;
}

/** A task, as threads know it. */
export interface TaskSpec extends TaskText {
  /** By which threads that have met it know it. */
  readonly key: number;
}

/** By function or text, so that a function that is made again and again is sent only once. */
const specs = new Map<string, TaskSpec>();
const textSpecs = new WeakMap<object, TaskSpec>();

/**
 * What there is to know of a task.
 *
 * @throws {TypeError} If it is no task, or a function that cannot be sent.
 */
export function specOf(task: unknown, action: string): TaskSpec {
  const known = textSpecs.get(Object(task));
  if (known !== undefined) return known;
  const spec = register(textFor(task, action));
  textSpecs.set(task as object, spec);
  return spec;
}

function textFor(task: unknown, action: string): TaskText {
  if (task instanceof ModuleTask) return { module: task.module, name: task.name, text: "" };
  if (typeof task === "function") {
    const name = task.name || "(anonymous)";
    return { module: undefined, name, text: textOf(task as () => unknown) };
  }
  throw new TypeError(
    `Cannot ${action}: task must be a function or made by task(), received ${String(task)}`,
  );
}

function register(task: TaskText): TaskSpec {
  const identity = task.module === undefined ? task.text : `${task.name} ${task.module}`;
  let spec = specs.get(identity);
  if (spec === undefined) {
    spec = { key: specs.size, ...task };
    specs.set(identity, spec);
  }
  return spec;
}
