/**
 * Calls `fn` when the program ends, with whether it ends because nothing is left to do: not when `Deno.exit()` ends
 * it. In a worker, nobody is told of the end.
 *
 * @returns Calls it off when disposed.
 */
export function atProgramEnd(fn: (ranDry: boolean) => void): Disposable {
  let last: { readonly defaultPrevented: boolean } | undefined;
  // Read at the end: another listener may call the end off.
  const beforeUnload = (event: { readonly defaultPrevented: boolean }) => void (last = event);
  const unload = () => fn(last !== undefined && !last.defaultPrevented);
  globalThis.addEventListener?.("beforeunload", beforeUnload);
  globalThis.addEventListener?.("unload", unload);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener?.("beforeunload", beforeUnload);
      globalThis.removeEventListener?.("unload", unload);
    },
  };
}
