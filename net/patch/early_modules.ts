import { builtin } from "../builtin.ts";

/** As many names as a line takes. */
const MOST_NAMES = 5;

/** Packages that were named once, or were loaded while everything was patched. */
const known = new Set<string>();

/**
 * CommonJS packages that are loaded may have put originals into variables: nobody can tell, so they are named,
 * each one once.
 */
export function warnOfEarlyModules(): void {
  const names = newPackages();
  noteModules();
  if (names.length === 0) return;
  const some = names.slice(0, MOST_NAMES).join(", ") + (names.length > MOST_NAMES ? ", …" : "");
  console.warn(
    `patch(): loaded before, so they may go on using what they found: ${some}. Patch first, import later.`,
  );
}

/** What has been loaded by now is no reason to warn. */
export function noteModules(): void {
  for (const name of newPackages()) known.add(name);
}

function newPackages(): string[] {
  const { _cache: loaded = {} } = builtin<{ _cache?: Record<string, unknown> }>("node:module");
  const names = Object.keys(loaded).map(packageOf);
  return [...new Set(names)].filter((name) => name !== undefined && !known.has(name)) as string[];
}

function packageOf(file: string): string | undefined {
  const [, name] = /.*(?:node_modules|registry\.npmjs\.org)[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file) ?? [];
  return name;
}
