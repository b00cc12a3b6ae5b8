/**
 * eventlet's own names and semantics, over the same parts as the rest of the library: programs written for
 * eventlet port line by line.
 *
 * Times are milliseconds. What only reads state is a getter: `queue.empty`, `event.ready`. Keyword arguments are
 * an object at the end; `None` is `undefined` or `null`.
 *
 * @example Names as in eventlet
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const pool = new eventlet.GreenPool(2);
 * const squares: number[] = [];
 * for await (const square of pool.imap((n: number) => n * n, [1, 2, 3])) squares.push(square);
 * assertEquals(squares, [1, 4, 9]);
 *
 * const event = new eventlet.Event<string>();
 * eventlet.spawnAfter(1, () => event.send("done"));
 * assertEquals(await event.wait(), "done");
 * ```
 *
 * @module
 */
export { GreenletExit } from "./hub/mod.ts";
export { getCurrent as getcurrent } from "./green/mod.ts";
export { CappedSemaphore } from "./net/eventlet/capped_semaphore.ts";
export { Event } from "./net/eventlet/event.ts";
export { GreenPile, GreenPool } from "./net/eventlet/green_pool.ts";
export { GreenThread } from "./net/eventlet/green_thread.ts";
export { isTimeout, wrapIsTimeout } from "./net/eventlet/is_timeout.ts";
export { cancel, kill } from "./net/eventlet/kill.ts";
export type { AcquireOptions, BlockOptions, LimitOptions } from "./net/eventlet/limits.ts";
export { LifoQueue, LightQueue, PriorityQueue, Queue } from "./net/eventlet/queue.ts";
export { BoundedSemaphore, Semaphore } from "./net/eventlet/semaphore.ts";
export { sleep } from "./net/eventlet/sleep.ts";
export { spawn, spawnAfter, spawnAfterLocal, spawnN } from "./net/eventlet/spawn.ts";
export { Timeout, type TimeoutException } from "./net/eventlet/timeout.ts";
export { withTimeout, type WithTimeoutOptions } from "./net/eventlet/with_timeout.ts";

// The names of its modules.
/** eventlet's module `corolocal`. */
export * as corolocal from "./net/eventlet/corolocal.ts";
/** eventlet's module `coros`. */
export * as coros from "./net/eventlet/coros.ts";
/** eventlet's module `dagpool`. */
export * as dagpool from "./net/eventlet/modules/dagpool.ts";
/** eventlet's module `db_pool`. */
export * as dbPool from "./net/eventlet/modules/db_pool.ts";
/** eventlet's module `event`. */
export * as event from "./net/eventlet/event.ts";
/** eventlet's module `greenpool`. */
export * as greenpool from "./net/eventlet/green_pool.ts";
/** eventlet's module `greenthread`. */
export * as greenthread from "./net/eventlet/modules/greenthread.ts";
/** eventlet's module `lock`. */
export * as lock from "./net/eventlet/lock.ts";
/** eventlet's module `pools`. */
export * as pools from "./net/eventlet/modules/pools.ts";
/** eventlet's module `queue`. */
export * as queue from "./net/eventlet/queue.ts";
/** eventlet's module `semaphore`. */
export * as semaphore from "./net/eventlet/modules/semaphore.ts";
/** eventlet's module `timeout`. */
export * as timeout from "./net/eventlet/modules/timeout.ts";
/** eventlet's module `tpool`. */
export * as tpool from "./net/eventlet/tpool.ts";

// The network.
export type { Address, PeerAddress } from "./net/eventlet/address.ts";
export {
  connect,
  listen,
  type ListenQueueOptions,
  serve,
  type ServeHandler,
  type ServeOptions,
  StopServe,
} from "./net/eventlet/convenience.ts";
export { ListeningSocket } from "./net/eventlet/listening_socket.ts";
export {
  wrapSsl,
  type WrapSslClientOptions,
  type WrapSslServerOptions,
  wrapTls,
} from "./net/eventlet/wrap_tls.ts";
/** eventlet's module `backdoor`. */
export * as backdoor from "./net/eventlet/backdoor.ts";
/** eventlet's module `debug`. */
export * as debug from "./net/eventlet/debug.ts";
/** eventlet's module `websocket`. */
export * as websocket from "./net/eventlet/websocket.ts";
/** eventlet's module `wsgi`. */
export * as wsgi from "./net/eventlet/wsgi.ts";
