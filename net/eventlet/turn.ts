import { type Task, Waiter, type WaitSource } from "../../hub/mod.ts";

/** Lets everybody go first who can run now. Switches. */
export function goBehind(task: Task, source: WaitSource): Promise<void> {
  const { promise } = queueUp(task, source);
  task.hub.release(task);
  return promise as Promise<void>;
}

/**
 * The same, but `next`, whose wait was ended just now, goes first of all: it gets the run token without standing
 * in the queue. Switches.
 */
export function goBehindAfter(next: Waiter, task: Task, source: WaitSource): Promise<void> {
  const { hub } = task;
  if (hub.holder !== task || next.task.hub !== hub) return goBehind(task, source);
  const { promise } = queueUp(task, source);
  next.dispatch(hub); // when its turn in the queue comes, that is over
  return promise as Promise<void>;
}

function queueUp(task: Task, source: WaitSource): Waiter {
  const turn = new Waiter(task, source, undefined);
  turn.wake(undefined);
  return turn;
}
