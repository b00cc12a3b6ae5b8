/** Size of the core, minified and gzipped. `deno run -A bench/size.ts` */

const ROOT = new URL("../", import.meta.url).pathname;
const BUDGET_BYTES = 12 * 1024;

const entries: Record<string, string> = {
  "core (hub + sync + green)":
    `export * from "${ROOT}hub/mod.ts"; export * from "${ROOT}sync/mod.ts"; export * from "${ROOT}green/mod.ts";`,
  "everything (with net and testing)": `export * from "${ROOT}mod.ts";`,
  "hub": `export * from "${ROOT}hub/mod.ts";`,
  "hub + sync": `export * from "${ROOT}sync/mod.ts";`,
  "a program with spawn, sleep, Queue": `export { spawn, sleep, Queue } from "${ROOT}mod.ts";`,
};

async function gzippedSize(source: string): Promise<[minified: number, gzipped: number]> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/entry.ts`, source);
    const command = new Deno.Command(Deno.execPath(), {
      args: [
        "bundle",
        "--quiet",
        "--minify",
        "--platform",
        "deno",
        `${folder}/entry.ts`,
        "-o",
        `${folder}/out.js`,
      ],
      stderr: "piped",
    });
    const { success, stderr } = await command.output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const code = await Deno.readFile(`${folder}/out.js`);
    const zipped = new Blob([code]).stream().pipeThrough(new CompressionStream("gzip"));
    return [code.length, (await new Response(zipped).bytes()).length];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [name, source] of Object.entries(entries)) {
  const [minified, gzipped] = await gzippedSize(source);
  console.log(
    `${name.padEnd(36)}${String(minified).padStart(7)} B minified${String(gzipped).padStart(7)} B gzipped`,
  );
}
console.log(`budget for the core: ${BUDGET_BYTES} B gzipped`);
