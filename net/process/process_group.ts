/** How often (ms) to look whether a group is empty, at first and at last. */
const FIRST_LOOK = 5;
const LAST_LOOK = 100;

/** Asks whether a process exists instead of signalling it. */
const NO_SIGNAL = 0;

/** Whether signals can be sent to groups at all. Never prompts. */
export function canSignalGroups(): boolean {
  return Deno.build.os !== "windows" && Deno.permissions.querySync({ name: "run" }).state === "granted";
}

/**
 * The processes of which one that was started is the leader: itself, its children and theirs, unless they leave.
 *
 * The number of a group is that of its leader. It is not given to another process as long as there is a member,
 * so once the leader has been reaped, a process of that number means that the group is no more.
 */
export class ProcessGroup {
  #leaderEnded = false;
  #gone = false;

  constructor(readonly id: number) {}

  /** The leader has been reaped. Is the group empty now, it is so for good. */
  leaderEnded(): void {
    this.#leaderEnded = true;
    this.#gone = !this.exists;
  }

  /** Whether it has members, be they zombies that nobody has reaped. */
  get exists(): boolean {
    if (this.#gone) return false;
    this.#gone = !answers(-this.id) || this.#leaderEnded && answers(this.id);
    return !this.#gone;
  }

  /**
   * Sends a signal to its members. Nothing happens if there is none.
   *
   * @throws {Deno.errors.PermissionDenied} If none of them may be signalled.
   */
  signal(name: Deno.Signal): void {
    if (!this.exists) return;
    try {
      Deno.kill(-this.id, name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Waits until no member lives, with `pause`, for `limit` ms at most. Says whether it came to that. */
  async vanish(limit: number, pause: (ms: number) => Promise<void>): Promise<boolean> {
    let waited = 0;
    for (let look = FIRST_LOOK; this.exists; look = Math.min(2 * look, LAST_LOOK)) {
      if (waited > 0 && !this.#hasLiving()) return true;
      if (waited >= limit) return false;
      const ms = Math.min(look, limit - waited);
      await pause(ms);
      waited += ms;
    }
    return true;
  }

  /**
   * Whether one of the members is no zombie. Orphans become zombies where the first process of a container does
   * not reap them. Where that cannot be found out, they count as living.
   */
  #hasLiving(): boolean {
    try {
      for (const { name } of Deno.readDirSync("/proc")) {
        if (isNumber(name) && this.#isLivingMember(name)) return true;
      }
      return false;
    } catch {
      return true;
    }
  }

  #isLivingMember(pid: string): boolean {
    const stat = readStat(pid);
    // "pid (name) state parent group …", and the name may hold anything.
    const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 3);
    return Number(group) === this.id && state !== "Z" && state !== "X";
  }
}

/** Whether there is a process, or for a negative number a group, of that number. */
function answers(id: number): boolean {
  try {
    Deno.kill(id, NO_SIGNAL);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound); // one that may not be signalled is there
  }
}

function isNumber(name: string): boolean {
  return name >= "1" && name < ":";
}

function readStat(pid: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return ""; // it has ended meanwhile
  }
}
