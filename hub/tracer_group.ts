import type { Task } from "./task.ts";
import type { Tracer } from "./tracer.ts";
import type { Waiter } from "./waiter.ts";

/** Several tracers of one hub. Never changed: a tracer may leave while they are being told. */
export class TracerGroup implements Tracer {
  constructor(readonly members: readonly Tracer[]) {}

  /** These and one more. */
  with(tracer: Tracer): TracerGroup {
    return new TracerGroup([...this.members, tracer]);
  }

  /** All but one, which may be in it once more; alone, a tracer needs no group. */
  without(tracer: Tracer): Tracer | undefined {
    const at = this.members.lastIndexOf(tracer);
    if (at < 0) return this;
    const left = this.members.toSpliced(at, 1);
    return left.length > 1 ? new TracerGroup(left) : left[0];
  }

  spawned(task: Task): void {
    for (const member of this.members) member.spawned(task);
  }

  parked(waiter: Waiter): void {
    for (const member of this.members) member.parked(waiter);
  }

  woken(waiter: Waiter): void {
    for (const member of this.members) member.woken?.(waiter);
  }

  switched(task: Task, waiter: Waiter | undefined): void {
    for (const member of this.members) member.switched(task, waiter);
  }

  detached(task: Task): void {
    for (const member of this.members) member.detached?.(task);
  }

  interrupted(task: Task): void {
    for (const member of this.members) member.interrupted?.(task);
  }

  callback(): void {
    for (const member of this.members) member.callback?.();
  }

  ended(task: Task): void {
    for (const member of this.members) member.ended(task);
  }
}
