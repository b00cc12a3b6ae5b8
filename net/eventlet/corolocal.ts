import { callerTask } from "../../hub/mod.ts";
export { local } from "../../green/mod.ts";

/**
 * The number of the running greenlet. Code outside greenlets has one, too. Does not switch.
 *
 * Source: `eventlet.corolocal.get_ident`.
 *
 * @example Each has its own
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals, assertNotEquals } from "@std/assert";
 *
 * const { getIdent } = eventlet.corolocal;
 * assertNotEquals(await eventlet.spawn(getIdent).wait(), getIdent());
 * assertEquals(getIdent(), getIdent());
 * ```
 */
export function getIdent(): number {
  return callerTask().id;
}
