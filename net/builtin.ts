/**
 * A module of Node that the platform has. Not imported at the top of a file, because loading it takes longer
 * than all of this library, and most programs do not need it.
 */
export function builtin<T>(name: `node:${string}`): T {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  const found = process?.getBuiltinModule?.(name);
  if (found === undefined) throw new Deno.errors.NotSupported(`The platform has no module ${name}`);
  return found as T;
}
