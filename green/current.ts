import { callerTask } from "../hub/mod.ts";
import { Greenlet } from "./greenlet.ts";

/**
 * The greenlet whose code is running; `undefined` outside greenlets. Exact also after a foreign await, in
 * a `.then` and in a timer callback that a greenlet started.
 *
 * Source: `gevent.getcurrent`.
 *
 * @example Who am I
 * ```ts
 * import { getCurrent, spawn } from "@verdant/green";
 * import { assertStrictEquals } from "@std/assert";
 *
 * const g = spawn(() => getCurrent());
 * assertStrictEquals(await g.get(), g);
 * ```
 */
export function getCurrent(): Greenlet | undefined {
  const task = callerTask();
  return task instanceof Greenlet ? task : undefined;
}
