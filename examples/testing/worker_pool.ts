/**
 * A pool of workers over a bounded queue that knows what became of every job it has accepted.
 *
 *     deno run examples/testing/worker_pool.ts
 */
import { Group, isKill, main, Queue, ShutDown, sleep } from "@verdant/green";

/**
 * Does every accepted job once, or reports it as dropped. A worker that is killed loses the job in its hands
 * only: another one takes its place.
 *
 * Invariant: while jobs are accepted or waiting, every worker that has ended is being replaced.
 */
export class WorkerPool<J> {
  readonly #work: (job: J) => unknown;
  readonly #dropped: (job: J, why: unknown) => void;
  readonly #jobs: Queue<J>;
  readonly #workers = new Group();

  /** Tells `dropped`, which must not wait, why an accepted job was not done. At most `backlog` jobs wait. */
  constructor(
    work: (job: J) => unknown,
    dropped: (job: J, why: unknown) => void,
    size: { workers: number; backlog: number },
  ) {
    this.#work = work;
    this.#dropped = dropped;
    this.#jobs = new Queue(size.backlog);
    for (let i = 0; i < size.workers; i++) this.#hire();
  }

  /** Waits for room: the job is accepted when this returns. Throws `ShutDown` if the pool accepts no more. */
  submit(job: J): Promise<void> {
    return this.#jobs.put(job);
  }

  /** Accepts no more, and waits until what was accepted is done. */
  async finish(): Promise<void> {
    this.#jobs.shutdown();
    await this.#jobs.join();
    await this.#workers.join();
  }

  /** Accepts no more, drops what waits, kills what runs, and waits for its clean-up. */
  async stop(): Promise<void> {
    this.#jobs.shutdown(); // before the jobs are taken out: nobody may put others into their place
    while (!this.#jobs.empty) {
      this.#dropped(this.#jobs.getNowait(), new ShutDown("The pool was stopped"));
      this.#jobs.taskDone();
    }
    await this.#workers.kill();
  }

  #hire(): void {
    const worker = this.#workers.spawn(() => this.#serve());
    worker.name = "worker";
    worker.rawlink(() => {
      if (!this.#jobs.closed || !this.#jobs.empty) this.#hire();
    });
  }

  async #serve(): Promise<void> {
    for await (const job of this.#jobs) {
      try {
        await this.#work(job);
      } catch (error) {
        this.#dropped(job, error);
        if (isKill(error)) throw error;
      } finally {
        this.#jobs.taskDone();
      }
    }
  }
}

/** One pool finishes its work, another one is stopped in the middle of it. */
export async function demo(say: (line: string) => void = console.log): Promise<void> {
  const work = async (job: string) => {
    await sleep(10);
    say(`${job} done`);
  };
  for (const end of ["finish", "stop"] as const) {
    const pool = new WorkerPool(work, (job) => say(`${job} dropped`), { workers: 2, backlog: 3 });
    for (const job of ["a", "b", "c", "d"]) await pool.submit(`${end} ${job}`);
    await sleep(15);
    await pool[end]();
  }
}

if (import.meta.main) main(() => demo());
