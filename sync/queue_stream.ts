import {
  enterWait,
  expireThrowing,
  type Expiry,
  failedWith,
  park,
  planWait,
  readyWith,
  refusal,
  startRecording,
  type Task,
  Waiter,
  type WaitList,
  type WaitNode,
  type WaitPlan,
  type WaitSource,
} from "../hub/mod.ts";
import { Empty, ShutDown } from "./errors.ts";

/** What a stream needs of a queue. */
interface Source<T> {
  readonly getters: WaitList;
  readonly size: number;
  readonly closed: boolean;
  getNowait(): T;
}

const NEVER: Expiry = expireThrowing(() => new Empty());

/**
 * Stands in line for one item of a stream. What it is given is in the stream at once: an item on its way
 * would be lost if the stream were cancelled meanwhile.
 */
class Feeder<T> implements WaitNode, WaitSource {
  prev: WaitNode | undefined = undefined;
  next: WaitNode | undefined = undefined;
  readonly value = undefined;
  readonly what = "get";
  readonly waiter: Waiter;

  constructor(
    task: Task,
    readonly owner: Source<T>,
    readonly controller: ReadableStreamDefaultController<T>,
  ) {
    this.waiter = new Waiter(task, this, undefined);
    if (task.hub.debug) startRecording();
    owner.getters.push(this);
  }

  wake(item: unknown): void {
    this.controller.enqueue(item as T);
    this.waiter.wake(undefined);
  }

  fail(error: unknown): void {
    this.waiter.fail(error);
  }

  remove(): void {
    this.owner.getters.remove(this);
  }
}

/** Moves the next item into the stream, waiting for one. */
function feed<T>(
  source: Source<T>,
  controller: ReadableStreamDefaultController<T>,
  plan: WaitPlan,
): Promise<void> {
  const task = enterWait("read from queue");
  const refused = refusal(task, plan);
  if (refused !== undefined) return refused;
  if (source.size > 0) {
    controller.enqueue(source.getNowait());
    return readyWith(task, source.getters, undefined);
  }
  if (source.closed) return failedWith(task, source.getters, new ShutDown());
  return park(new Feeder(task, source, controller).waiter, plan, NEVER);
}

/** The items of a queue as a stream, taken one at a time as the reader asks for them. */
export function streamOf<T>(source: Source<T>): ReadableStream<T> {
  const cancelled = new AbortController();
  const plan = planWait({ signal: cancelled.signal }, "read from queue");
  return new ReadableStream<T>({
    pull: async (controller) => {
      try {
        await feed(source, controller, plan);
      } catch (error) {
        if (error instanceof ShutDown) controller.close();
        else if (!cancelled.signal.aborted) throw error;
      }
    },
    cancel: (reason) => cancelled.abort(reason),
  }, { highWaterMark: 0 });
}
