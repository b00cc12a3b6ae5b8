import type { Job } from "../../green/job.ts";
import type { Exchange } from "./exchange.ts";
import type { Encoding } from "./process_options.ts";
import type { Started } from "./start_child.ts";
import { stopChild } from "./stop_child.ts";

/**
 * Ends a process that is talked to. Its output is read meanwhile: it might block otherwise.
 *
 * @throws {Deno.errors.PermissionDenied} If it may not be signalled.
 */
export async function breakOff(
  { child, grace }: Started,
  exchange: Exchange<Encoding>,
  job: Job<void>,
): Promise<void> {
  try {
    await stopChild(child, grace);
    await exchange.settle(job);
  } finally {
    await job.kill("the command was broken off");
  }
}
