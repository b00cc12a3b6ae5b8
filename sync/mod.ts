/**
 * Synchronisation between greenlets.
 *
 * @example An event
 * ```ts
 * import { Event } from "@verdant/green/sync";
 *
 * const event = new Event();
 * event.set();
 * await event.wait();
 * ```
 *
 * @module
 */
export { BrokenBarrierError, Empty, Full, ShutDown } from "./errors.ts";
export { Event } from "./event.ts";
