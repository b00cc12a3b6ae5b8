import { shield } from "../../green/shield.ts";
import { sleep } from "../../green/sleep.ts";
import type { Child } from "./child.ts";

/**
 * Ends a process and its group: SIGTERM, and SIGKILL for those who still live after `grace` ms. Returns when the
 * process has been reaped. Kills and time-outs are held back meanwhile.
 *
 * @throws {Deno.errors.PermissionDenied} If it may not be signalled.
 */
export function stopChild(child: Child, grace: number): Promise<void> {
  return shield(() => stop(child, grace));
}

async function stop(child: Child, grace: number): Promise<void> {
  const { hub } = child;
  const deadline = hub.now() + grace;
  child.sendSignal("SIGTERM");
  const ended = await child.ended({ timeout: grace }) !== undefined;
  if (ended && await vanished(child, Math.max(0, deadline - hub.now()))) return;
  child.sendSignal("SIGKILL");
  await child.ended();
}

async function vanished({ group }: Child, limit: number): Promise<boolean> {
  return group === undefined || await group.vanish(limit, sleep);
}
