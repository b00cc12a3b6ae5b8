import { formatMs } from "../../../hub/mod.ts";
import type { Greenlet } from "../../greenlet.ts";

/**
 * What is known of a time during which the event loop did not turn.
 *
 * @example In a listener
 * ```ts
 * import { type Blocking, monitor } from "@verdant/green";
 *
 * const worst: Blocking[] = [];
 * using watch = monitor({ print: false });
 * watch.addEventListener("blocked", ({ blocking }) => worst.push(blocking));
 * ```
 */
export interface Blocking {
  /** Who held the loop; `undefined` if it was code outside greenlets, or a greenlet without a handle. */
  readonly greenlet: Greenlet | undefined;
  /** Its number; 0 stands for the code outside greenlets. */
  readonly id: number;
  /** How reports call it. */
  readonly name: string;
  /** For how long (ms) it held the loop: at least, as nobody saw it begin. */
  readonly held: number;
  /** For how long (ms) the loop did not turn: more if others had held it before. */
  readonly blocked: number;
  /** How reports call the greenlet that spawned it, if that has not ended. */
  readonly spawner: string | undefined;
  /** Where it was spawned, recorded with `hub.debug`. */
  readonly spawnStack: string | undefined;
  /** What it had waited for before, in words; `undefined` if it had just begun. */
  readonly lastWait: string | undefined;
  /** What it did in the end, in words: `"it waited for Queue(jobs) get"`; `undefined` if nobody saw. */
  readonly end: string | undefined;
  /** Where it was then: lines of "    at …", the first of them behind the code that took so long. */
  readonly stack: string | undefined;
  /** What the monitor said while it lasted. */
  readonly during: string;
}

/**
 * A time during which the event loop did not turn is over. Dispatched by a {@linkcode Monitor} as `"blocked"`.
 *
 * Source: `gevent.events.EventLoopBlocked`.
 *
 * @example Count who blocks
 * ```ts
 * import { type BlockedEvent, monitor } from "@verdant/green";
 *
 * const counts = new Map<string, number>();
 * const count = ({ blocking: { name } }: BlockedEvent) => counts.set(name, (counts.get(name) ?? 0) + 1);
 * using watch = monitor({ maxBlocking: 100 });
 * watch.addEventListener("blocked", count);
 * ```
 */
export class BlockedEvent extends Event {
  /** What is known of it. */
  readonly blocking: Blocking;

  /** Made by the monitor. */
  constructor(blocking: Blocking) {
    super("blocked");
    this.blocking = blocking;
  }

  /** All of it, in lines. */
  get report(): string {
    return blockingReport(this.blocking);
  }
}

function blockingReport({ id, name, held, blocked, ...more }: Blocking): string {
  const subject = id === 0 ? name : `#${id} ${JSON.stringify(name)}`;
  const alone = blocked - held < held / 4;
  const lines = [
    alone
      ? `green monitor: ${subject} held the event loop for ${formatMs(held)}`
      : `green monitor: the event loop was blocked for ${
        formatMs(blocked)
      }, of which ${subject} held it for ` +
        formatMs(held),
  ];
  if (more.spawner !== undefined) lines.push(`  spawned by ${more.spawner}`);
  if (more.spawnStack) lines.push(more.spawnStack);
  if (more.lastWait !== undefined) lines.push(`  before that, it waited for ${more.lastWait}`);
  if (more.end !== undefined) lines.push(`  then ${more.end}`);
  if (more.stack) lines.push(more.stack);
  return lines.join("\n");
}
