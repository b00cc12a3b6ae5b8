import { getHub, ThreadPool, type ThreadPoolOptions } from "@verdant/green";
import { packThrown } from "../../../green/threads/error_packet.ts";
import type { FullOrder, PlainOrder } from "../../../green/threads/protocol.ts";

/** A worker that runs nothing: tests say what becomes of its orders. */
export class FakeWorker {
  onmessage: ((event: MessageEvent) => void) | null = null;
  onmessageerror: ((event: MessageEvent) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  /** The arguments of the orders it got. */
  readonly orders: unknown[][] = [];
  /** With which orders the task itself came along. */
  readonly introduced: boolean[] = [];
  terminated = false;

  constructor(readonly name: string, readonly onOrder: (worker: FakeWorker, args: unknown[]) => void) {}

  postMessage(order: PlainOrder | FullOrder): void {
    structuredClone(order);
    let args: unknown[] = [];
    if (order instanceof Array) args = order.slice(1);
    else if (typeof order === "object") args = (order as FullOrder).args as unknown[];
    this.orders.push(args);
    this.introduced.push((order as FullOrder).task !== undefined);
    this.onOrder(this, args);
  }

  terminate(): void {
    this.terminated = true;
  }

  /** What it runs. */
  get last(): unknown[] {
    return this.orders.at(-1)!;
  }

  done(value?: unknown): void {
    this.#send([value]);
  }

  fail(error: unknown): void {
    this.#send({ kind: "failed", thrown: packThrown(error) });
  }

  crash(error: unknown, begun: number = this.orders.length): void {
    this.#send({ kind: "crashed", thrown: packThrown(error), begun });
  }

  close(): void {
    this.#send({ kind: "closed" });
  }

  #send(data: unknown): void {
    this.onmessage!({ data } as MessageEvent);
  }
}

/** A pool of fake workers. */
export class FakePool extends ThreadPool {
  readonly workers: FakeWorker[] = [];
  #onOrder: (worker: FakeWorker, args: unknown[]) => void = () => {};

  /** One whose workers answer after a while: with the first argument, or by throwing it if it is an error. */
  static answering(size: number, ms: () => number): FakePool {
    const hub = getHub();
    const pool = new FakePool(size);
    pool.#onOrder = (worker, [result]) => {
      const answer = () => {
        if (worker.terminated) return;
        if (result instanceof Error) worker.fail(result);
        else worker.done(result);
      };
      hub.startTimer(ms(), true, answer, undefined);
    };
    return pool;
  }

  constructor(size: number, options?: ThreadPoolOptions) {
    super(size, options);
  }

  /** Those that have not ended. */
  get alive(): FakeWorker[] {
    return this.workers.filter(({ terminated }) => !terminated);
  }

  protected override createWorker(name: string): Worker {
    const worker = new FakeWorker(name, (worker, args) => this.#onOrder(worker, args));
    this.workers.push(worker);
    return worker as unknown as Worker;
  }
}

/** A task for fake workers: only its name is looked at. */
// deno-lint-ignore no-explicit-any -- whatever the test says it returns
export const job: (...args: any[]) => any = function job() {};

/** What a pool is doing. */
export function account({ running, queued, free, threads }: ThreadPool): Record<string, number> {
  return { running, queued, free, threads };
}
