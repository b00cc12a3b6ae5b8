import { installDumpSignal } from "../../green/mod.ts";
import { until } from "../../hub/mod.ts";
import { builtin } from "../builtin.ts";
import { patchAll } from "./patch.ts";

const USAGE = "usage: deno run [options of deno] jsr:@verdant/green/run <script> [arguments]";
/** What a shell expects of a program that was called in a wrong way. */
const USAGE_STATUS = 2;

/** Patches everything and runs the script that is the first argument of the program. */
export async function runScript(): Promise<void> {
  const [script, ...args] = Deno.args;
  if (script === undefined || script.startsWith("-")) {
    console.error(USAGE);
    Deno.exitCode = USAGE_STATUS;
    return;
  }
  const url = urlOf(script);
  pretendArgs(script, args);
  if (Deno.build.os !== "windows") installDumpSignal(); // for whoever wants to know why it hangs
  patchAll();
  await until(() => import(url), { what: `the end of ${script}` });
}

/** A path is relative to where the program was started; anything else is as Deno would take it. */
function urlOf(script: string): string {
  if (/^(https?|file|jsr|npm|data):/.test(script)) return script;
  const { pathToFileURL } = builtin<{ pathToFileURL(path: string): URL }>("node:url");
  return pathToFileURL(script).href;
}

function pretendArgs(script: string, args: string[]): void {
  Object.defineProperty(Deno, "args", { value: Object.freeze(args), configurable: true, enumerable: true });
  const { process } = globalThis as { process?: { argv: string[] } };
  if (process !== undefined) process.argv = [process.argv[0]!, script, ...args];
}
