import { sleep } from "@verdant/green";

/** Makes a named pipe: who opens it to read waits until somebody opens it to write. */
export function makePipe(path: string): string {
  const { success } = new Deno.Command("mkfifo", { args: [path] }).outputSync();
  if (!success) throw new Error(`Cannot make pipe ${path}`);
  return path;
}

/** Lets those who wait for a writer open the pipe, and waits until they have closed it again. */
export async function readerIsGone(path: string): Promise<void> {
  using writer = Deno.openSync(path, { write: true });
  try {
    for (;; await sleep(1)) writer.writeSync(new Uint8Array(1));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
