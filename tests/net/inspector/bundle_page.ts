/**
 * Puts the files of the inspector's page into one module, because only modules are loaded wherever the library is:
 *
 *     deno run --allow-read --allow-write tests/net/inspector/bundle_page.ts
 */
const FOLDER = new URL("../../../net/inspector/page/", import.meta.url);
/** What is imported stands before who imports it. */
const SCRIPTS = [
  "format",
  "dom",
  "events",
  "feed",
  "model",
  "outline",
  "figures",
  "strip",
  "list",
  "details",
  "main",
];

/** Where the bundle is. */
export const BUNDLE: URL = new URL("bundle.ts", FOLDER);

/** What it must say. */
export function bundlePage(): string {
  const html = read("page.html");
  const script = SCRIPTS.map((name) => withoutModules(read(`${name}.js`))).join("\n");
  return [
    "// The files of this folder in one module. Do not edit: run tests/net/inspector/bundle_page.ts.\n",
    ...Object.entries({ html, css: read("page.css"), script }).map(([name, text]) =>
      `/** What the page is made of. */\nexport const ${name}: string = ${literal(text)};\n`
    ),
  ].join("\n");
}

function read(name: string): string {
  return Deno.readTextFileSync(new URL(name, FOLDER));
}

/** As a part of one script, in a scope of its own. */
function withoutModules(script: string): string {
  const names = [...script.matchAll(/^export (?:class|function|const) (\w+)/gm)].map((match) => match[1]!);
  const body = script.replace(/^import [^;]*;\n/gm, "").replace(/^export /gm, "").trim();
  if (names.length === 0) return `{\n${body}\n}`;
  return `const { ${names.join(", ")} } = (() => {\n${body}\nreturn { ${names.join(", ")} };\n})();`;
}

function literal(text: string): string {
  return `\`${text.trim().replace(/[\\`]|\$\{/g, "\\$&")}\``;
}

if (import.meta.main) Deno.writeTextFileSync(BUNDLE, bundlePage());
