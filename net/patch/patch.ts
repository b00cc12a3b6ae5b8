import { fileReplacements } from "./files.ts";
import { dnsReplacements, fetchReplacements, networkReplacements, webSocketReplacements } from "./network.ts";
import { nodeReplacements } from "./node.ts";
import { processReplacements } from "./process.ts";
import { Replaced, type Replacement } from "./replacement.ts";
import { timerReplacements } from "./timers.ts";
import { noteModules, warnOfEarlyModules } from "./early_modules.ts";

/**
 * What can be patched.
 *
 * - `fetch`: the global function
 * - `webSocket`: the global class
 * - `timers`: `setTimeout`, `setInterval` and what ends them
 * - `net`: `Deno.connect`, `Deno.listen` and their TLS kin, with the connections and listeners they make
 * - `dns`: `Deno.resolveDns`
 * - `files`: the file functions of `Deno`, with the files they open, and the standard streams
 * - `process`: `Deno.Command`, `Deno.spawn` and `Deno.spawnAndWait`, with the children they start
 * - `node`: the promises of `node:timers`, `node:fs` and `node:dns`
 *
 * @example All but one
 * ```ts
 * import { patchAll, type PatchName } from "@verdant/green";
 *
 * const left: PatchName = "timers";
 * using _patches = patchAll({ [left]: false });
 * ```
 */
export type PatchName = "fetch" | "webSocket" | "timers" | "net" | "dns" | "files" | "process" | "node";

/**
 * Which parts to patch.
 *
 * @example Two
 * ```ts
 * import { patch, type PatchOptions } from "@verdant/green";
 *
 * const options: PatchOptions = { fetch: true, dns: true };
 * using _patches = patch(options);
 * ```
 */
export type PatchOptions = { [name in PatchName]?: boolean | undefined };

const PARTS: { readonly [name in PatchName]: () => Replacement[] } = {
  fetch: fetchReplacements,
  webSocket: webSocketReplacements,
  timers: timerReplacements,
  net: networkReplacements,
  dns: dnsReplacements,
  files: fileReplacements,
  process: processReplacements,
  node: nodeReplacements,
};
const NAMES = /* @__PURE__ */ Object.keys(PARTS) as PatchName[];
/** What packages that are not made for Deno use. */
const SEEN_BY_PACKAGES: readonly PatchName[] = ["fetch", "webSocket", "timers", "node"];

/** A part that is patched, by whoever asked for it and has not taken that back. */
interface Part {
  users: number;
  readonly replaced: ReadonlyMap<string, Replaced>;
}

const parts = new Map<PatchName, Part>();
/** Counts the calls of `unpatch()`: what was patched before is nobody's to take back any more. */
let epoch = 0;

/**
 * Makes functions of the platform wait through the hub when a greenlet calls them, so that code which knows
 * nothing of greenlets can be killed and timed out in them, keeps the order of the run queue and shows up in
 * reports. What they were doing is aborted where the platform can abort it, and otherwise closed when it arrives;
 * bytes, connections and files that arrive for nobody are kept for the next caller or closed. Outside of
 * greenlets they are what they were.
 *
 * Only what is looked up at the time of the call can be replaced: properties of `globalThis`, of `Deno` and of
 * the default exports of `node:` modules. What a module has imported by name, or put into a variable before,
 * stays as it is; a warning names CommonJS packages that were loaded before.
 *
 * Source: `gevent.monkey.patch_all`, `eventlet.monkey_patch`.
 *
 * @param options Which parts: those that are `true`; if none is, all that are not `false`.
 * @returns Takes it back when disposed. Several may be in force at once, in any order.
 * @throws {TypeError} If a name is unknown; then nothing is patched.
 *
 * @example A time-out for code that has none
 * ```ts
 * import { patch, spawn, Timeout, withTimeout } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * async function greetingOf(url: string) { // from some package
 *   return await (await fetch(url)).text();
 * }
 * using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 }); // answers nobody
 * using _patches = patch({ fetch: true });
 * const url = `http://127.0.0.1:${(silent.addr as Deno.NetAddr).port}`;
 * await spawn(() => assertRejects(() => withTimeout(5, () => greetingOf(url)), Timeout)).get();
 * ```
 */
export function patch(options: PatchOptions = {}): Disposable {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) {
    throw new TypeError(`Cannot patch: expected some of ${NAMES.join(", ")}, received ${unknown}`);
  }
  const named = NAMES.filter((name) => options[name] === true);
  return apply(named.length > 0 ? named : NAMES.filter((name) => options[name] !== false));
}

/**
 * As {@linkcode patch}, everything but what is `false`.
 *
 * Source: `gevent.monkey.patch_all`.
 *
 * @throws {TypeError} If a name is unknown; then nothing is patched.
 *
 * @example For a whole program
 * ```ts
 * import { isPatched, patchAll, unpatch } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * patchAll({ timers: false });
 * assert(isPatched("fetch") && !isPatched("timers"));
 * unpatch();
 * ```
 */
export function patchAll(options: PatchOptions = {}): Disposable {
  const all = Object.fromEntries(NAMES.map((name) => [name, options[name] !== false]));
  return patch({ ...options, ...all });
}

/**
 * Puts every original back, whoever patched it.
 *
 * @example Start from scratch
 * ```ts
 * import { isPatched, patchAll, unpatch } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * patchAll();
 * unpatch();
 * assert(!isPatched("fetch"));
 * ```
 */
export function unpatch(): void {
  epoch++;
  for (const name of parts.keys()) restore(name);
}

/**
 * Whether a part, or a function by the name that {@linkcode original} takes, is patched.
 *
 * Source: `gevent.monkey.is_module_patched`, `eventlet.patcher.is_monkey_patched`.
 *
 * @example Both kinds of names
 * ```ts
 * import { isPatched, patch } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * using _patches = patch({ net: true });
 * assert(isPatched("net") && isPatched("Deno.connect") && !isPatched("dns"));
 * ```
 */
export function isPatched(name: string): boolean {
  return parts.has(name as PatchName) || find(name) !== undefined;
}

/**
 * What a function was before it was patched; the function itself if it is not.
 *
 * Source: `gevent.monkey.get_original`, `eventlet.patcher.original`.
 *
 * @param name Its path: `"fetch"`, `"Deno.connect"`, `"node:fs/promises.readFile"`.
 * @throws {TypeError} If nothing by this name can be patched.
 *
 * @example Past the hub
 * ```ts
 * import { original, patch } from "@verdant/green";
 * import { assertNotEquals, assertStrictEquals } from "@std/assert";
 *
 * const before = fetch;
 * using _patches = patch({ fetch: true });
 * assertNotEquals(fetch, before);
 * assertStrictEquals(original("fetch"), before);
 * ```
 */
// deno-lint-ignore no-explicit-any -- functions of every signature
export function original(name: string): (...args: any[]) => any {
  const replaced = find(name);
  if (replaced !== undefined) return replaced.original;
  for (const part of NAMES) {
    const replacement = PARTS[part]().find(({ path }) => path === name);
    // deno-lint-ignore no-explicit-any -- functions of every signature
    if (replacement !== undefined) return (replacement.target() as any)[replacement.key];
  }
  throw new TypeError(`Cannot find original: nothing that can be patched is called ${name}`);
}

function find(path: string): Replaced | undefined {
  for (const { replaced } of parts.values()) {
    const found = replaced.get(path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function apply(names: PatchName[]): Disposable {
  const added = names.filter((name) => !parts.has(name));
  const made = new Map(added.map((name) => [name, PARTS[name]()]));
  if (added.some((name) => SEEN_BY_PACKAGES.includes(name))) warnOfEarlyModules();
  for (const [name, replacements] of made) enter(name, replacements, added);
  for (const name of names) parts.get(name)!.users++;
  return takingBack(names);
}

function takingBack(names: PatchName[]): Disposable {
  const begun = epoch;
  let over = false;
  return {
    [Symbol.dispose]() {
      if (over || begun !== epoch) return;
      over = true;
      for (const name of names) leave(name);
    },
  };
}

/** Replaces all of a part; if that fails, nothing of what is being added stays replaced. */
function enter(name: PatchName, replacements: Replacement[], added: PatchName[]): void {
  const replaced = new Map<string, Replaced>();
  parts.set(name, { users: 0, replaced });
  try {
    for (const replacement of replacements) replaced.set(replacement.path, new Replaced(replacement));
  } catch (error) {
    for (const begun of added) if (parts.has(begun)) restore(begun);
    throw error;
  }
}

function leave(name: PatchName): void {
  if (--parts.get(name)!.users === 0) restore(name);
}

function restore(name: PatchName): void {
  if (SEEN_BY_PACKAGES.includes(name)) noteModules();
  for (const [path, replaced] of [...parts.get(name)!.replaced].reverse()) {
    if (!replaced.undo()) {
      console.warn(`unpatch(): ${path} was replaced by something else since, and stays so`);
    }
  }
  parts.delete(name);
}
