import {
  callerTask,
  enterWait,
  EXPIRE_FALSE,
  type Inspectable,
  planWait,
  quiet,
  readyWith,
  refusal,
  suspend,
  type Task,
  type WaitDetails,
  WaitList,
  type WaitOptions,
} from "../hub/mod.ts";
import { EndNode } from "./end_node.ts";
import type { Greenlet, KillOptions } from "./greenlet.ts";
import { asKillError, type KillReason } from "./kill_error.ts";

/**
 * Options of `join()` of groups and pools.
 *
 * @example Throw the error of a member
 * ```ts
 * import { getHub, Group, type JoinOptions } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * getHub().onError = () => {}; // it would be printed as well
 * const options: JoinOptions = { raiseError: true, timeout: 1_000 };
 * const group = new Group();
 * group.spawn(() => {
 *   throw new RangeError("no");
 * });
 * await assertRejects(() => group.join(options), RangeError);
 * ```
 */
export interface JoinOptions extends WaitOptions {
  /**
   * Whether to throw the error of a greenlet that was a member when the wait began.
   *
   * @default {false}
   */
  raiseError?: boolean | undefined;
}

/**
 * Options of `kill()` of groups and pools.
 *
 * @example Say why
 * ```ts
 * import { Group, type KillMembersOptions, sleep } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const options: KillMembersOptions = { reason: "shutting down" };
 * const group = new Group();
 * group.spawn(() => sleep(60_000));
 * assert(await group.kill(options));
 * ```
 */
export interface KillMembersOptions extends KillOptions {
  /** Why: a message, an error or an error class. */
  reason?: KillReason;
}

/**
 * What `statistics()` of groups returns; that of pools says more.
 *
 * @example How many are in it
 * ```ts
 * import { Group, type GroupStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const statistics: GroupStatistics = new Group().statistics();
 * assertEquals(statistics, { size: 0, joiners: 0 });
 * ```
 */
export interface GroupStatistics {
  /** How many greenlets are in it. */
  readonly size: number;
  /** How many wait until it is empty. */
  readonly joiners: number;
}

/** One greenlet in one set. */
class Membership extends EndNode {
  /** Whether the set has killed it: nobody is killed twice. */
  dying = false;
}

/**
 * A set of greenlets that have not ended: what groups, pools and nurseries have in common. A greenlet
 * leaves at the very moment it ends.
 *
 * `await using` kills the members and waits for their clean-up.
 *
 * @example Kill whatever is left
 * ```ts
 * import { Group, type Members, sleep } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const stop = (members: Members) => members.kill({ reason: "shutting down" });
 * const group = new Group();
 * group.spawn(() => sleep(60_000));
 * await stop(group);
 * assertEquals(group.size, 0);
 * ```
 */
export abstract class Members implements AsyncDisposable, Inspectable, Iterable<Greenlet> {
  readonly #members = new Map<Greenlet, Membership>();
  readonly #joiners: WaitList = new WaitList("join", this);
  /** The kills in progress: who joins meanwhile is killed as well. */
  readonly #killing = new Set<{ readonly reason: KillReason }>();

  /** How many greenlets are in it. */
  get size(): number {
    return this.#members.size;
  }

  /** Whether a greenlet is in it. */
  has(greenlet: Greenlet): boolean {
    return this.#members.has(greenlet);
  }

  /** The greenlets, in the order in which they came. */
  *[Symbol.iterator](): IterableIterator<Greenlet> {
    yield* this.#members.keys();
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio`'s `statistics()`.
   */
  statistics(): GroupStatistics {
    return Object.freeze({ size: this.size, joiners: this.#joiners.size });
  }

  /** For reports: whom those wait for who join it. */
  inspectWait(_what: string): WaitDetails | undefined {
    return { blockers: [...this], all: true, relation: `${this.size} running:` };
  }

  /**
   * Waits until it is empty. Switches unless it is.
   *
   * @returns `true`, or `false` on time-out.
   * @throws The error of the oldest failed member, with `raiseError`.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  join(options: JoinOptions = {}): Promise<boolean> {
    const { raiseError = false, ...limits } = options;
    const plan = planWait(limits, "join greenlets");
    const task = enterWait("join greenlets");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.size === 0) return readyWith(task, this.#joiners, true);
    const members = raiseError ? [...this] : [];
    const empty = suspend<boolean>(task, this.#joiners, undefined, plan, EXPIRE_FALSE);
    return raiseError ? quiet(throwFirstError(empty, members)) : empty;
  }

  /**
   * Kills every member once, in the order in which they came, and waits until it is empty. Those who come
   * while it waits are killed as well. Switches, unless `block` is false or it is empty.
   *
   * @returns Whether it is empty; `false` on time-out.
   * @throws {TypeError} If `reason` is neither an error, an error class nor a message.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  kill(options: KillMembersOptions = {}): Promise<boolean> {
    const { reason, block = true, ...limits } = options;
    const task = checkKill(options, "kill greenlets");
    for (const member of this.#members.values()) slay(member, reason);
    if (!block) return Promise.resolve(this.size === 0);
    return quiet(this.#joinKilling(task, reason, limits));
  }

  /**
   * Kills one member and waits for its end. Switches, unless `block` is false or it has ended.
   *
   * @returns Whether it has ended; `false` on time-out, and for a living greenlet that is not in it.
   * @throws {TypeError} If `reason` is neither an error, an error class nor a message.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  killOne(greenlet: Greenlet, options: KillMembersOptions = {}): Promise<boolean> {
    const task = checkKill(options, "kill greenlet");
    const { reason, ...limits } = options;
    const member = this.#members.get(greenlet);
    if (member?.dying === false) {
      member.dying = true;
      return greenlet.kill(reason, limits);
    }
    if (limits.block === false) return Promise.resolve(greenlet.dead);
    return member === undefined ? readyWith(task, greenlet.joiners, greenlet.dead) : greenlet.join(limits);
  }

  /** Kills the members and waits for their clean-up. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Takes a greenlet in, unless it has ended or is in already; says whether. */
  protected enrol(greenlet: Greenlet): boolean {
    if (greenlet.dead || this.has(greenlet)) return false;
    const member = new Membership(greenlet, this.#onEnd);
    this.#members.set(greenlet, member);
    for (const { reason } of this.#killing) slay(member, reason);
    return true;
  }

  /** Forgets a greenlet that may run on; says whether it was a member. */
  protected expel(greenlet: Greenlet): boolean {
    const member = this.#members.get(greenlet);
    if (member === undefined) return false;
    member.stop();
    this.#forget(member);
    return true;
  }

  /** Called when a member has ended or was expelled. */
  protected onLeave(_greenlet: Greenlet): void {}

  readonly #onEnd = (node: EndNode): void => this.#forget(node);

  #forget({ greenlet }: EndNode): void {
    this.#members.delete(greenlet);
    this.onLeave(greenlet);
    if (this.size === 0) this.#joiners.wakeAll(true);
  }

  async #joinKilling(task: Task, reason: KillReason, limits: WaitOptions): Promise<boolean> {
    const kill = { reason };
    this.#killing.add(kill);
    try {
      // Empty already, it may still let others run.
      return await (this.size === 0 ? readyWith(task, this.#joiners, true) : this.join(limits));
    } finally {
      this.#killing.delete(kill);
    }
  }
}

/** Refuses bad options before anybody is marked as killed. Says who kills. */
function checkKill({ reason, block = true, ...limits }: KillMembersOptions, action: string): Task {
  planWait(limits, action);
  asKillError(reason, callerTask());
  return block ? enterWait(action) : callerTask();
}

function slay(member: Membership, reason: KillReason): void {
  if (member.dying) return;
  member.dying = true;
  void member.greenlet.kill(reason, { block: false });
}

async function throwFirstError(empty: Promise<boolean>, members: Greenlet[]): Promise<boolean> {
  const joined = await empty;
  const failed = members.find((greenlet) => greenlet.failed);
  if (failed !== undefined) throw failed.error;
  return joined;
}
