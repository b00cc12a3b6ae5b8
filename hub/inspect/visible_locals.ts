import type { Task } from "../task.ts";

/** The locals that have a name, so that reports can show them. Weakly: one made for each request would stay. */
const named = new Map<WeakRef<object>, string>();
const forgotten = new FinalizationRegistry((ref: WeakRef<object>) => named.delete(ref));

const NONE: Readonly<Record<string, string>> = Object.freeze({});
/** Characters of a value that reports show. */
const MAX_PREVIEW = 100;

/**
 * Shows a variable of tasks in reports.
 *
 * @param key The key of its values in `task.locals` or `task.inherited`.
 * @param name What reports call it.
 *
 * @example A variable of one's own making
 * ```ts
 * import { callerTask, showLocal, snapshot } from "@verdant/green/hub";
 * import { spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const user = {};
 * showLocal(user, "user");
 * const g = spawn(() => {
 *   (callerTask().locals ??= new WeakMap()).set(user, "ada");
 *   return snapshot().greenlets.at(-1)!.locals;
 * });
 * assertEquals(await g.get(), { user: '"ada"' });
 * ```
 */
export function showLocal(key: object, name: string): void {
  const ref = new WeakRef(key);
  named.set(ref, name);
  forgotten.register(key, ref);
}

/** The values that a task has of variables with names, as texts. */
export function visibleLocals(task: Task): Readonly<Record<string, string>> {
  const { locals, inherited } = task;
  const tree = task.origin === undefined ? task.sharedLocals : undefined;
  if (tree === undefined && (named.size === 0 || locals === undefined && inherited === undefined)) {
    return NONE;
  }
  const values: Record<string, string> = {};
  for (const [ref, name] of named) {
    const key = ref.deref();
    if (key === undefined) continue;
    if (locals?.has(key)) values[name] = preview(locals.get(key));
    else if (inherited?.has(key)) values[name] = preview(inherited.get(key));
  }
  for (const name of Object.keys(tree ?? NONE)) values[name] = preview(tree![name]);
  return values;
}

/** A value in one line. What its own code throws is no matter of the report. */
function preview(value: unknown): string {
  let text: string;
  try {
    text = typeof Deno === "object"
      ? Deno.inspect(value, {
        depth: 1,
        breakLength: Infinity,
        compact: true,
        iterableLimit: 10,
        strAbbreviateSize: MAX_PREVIEW,
      })
      : String(value);
  } catch (error) {
    text = `(cannot be shown: ${String(error)})`;
  }
  return text.length > MAX_PREVIEW ? `${text.slice(0, MAX_PREVIEW)}…` : text;
}
