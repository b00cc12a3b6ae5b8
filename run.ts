/**
 * Runs a program that knows nothing of greenlets with everything patched, in a main greenlet:
 *
 * ```sh
 * deno run -A jsr:@verdant/green/run script.ts arguments…
 * ```
 *
 * `Deno.args` and `process.argv` are the script's. It may await at its top level; its `import.meta.main` is `false`,
 * because this program is the main one. An error of it is reported and makes the exit status 1. SIGQUIT prints
 * who waits for what to stderr, and the program goes on.
 *
 * Source: `python -m gevent.monkey`.
 *
 * @module
 */
import { main } from "./green/mod.ts";
import { runScript } from "./net/patch/run_script.ts";

if (import.meta.main) main(runScript);
