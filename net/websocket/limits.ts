import { type Duration, toMilliseconds } from "../../hub/mod.ts";
import { checkWhole } from "../../sync/check.ts";

/**
 * Limits of a WebSocket.
 *
 * @example Small messages, and soon
 * ```ts
 * import { WebSocketServer, type WebSocketOptions } from "@verdant/green";
 *
 * const options: WebSocketOptions = { maxMessageBytes: 4096, idleTimeout: 5_000 };
 * new WebSocketServer({ port: 0 }, (ws) => ws.send("hello"), options);
 * ```
 */
export interface WebSocketOptions {
  /**
   * How long (bytes) a message of the peer may be. A longer one closes the WebSocket with 1009, before it has
   * come.
   *
   * @default {1048576}
   */
  maxMessageBytes?: number | undefined;
  /**
   * How many bytes may be unsent before `send()` waits.
   *
   * @default {65536}
   */
  maxBuffered?: number | undefined;
  /**
   * How many messages may wait to be received; their bytes must not be more than four times
   * `maxMessageBytes`. Beyond that nothing is read, so that the peer has to wait; but with `upgrade()`, where
   * the platform reads without being asked, the WebSocket is closed with 1008.
   *
   * @default {64}, with `upgrade()` 1024
   */
  maxQueued?: number | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) the peer may be silent before it gets a ping; if there is no answer in
   * as much time again, it is told 1001, and the connection is closed as lost. `Infinity` for no such limit.
   *
   * @default {30000} for servers, `Infinity` for clients
   */
  idleTimeout?: Duration | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) the peer has to answer a close frame before the connection is closed
   * without.
   *
   * @default {1000}
   */
  closeTimeout?: Duration | undefined;
}

/** The limits, checked. Times in milliseconds. */
export interface Limits {
  readonly maxMessageBytes: number;
  readonly maxBuffered: number;
  readonly maxQueued: number;
  /** How many bytes may wait to be received. */
  readonly maxQueuedBytes: number;
  readonly idleTimeout: number;
  readonly closeTimeout: number;
}

const MIB = 1024 * 1024;
const DEFAULTS: Omit<Limits, "maxQueuedBytes"> = {
  maxMessageBytes: MIB,
  maxBuffered: 64 * 1024,
  maxQueued: 64,
  idleTimeout: 30_000,
  closeTimeout: 1_000,
};
/** As many messages of the greatest size may wait to be received. */
const MESSAGES_OF_MAX_SIZE = 4;

/**
 * Checks limits.
 *
 * @param action For messages.
 * @param defaults Instead of the usual ones.
 * @throws {RangeError} If one is out of range, naming it.
 */
export function planLimits(
  options: WebSocketOptions,
  action: string,
  defaults: Partial<Limits> = {},
): Limits {
  const usual = { ...DEFAULTS, ...defaults };
  const { maxMessageBytes = usual.maxMessageBytes, maxBuffered = usual.maxBuffered } = options;
  const { maxQueued = usual.maxQueued } = options;
  checkWhole(maxMessageBytes, 1, action, "maxMessageBytes");
  checkWhole(maxBuffered, 0, action, "maxBuffered");
  checkWhole(maxQueued, 1, action, "maxQueued");
  const idleTimeout = toMilliseconds(options.idleTimeout ?? usual.idleTimeout, action, "idleTimeout");
  if (idleTimeout === 0) {
    throw new RangeError(`Cannot ${action}: idleTimeout must be positive, received ${options.idleTimeout}`);
  }
  const closeTimeout = toMilliseconds(options.closeTimeout ?? usual.closeTimeout, action, "closeTimeout");
  const maxQueuedBytes = MESSAGES_OF_MAX_SIZE * maxMessageBytes;
  return { maxMessageBytes, maxBuffered, maxQueued, maxQueuedBytes, idleTimeout, closeTimeout };
}
