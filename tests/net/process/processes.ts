/** What processes there are, as the system sees it. */
import { sleep } from "@verdant/green";

/** One of them. */
export interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly command: string;
}

/** All of them, asked of `ps`. */
export async function processes(): Promise<Listed[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,ppid=,stat=,args="] }).output();
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return lines.map((line) => {
    const [, pid, parent, state, command] = /^ *(\d+) +(\d+) +(\S+) +(.*)$/.exec(line)!;
    return { pid: Number(pid), parent: Number(parent), state: state!, command: command! };
  });
}

/** The children of this program, zombies included; not the `ps` that was asked. */
export async function children(): Promise<Listed[]> {
  const all = await processes();
  return all.filter(({ parent, command }) => parent === Deno.pid && !command.includes("ps -eo pid=,ppid="));
}

/** Those that live and have `mark` in their command. */
export async function living(mark: string): Promise<string[]> {
  const all = await processes();
  const found = all.filter(({ command, state }) => command.includes(mark) && !state.startsWith("Z"));
  return found.map(({ command }) => command);
}

let naps = 0;

/** A number of seconds, long, and known to no other process: to be found again. */
export function longNap(): string {
  return `${600 + ++naps}.${String(Deno.pid).padStart(7, "0")}`;
}

/** Waits until there are `count` that live and have `mark` in their command. */
export async function untilLiving(mark: string, count: number): Promise<void> {
  while ((await living(mark)).length !== count) await sleep(5);
}

/** How many files this program has open. */
export function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
