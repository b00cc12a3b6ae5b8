import type { Clock } from "@verdant/green";

/** A clock that a test sets. */
export class HandClock implements Clock {
  time = 0;
  /** When the hub wants to be woken. */
  deadline: number = Infinity;
  #wake = () => {};

  now(): number {
    return this.time;
  }

  arm(deadline: number, _ref: boolean, wake: () => void): void {
    this.deadline = deadline;
    this.#wake = wake;
  }

  disarm(): void {
    this.deadline = Infinity;
  }

  /** The hub is woken at this time, and not before. */
  reach(time: number): void {
    this.time = time;
    this.#wake();
  }
}
