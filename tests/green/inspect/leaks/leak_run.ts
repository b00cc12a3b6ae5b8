import { assertEquals } from "@std/assert";

/** The one door, for programs that come as text. */
export const HOUSE: string = new URL("../../../../mod.ts", import.meta.url).href;
const PROGRAM = new URL("leak_program.ts", import.meta.url);
const decoder = new TextDecoder();

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function output(args: string[], input?: string): Promise<Outcome> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--v8-flags=--expose-gc", ...args],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(80_000),
  });
  await using child = command.spawn();
  await new Blob([input ?? ""]).stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await child.output();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Runs the scenarios of a kind in a process of their own. */
export async function scenarios<T>(kind: string): Promise<Record<string, T>> {
  const { code, out, err } = await output(["-A", PROGRAM.href, kind]);
  assertEquals({ code, err }, { code: 0, err: "" });
  return JSON.parse(out);
}

/** Runs a program as a process of its own, with the names it needs of the library and `collect(turns)`. */
export function run(names: string, program: string, permissions: string[] = []): Promise<Outcome> {
  const collect = `const collect = async (turns) => {
    for (let i = 0; i < turns; i++) {
      gc();
      await sleep(1);
    }
  };`;
  return output(
    [...permissions, "-"],
    `import { leakHints, sleep, ${names} } from ${JSON.stringify(HOUSE)};\n${collect}\n${program}`,
  );
}
