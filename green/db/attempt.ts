import { GreenletExit, Timeout } from "../../hub/mod.ts";
import { Job } from "../job.ts";

/**
 * Runs `fn` in a greenlet of its own and waits for it, but not longer than `limit` (ms): whatever it awaits, the
 * wait ends. If it does so too early, `fn` is interrupted where it waits, and left to itself.
 *
 * @throws {Timeout} If it takes too long.
 */
export async function attempt<T>(what: string, limit: number, fn: () => T | PromiseLike<T>): Promise<T> {
  const job = startJob(what, fn);
  try {
    if (!await job.join({ timeout: limit })) throw new Timeout(limit, { message: what });
  } catch (error) {
    job.throw(error as Error);
    throw error;
  }
  return resultOf(job);
}

/** Runs `fn` in a greenlet with a name. */
export function startJob<T>(name: string, fn: () => T | PromiseLike<T>): Job<T> {
  const job = new Job<T>(fn);
  job.name = name;
  job.start();
  return job;
}

/** What a greenlet has ended with. Does not switch. */
export function resultOf<T>({ failed, outcome }: Job<T>): T {
  if (failed || outcome instanceof GreenletExit) throw outcome;
  return outcome as T;
}
