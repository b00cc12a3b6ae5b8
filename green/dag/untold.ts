import { GreenletExit, type Task } from "../../hub/mod.ts";
import { rootOf } from "./dag_errors.ts";
import type { PropagateError } from "./dag_errors.ts";

/**
 * The errors of tasks that nobody has been told of. What counts is the error at the beginning of a chain. A task
 * that is told, and fails with it in turn, has only passed it on.
 */
export class Untold {
  /** The task each error began in. */
  readonly #origins = new Map<unknown, Task>();
  readonly #errors = new Set<unknown>();
  /** Those that somebody outside the pool was told of. */
  readonly #known = new Set<unknown>();
  readonly #isInside: (task: Task) => boolean;

  /**
   * Makes an empty one.
   *
   * @param isInside Whether a task belongs to the pool.
   */
  constructor(isInside: (task: Task) => boolean) {
    this.#isInside = isInside;
  }

  /** A task has failed. A kill needs no telling: somebody wanted it. */
  add(error: PropagateError, task: Task): void {
    const { root } = error;
    if (root instanceof GreenletExit || this.#known.has(root)) return;
    if (!this.#origins.has(root)) this.#origins.set(root, task);
    this.#errors.add(root);
  }

  /** A task has been told. */
  tell(error: unknown, task: Task): void {
    const root = rootOf(error);
    this.#errors.delete(root);
    if (!this.#isInside(task)) this.#known.add(root);
  }

  /** Tells the hub. */
  report(): void {
    const errors = [...this.#errors];
    this.#errors.clear();
    for (const error of errors) {
      const task = this.#origins.get(error)!;
      this.#known.add(error);
      task.hub.handleError(task, error);
    }
  }
}
