/**
 * Makes code that knows nothing of greenlets cooperate: functions of the platform, and of packages, that can be
 * killed and timed out in greenlets.
 *
 * @example For a block
 * ```ts
 * import { patch } from "@verdant/green/patch";
 * import { spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using _patches = patch({ fetch: true });
 * const page = spawn(async () => await (await fetch("data:text/plain,hello")).text());
 * assertEquals(await page.get(), "hello");
 * ```
 *
 * @module
 */
export { importPatched } from "./net/patch/import_patched.ts";
export {
  isPatched,
  original,
  patch,
  patchAll,
  type PatchName,
  type PatchOptions,
  unpatch,
} from "./net/patch/patch.ts";
export { greenify, type GreenifyHooks, type MethodHooks } from "./green/greenify.ts";
