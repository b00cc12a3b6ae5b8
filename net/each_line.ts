import type { WaitOptions } from "../hub/mod.ts";

/** The lines of whatever can be read line by line, to its end. */
export async function* eachLine<O extends WaitOptions>(
  source: { readLine(options?: O): Promise<string | null> },
  options: O | undefined,
): AsyncGenerator<string, void, void> {
  for (let line = await source.readLine(options); line !== null; line = await source.readLine(options)) {
    yield line;
  }
}
