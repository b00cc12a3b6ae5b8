import { assertEquals } from "@std/assert";

const ROOT = new URL("../../../", import.meta.url);
const KEPT = [
  "serve",
  "upgradeWebSocket",
  "exit",
  "inspect",
  "createHttpClient",
  "addSignalListener",
  "removeSignalListener",
  "memoryUsage",
  "watchFs",
  "close",
  "isTerminal",
  "setRaw",
];

function* sources(folder: URL): IterableIterator<URL> {
  for (const entry of Deno.readDirSync(folder)) {
    const url = new URL(entry.isDirectory ? `${entry.name}/` : entry.name, folder);
    if (entry.isDirectory) yield* sources(url);
    else if (entry.name.endsWith(".ts")) yield url;
  }
}

Deno.test("the library calls what can be patched through originalOf()", () => {
  const direct =
    /(?:await |return |= |\(|=> |new )(?:Deno\.(?:stdin\.|stdout\.|stderr\.)?(\w+)\(|(setTimeout|setInterval|globalThis\.fetch)\()/;
  const found: string[] = [];
  for (const folder of ["hub", "sync", "green", "net"]) {
    for (const file of sources(new URL(`${folder}/`, ROOT))) {
      if (file.pathname.includes("/net/patch/")) continue;
      for (const line of Deno.readTextFileSync(file).split("\n")) {
        if (/^\s*(\*|\/\/|\/\*)/.test(line)) continue;
        const name = direct.exec(line)?.slice(1).find(Boolean);
        if (name !== undefined && !KEPT.includes(name) && !name.endsWith("Sync")) {
          found.push(`${file.pathname.slice(ROOT.pathname.length)}: ${line.trim()}`);
        }
      }
    }
  }
  assertEquals(found, []);
});
