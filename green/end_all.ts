import {
  callerTask,
  enterWait,
  EXPIRE_FALSE,
  KILL,
  planWait,
  readyWith,
  suspend,
  type Task,
} from "../hub/mod.ts";
import { STARTED } from "../hub/task.ts";
import { Greenlet } from "./greenlet.ts";
import { asKillError } from "./kill_error.ts";
import { sleep } from "./sleep.ts";

/**
 * Kills the greenlet `root` and all that it has spawned, directly or not, then whoever else is left in the hub,
 * except the caller. Switches.
 *
 * Each is killed once, and only when its spawner has ended: what a greenlet kills or waits for in its own
 * clean-up is left to it, because a second kill would interrupt a clean-up that runs. When half the grace has
 * passed, all are killed who were not yet.
 *
 * @param reason Why, for the errors they get.
 * @param grace How long (ms) all of it may take.
 * @returns Whether all of them have ended.
 */
export async function endAll(root: Task, reason: string, grace: number): Promise<boolean> {
  const caller = callerTask();
  const ending = new Ending(root, reason, grace);
  const { tree } = root.lineage;
  await ending.end((task) => task === root || task.origin?.tree === tree);
  return await ending.end((task) => task !== caller);
}

class Ending {
  readonly #root: Task;
  readonly #reason: string;
  readonly #half: number;
  readonly #deadline: number;
  readonly #killed = new Set<Task>();

  constructor(root: Task, reason: string, grace: number) {
    this.#root = root;
    this.#reason = reason;
    this.#half = root.hub.now() + grace / 2;
    this.#deadline = root.hub.now() + grace;
  }

  /** Ends those who are wanted, a generation at a time; says whether it could. */
  async end(wanted: (task: Task) => boolean): Promise<boolean> {
    const { hub } = this.#root;
    for (;;) {
      const living = [...hub.tasks()].filter(wanted);
      if (living.length === 0) return true;
      const late = hub.now() >= this.#half;
      const victims = late ? living : living.filter((task) => this.#isNext(task));
      for (const task of victims) this.#kill(task);
      await sleep(); // they get to their first wait also without grace
      const ended = await haveEnded(victims, late ? this.#deadline : this.#half);
      if (!ended && hub.now() >= this.#deadline) return false;
    }
  }

  #isNext(task: Task): boolean {
    return task === this.#root || task.origin?.spawner === undefined;
  }

  #kill(task: Task): void {
    if (this.#killed.has(task)) return;
    this.#killed.add(task);
    slay(task, this.#reason);
  }
}

function slay(task: Task, reason: string): void {
  if (task instanceof Greenlet) return void task.kill(reason, { block: false });
  const error = asKillError(reason, task);
  if (task.state < STARTED) task.fail(error);
  else task.interrupt({ error, origin: KILL, depth: 0 });
}

async function haveEnded(tasks: Task[], deadline: number): Promise<boolean> {
  for (const task of tasks) if (!await hasEnded(task, deadline)) return false;
  return true;
}

function hasEnded(task: Task, deadline: number): Promise<boolean> {
  const left = Math.max(0, deadline - task.hub.now());
  const plan = planWait({ timeout: left }, "end greenlets");
  const waiting = enterWait("end greenlets");
  if (task.ready || left === 0) return readyWith(waiting, task.joiners, task.ready);
  return suspend(waiting, task.joiners, undefined, plan, EXPIRE_FALSE);
}
