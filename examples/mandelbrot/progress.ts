import { sleep } from "@verdant/green";

const WIDTH = 40;

/** How far something is. */
export interface Progress {
  done: number;
  readonly all: number;
}

/** A bar of text. */
export function bar({ done, all }: Progress): string {
  const full = Math.floor(WIDTH * done / all);
  const percent = Math.floor(100 * done / all);
  return `[${"#".repeat(full)}${"-".repeat(WIDTH - full)}] ${String(percent).padStart(3)} %`;
}

/** Shows the bar until it is killed; where there is no terminal, only how it ends. */
export async function showProgress(progress: Progress): Promise<void> {
  const terminal = Deno.stdout.isTerminal();
  const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
  try {
    for (;;) {
      if (terminal) write(`\r${bar(progress)}`);
      await sleep(100);
    }
  } finally {
    write(`${terminal ? "\r" : ""}${bar(progress)}\n`);
  }
}
