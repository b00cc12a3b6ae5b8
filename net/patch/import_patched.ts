import { greenify, type GreenifyHooks } from "../../green/greenify.ts";
import { quiet, until } from "../../hub/mod.ts";
import { noteModules } from "./early_modules.ts";
import { patch } from "./patch.ts";

/**
 * Loads a module and gives a view of it whose functions wait through the hub: {@linkcode greenify} for a module.
 * What its classes make are views, too. While it is loaded, everything is patched, so that what the module puts
 * into variables is patched for good. Switches.
 *
 * Source: `eventlet.import_patched`.
 *
 * @typeParam M The module.
 * @param load Imports it: `() => import("npm:pg")`. Or its specifier, which is then not relative to the caller.
 * @param hooks As for {@linkcode greenify}: what to do about interrupted operations, and which results are views.
 * @returns The view.
 * @throws {TypeError} If it is neither a function nor a string.
 * @throws What importing it throws.
 *
 * @example A module that knows nothing of greenlets
 * ```ts
 * import { importPatched, Timeout, withTimeout } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const events = await importPatched(() => import("node:events"));
 * const target = new EventTarget(); // nothing happens to it
 * await assertRejects(() => withTimeout(5, () => events.once(target, "never")), Timeout);
 * ```
 */
export function importPatched<M extends object>(
  load: (() => Promise<M>) | string,
  hooks: GreenifyHooks<M> = {},
): Promise<M> {
  if (typeof load !== "function" && typeof load !== "string") {
    throw new TypeError(`Cannot import: expected a function or a specifier, received ${String(load)}`);
  }
  return quiet(loadPatched(load, hooks));
}

async function loadPatched<M extends object>(
  load: (() => Promise<M>) | string,
  hooks: GreenifyHooks<M>,
): Promise<M> {
  noteModules(); // nobody says that all is to be patched
  using _patches = patch();
  const what = typeof load === "string" ? load : "a module";
  return greenify(
    await until(() => typeof load === "string" ? import(load) as Promise<M> : load(), { what }),
    hooks,
  );
}
