import type { BlockedEvent } from "./blocking_report.ts";

/**
 * The program uses more memory than it may, and more than at the last look. Dispatched by a {@linkcode Monitor}
 * as `"memoryexceeded"`.
 *
 * Source: `gevent.events.MemoryUsageThresholdExceeded`.
 *
 * @example Stop to take on work
 * ```ts
 * import { type MemoryExceededEvent, monitor } from "@verdant/green";
 *
 * let open = true;
 * using watch = monitor({ maxBlocking: Infinity, maxMemory: "2GB" });
 * watch.addEventListener("memoryexceeded", ({ usage, limit }: MemoryExceededEvent) => open = usage < 2 * limit);
 * ```
 */
export class MemoryExceededEvent extends Event {
  /** Bytes in use. */
  readonly usage: number;
  /** How many may be. */
  readonly limit: number;

  /** Made by the monitor. */
  constructor(usage: number, limit: number) {
    super("memoryexceeded");
    this.usage = usage;
    this.limit = limit;
  }
}

/**
 * The program uses less memory again than it may. Dispatched once by a {@linkcode Monitor} as `"memoryunder"`.
 *
 * Source: `gevent.events.MemoryUsageUnderThreshold`.
 *
 * @example Take on work again
 * ```ts
 * import { type MemoryUnderEvent, monitor } from "@verdant/green";
 *
 * const peaks: number[] = [];
 * using watch = monitor({ maxBlocking: Infinity, maxMemory: "2GB" });
 * watch.addEventListener("memoryunder", ({ most }: MemoryUnderEvent) => peaks.push(most));
 * ```
 */
export class MemoryUnderEvent extends Event {
  /** Bytes in use. */
  readonly usage: number;
  /** How many may be. */
  readonly limit: number;
  /** The most that was seen in use (bytes) since the limit was exceeded. */
  readonly most: number;

  /** Made by the monitor. */
  constructor(usage: number, limit: number, most: number) {
    super("memoryunder");
    this.usage = usage;
    this.limit = limit;
    this.most = most;
  }
}

/**
 * The events of a {@linkcode Monitor}, by name.
 *
 * @example The type of an event
 * ```ts
 * import type { MonitorEvents } from "@verdant/green";
 *
 * const warn = (event: MonitorEvents["blocked"]) => console.warn(event.report);
 * console.assert(warn.length === 1);
 * ```
 */
export interface MonitorEvents {
  /** The event loop turns again after it was blocked. */
  blocked: BlockedEvent;
  /** There is too little memory left, and it becomes less. */
  memoryexceeded: MemoryExceededEvent;
  /** There is enough again. */
  memoryunder: MemoryUnderEvent;
}
