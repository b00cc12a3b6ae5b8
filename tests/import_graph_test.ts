import { assert, assertEquals } from "@std/assert";

/** Who may import whom: a folder only what stands before it. */
const ORDER = ["hub", "sync", "green", "net"];
/** The adapters: entry points of their own, the only files that depend on more than the core of the platform. */
const ADAPTERS: Record<string, string> = {
  "green/db/postgres.ts": "package:pg",
  "green/db/sqlite.ts": "node:sqlite",
};
const ROOT = new URL("../", import.meta.url);

function* sources(folder: string): IterableIterator<URL> {
  const url = new URL(`${folder}/`, ROOT);
  for (const entry of Deno.readDirSync(url)) {
    if (entry.isDirectory) yield* sources(`${folder}/${entry.name}`);
    else if (entry.name.endsWith(".ts")) yield new URL(entry.name, url);
  }
}

function importsOf(file: URL): URL[] {
  const text = Deno.readTextFileSync(file).replace(/\/\*[\s\S]*?\*\//g, "");
  const specifiers = [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom "([^"]+)"/gm)]
    .filter(([statement]) => !/^import type [^;]*"node:/.test(statement)) // only the platform's types
    .map((match) => match[1]!);
  return specifiers.map((specifier) => {
    if (specifier.startsWith(".")) return new URL(specifier, file);
    return new URL(URL.canParse(specifier) ? specifier : `package:${specifier}`);
  });
}

const folders = ORDER.filter((folder) => {
  try {
    return Deno.statSync(new URL(folder, ROOT)).isDirectory;
  } catch {
    return false;
  }
});
const pathOf = (url: URL) => url.href.slice(ROOT.href.length);
const folderOf = (url: URL) => pathOf(url).split("/")[0]!;

Deno.test("imports point one way only: net → green → sync → hub", () => {
  const wrong: string[] = [];
  let arrows = 0;
  for (const folder of folders) {
    for (const file of sources(folder)) {
      for (const target of importsOf(file)) {
        arrows++;
        if (target.protocol === "node:" && folderOf(file) === "hub") continue;
        if (ADAPTERS[pathOf(file)] === target.href) continue;
        const inside = target.href.startsWith(ROOT.href);
        if (!inside || ORDER.indexOf(folderOf(target)) > ORDER.indexOf(folder)) {
          wrong.push(`${file.pathname} imports ${target.href}`);
        }
      }
    }
  }
  assertEquals(wrong, []);
  assert(arrows > 50, `only ${arrows} imports were found`);
});

Deno.test("no file of the library imports an adapter: without them it depends on no package", () => {
  const adapters = Object.keys(ADAPTERS).map((path) => new URL(path, ROOT));
  for (const adapter of adapters) assert(Deno.statSync(adapter).isFile);
  const files = [new URL("mod.ts", ROOT), ...folders.flatMap((folder) => [...sources(folder)])];
  const wrong = files.filter((file) =>
    importsOf(file).some((target) => adapters.some(({ href }) => href === target.href))
  );
  assertEquals(wrong.map(pathOf), []);
});

/** The files whose values a file needs when it is loaded: imports of types alone vanish. */
function valueImportsOf(file: URL): URL[] {
  const text = Deno.readTextFileSync(file).replace(/\/\*[\s\S]*?\*\//g, "");
  const imports = [...text.matchAll(/^(?:import|export) (?!type\b)([^;]*?)\bfrom "(\.[^"]+)"/gm)];
  const needed = imports.filter(([, names]) => {
    const inner = /\{([\s\S]*)\}/.exec(names!)?.[1];
    return inner === undefined || inner.split(",").some((name) => /^\s*(?!type\b)\w/.test(name));
  });
  return needed.map(([, , specifier]) => new URL(specifier!, file));
}

Deno.test("no file needs itself by way of the values that it imports", () => {
  const cleared = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: URL, path: string[]): void => {
    const seenAt = path.indexOf(file.pathname);
    if (seenAt >= 0) cycles.push([...path.slice(seenAt), file.pathname].join(" -> "));
    if (seenAt >= 0 || cleared.has(file.pathname)) return;
    for (const target of valueImportsOf(file)) visit(target, [...path, file.pathname]);
    cleared.add(file.pathname);
  };
  for (const folder of folders) for (const file of sources(folder)) visit(file, []);
  assertEquals(cycles, []);
  assert(cleared.size > 50);
});

Deno.test("no package.json and no node_modules are in the repository", () => {
  const names = [...Deno.readDirSync(ROOT)].map((entry) => entry.name);
  assert(!names.includes("package.json") && !names.includes("node_modules"));
});
