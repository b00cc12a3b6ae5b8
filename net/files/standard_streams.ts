import { originalOf } from "../../hub/mod.ts";
import type { RawFile } from "./raw_file.ts";
import { TextFile } from "./text_file.ts";

/**
 * Standard input, as text; `stdin.bytes` as bytes.
 *
 * A read that is killed or times out loses nothing of what is typed: the next one gets it. While no greenlet waits
 * for input, the read that is under way does not keep the process alive (as far as the platform can do that: Deno
 * 2 can). Nothing is read before somebody asks. Do not read from `Deno.stdin` beside it.
 *
 * Source: `sys.stdin` under gevent's `monkey.patch_sys()`; eventlet's `GreenPipe`.
 *
 * @example Ask, but not for ever
 * ```ts
 * import { stdin, stdout } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * async function askName(): Promise<string | null> {
 *   await stdout.write("Your name? ");
 *   return await stdin.readLine({ timeout: 10_000 });
 * }
 * assertEquals([askName.length, stdin.name], [0, "stdin"]); // nobody is asked in a test
 * ```
 */
export const stdin: TextFile = /* @__PURE__ */ new TextFile(/* @__PURE__ */ standardInput(), {
  name: "stdin",
});

/**
 * Standard output, for text; `stdout.bytes` for bytes. Each write is handed to the platform at once, and waits until
 * it has taken it. If nobody reads it any more, that is a `Deno.errors.BrokenPipe`.
 *
 * Source: `sys.stdout` under gevent's `monkey.patch_sys()`; eventlet's `GreenPipe`.
 *
 * @example Without a newline
 * ```ts
 * import { stdout } from "@verdant/green";
 *
 * await stdout.write("working ");
 * await stdout.write("done\n");
 * ```
 */
export const stdout: TextFile = /* @__PURE__ */ new TextFile(/* @__PURE__ */ standardOutput("stdout"), {
  name: "stdout",
  bufferSize: 0,
});

/**
 * Standard error output, as {@linkcode stdout}.
 *
 * Source: `sys.stderr` under gevent's `monkey.patch_sys()`; eventlet's `GreenPipe`.
 *
 * @example Complain
 * ```ts
 * import { stderr } from "@verdant/green";
 *
 * await stderr.write("something is not as it should be\n");
 * ```
 */
export const stderr: TextFile = /* @__PURE__ */ new TextFile(/* @__PURE__ */ standardOutput("stderr"), {
  name: "stderr",
  bufferSize: 0,
});

// `Deno` is asked when something is done, not when this file is loaded.

function standardInput(): RawFile {
  return {
    read: (into) => originalOf(Deno.stdin.read).call(Deno.stdin, into),
    close: () => Deno.stdin.close(),
    isTerminal: () => Deno.stdin.isTerminal(),
    setRaw: (raw, options) => Deno.stdin.setRaw(raw, options),
    ref: () => callInternal("REF"),
    unref: () => callInternal("UNREF"),
  };
}

function standardOutput(stream: "stdout" | "stderr"): RawFile {
  return {
    write: (data) => Deno[stream].write(data),
    close: () => Deno[stream].close(),
    isTerminal: () => Deno[stream].isTerminal(),
  };
}

/** What Deno's own `process.stdin` calls. Where it is missing a pending read keeps the process alive. */
function callInternal(name: "REF" | "UNREF"): void {
  const { stdin } = Deno;
  const symbols = Object.getOwnPropertySymbols(Object.getPrototypeOf(stdin));
  const key = symbols.find(({ description }) => description === name);
  if (key !== undefined) (stdin as unknown as Record<symbol, () => void>)[key]!();
}
