import { enterWait, planWait, readyWith, refusal, type WaitOptions } from "../../hub/mod.ts";
import { type Buffer, Queue } from "../../sync/mod.ts";
import { checkSize } from "../../sync/check.ts";
import { goBehind } from "./turn.ts";

/**
 * A queue whose size may be 0: then `put()` and `get()` meet, the getter goes on first. The size may change at any
 * time, whoever waits.
 *
 * Invariant: putters and getters never wait at the same time.
 */
export class RendezvousQueue<T> extends Queue<T> {
  #limit: number;
  /** Whether an item is let in for the getter that is about to take it. */
  #open = false;

  constructor(limit: number, items?: Iterable<T>, buffer?: Buffer<T>) {
    checkSize(limit, 0, "create queue", "maxsize");
    super(Math.max(1, limit), items, buffer);
    this.#limit = limit;
  }

  /** How many items it holds at most. */
  get limit(): number {
    return this.#limit;
  }

  /** Whether a putter has to wait. */
  override get full(): boolean {
    if (this.#limit > 0) return super.full;
    return this.getters.size === 0 && !this.#open;
  }

  /** Changes how many items it holds at most. Those there are stay. Does not switch. */
  resize(limit: number): void {
    checkSize(limit, 0, "resize queue", "maxsize");
    this.#limit = limit;
    this.maxSize = Math.max(1, limit);
  }

  override put(item: T, options?: WaitOptions): Promise<void> {
    if (this.#limit > 0 || this.getters.size === 0) return super.put(item, options);
    const plan = planWait(options, "put to queue");
    const task = enterWait("put to queue");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    this.putNowait(item);
    return goBehind(task, this.putters);
  }

  override get(options?: WaitOptions): Promise<T> {
    if (!this.#somebodyComes) return super.get(options);
    const plan = planWait(options, "get from queue");
    const task = enterWait("get from queue");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    return this.#letIn() ? readyWith(task, this.getters, super.getNowait()) : super.get(options);
  }

  override getNowait(): T {
    if (this.#somebodyComes) this.#letIn();
    return super.getNowait();
  }

  /** Whether the next item is with a putter: only if it may hold none. */
  get #somebodyComes(): boolean {
    return this.empty && this.putters.size > 0;
  }

  /** Takes over the item of the putter that has waited longest. */
  #letIn(): boolean {
    for (let putter = this.putters.shift(); putter !== undefined; putter = this.putters.shift()) {
      this.#open = true;
      try {
        this.putNowait(putter.value as T);
        putter.wake(undefined);
        return true;
      } catch (error) {
        putter.fail(error); // the buffer refuses its item: not the matter of whoever gets
      } finally {
        this.#open = false;
      }
    }
    return false;
  }
}
