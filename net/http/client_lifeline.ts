import { GreenletExit, type Task, Timeout, type Timer, type WaitPlan } from "../../hub/mod.ts";
import { getCurrent } from "../../green/current.ts";
import type { Slot } from "./client_slots.ts";

/**
 * What a call holds, from its beginning until the last byte of its answer was read: a slot, a timer, a place in
 * the list of its client. And what ends it early: its time, its signal, its greenlet, its client.
 *
 * It must not refer to the response, whose collection is one of its ends.
 */
export class Lifeline {
  /** What is being done, in words: for the message of the time-out. */
  doing = "";
  /** When its time is over (ms on the hub's clock). */
  readonly deadline: number;
  readonly #task: Task;
  readonly #plan: WaitPlan;
  readonly #siblings: Set<Lifeline>;
  readonly #controller: AbortController = new AbortController();
  #timer: Timer | undefined = undefined;
  #slot: Slot | undefined = undefined;
  #link: Disposable | undefined = undefined;
  #over = false;

  /**
   * Begins it.
   *
   * @param task Who calls.
   * @param plan The limits of the call.
   * @param siblings Where it stands until its end.
   */
  constructor(task: Task, plan: WaitPlan, siblings: Set<Lifeline>) {
    this.#task = task;
    this.#plan = plan;
    this.#siblings = siblings;
    this.deadline = plan.timeout === Infinity ? Infinity : task.hub.now() + plan.timeout;
    siblings.add(this);
    plan.signal?.addEventListener("abort", this.#aborted, { once: true });
    this.#startTimer(true);
  }

  /** Aborts, with the reason, if it ends early. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it has ended, in whatever way. */
  get over(): boolean {
    return this.#over;
  }

  /** Whether it has a slot. */
  get holdsSlot(): boolean {
    return this.#slot !== undefined;
  }

  /** How much time (ms) is left. */
  get timeLeft(): number {
    return this.deadline === Infinity ? Infinity : this.deadline - this.#task.hub.now();
  }

  /** Takes a slot over, or gives it back at once if it comes too late. */
  hold(slot: Slot): void {
    if (this.#over) slot.give();
    else this.#slot = slot;
  }

  /** Gives the slot back. */
  leaveSlot(): void {
    const slot = this.#slot;
    this.#slot = undefined;
    slot?.give();
  }

  /** From now on nobody need wait for it: it ends with its greenlet, and does not keep the process alive. */
  detach(): void {
    this.#link = getCurrent()?.rawlink((greenlet) => {
      if (greenlet.failed || greenlet.value instanceof GreenletExit) {
        this.abort(greenlet.error ?? greenlet.value);
      }
    });
    if (this.#timer === undefined) return;
    this.#task.hub.cancelTimer(this.#timer);
    this.#startTimer(false);
  }

  /** Nothing is left to do. */
  finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#siblings.delete(this);
    this.#plan.signal?.removeEventListener("abort", this.#aborted);
    this.#link?.[Symbol.dispose]();
    if (this.#timer !== undefined) this.#task.hub.cancelTimer(this.#timer);
    this.leaveSlot();
  }

  /** Ends it early: whatever is under way fails with the reason, and its connection is closed. */
  abort(reason: unknown): void {
    if (this.#over) return;
    this.finish();
    this.#controller.abort(reason);
  }

  #startTimer(ref: boolean): void {
    if (this.deadline === Infinity) return;
    this.#timer = this.#task.hub.startTimer(Math.max(0, this.timeLeft), ref, this.#expired, undefined);
  }

  readonly #expired = (): void => {
    const { owner, timeout } = this.#plan;
    this.abort(owner?.thrown ?? new Timeout(timeout, { message: this.doing }));
  };

  readonly #aborted = (): void => this.abort(this.#plan.signal!.reason);
}
