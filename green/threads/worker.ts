/** The program of a thread: runs one task after the other. Loads nothing that a simple task does not need. */
import type { ArgumentsWithEnds } from "./channel_ends.ts";
import { packThrown } from "./error_packet.ts";
import { pack, post } from "./parcel.ts";
import type { FullOrder, PlainOrder, PlainResult, Report } from "./protocol.ts";
import type { TaskText } from "./task.ts";
import { functionOf } from "./task_function.ts";

/** What is global in a worker. */
interface WorkerScope extends EventTarget {
  close(): void;
  onmessage: ((event: MessageEvent<PlainOrder | FullOrder>) => void) | null;
  postMessage(report: unknown, parts?: Transferable[]): void;
}

/** A task, ready to be called. */
type Runnable = (...args: unknown[]) => unknown;

const scope = globalThis as unknown as WorkerScope;
const runnables = new Map<number, Runnable>();
/** Of those that have been ordered; kept also if the first attempt to make one ready failed. */
const texts = new Map<number, TaskText>();
/** How many calls have begun. */
let begun = 0;

scope.onmessage = ({ data }) => {
  begun++;
  if (typeof data === "number") return void perform(data, []);
  if (!(data instanceof Array)) return void performNew(data);
  const [key, ...args] = data;
  void perform(key, args);
};

async function perform(key: number, args: unknown[]): Promise<void> {
  try {
    finish(await (runnables.get(key) ?? await prepare(key))(...args));
  } catch (error) {
    report({ kind: "failed", thrown: packThrown(error) });
  }
}

async function performNew({ key, args, wired, task }: FullOrder): Promise<void> {
  if (task !== undefined) texts.set(key, task);
  if (!wired) return await perform(key, args as unknown[]);
  try {
    const ends = await unpackEnds(args as unknown[]);
    await ends.lend(async (args) => finish(await (runnables.get(key) ?? await prepare(key))(...args)));
  } catch (error) {
    report({ kind: "failed", thrown: packThrown(error) });
  }
}

/** The channel comes with a hub, which simple tasks need not load. */
async function unpackEnds(args: unknown[]): Promise<ArgumentsWithEnds> {
  const { ArgumentsWithEnds } = await import("./channel_ends.ts");
  return new ArgumentsWithEnds(args);
}

function finish(value: unknown): void {
  if (!isObject(value)) return scope.postMessage(value);
  const parcel = pack(value);
  const message = parcel.wired
    ? { kind: "wired", value: parcel.body } satisfies Report
    : [parcel.body] satisfies PlainResult;
  post(scope, message, parcel.parts);
  parcel.sent();
}

/** Whether it goes in an array: also functions and symbols, which cannot be sent and are refused there. */
function isObject(value: unknown): boolean {
  return typeof value === "object" || typeof value === "function" || typeof value === "symbol";
}

function report(report: Report): void {
  scope.postMessage(report);
}

async function prepare(key: number): Promise<Runnable> {
  const task = texts.get(key)!;
  const fn = task.module === undefined ? selfContained(task.text) : await exported(task.module, task.name);
  runnables.set(key, fn);
  return fn;
}

async function exported(module: string, name: string): Promise<Runnable> {
  const fn = (await import(module))[name];
  if (typeof fn === "function") return fn;
  throw new TypeError(`Cannot run task: ${module} exports no function "${name}"`);
}

function selfContained(text: string): Runnable {
  const fn = functionOf(text);
  return async (...args) => {
    try {
      return await fn(...args);
    } catch (error) {
      if (error instanceof ReferenceError) explain(error);
      throw error;
    }
  };
}

function explain(error: ReferenceError): void {
  const message = `${error.message} (a task function must be self-contained: it is sent as text, ` +
    "without what is around it)";
  error.stack = String(error.stack).replace(error.message, () => message);
  error.message = message;
}

// What would end the thread without a word, or with half of one, is told first.

scope.addEventListener("error", (event) => {
  crashed(event, (event as ErrorEvent).error);
});
scope.addEventListener("unhandledrejection", (event) => {
  crashed(event, (event as PromiseRejectionEvent).reason);
});

/** Goes on living: what has been ordered meanwhile is run, and the pool knows what to do with the thread. */
function crashed(event: { preventDefault(): void }, error: unknown): void {
  event.preventDefault();
  report({ kind: "crashed", thrown: packThrown(error), begun });
}

tellBefore(scope, "close");
if (globalThis.Deno !== undefined) tellBefore(Deno, "exit");

function tellBefore<K extends string>(owner: { [Key in K]: (...args: never[]) => unknown }, method: K): void {
  const original = owner[method] as Runnable;
  owner[method] = ((...args: unknown[]) => {
    report({ kind: "closed" });
    return original.apply(owner, args);
  }) as never;
}
