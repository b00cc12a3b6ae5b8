/** What the import of mod.ts adds to the start of a program. `deno run -A bench/startup.ts` */

const ROOT = new URL("../", import.meta.url).pathname;
const RUNS = 21;
const BUDGET_MS = 30;

const programs = { empty: "export {};", "import of mod.ts": `import "${ROOT}mod.ts";` };

async function start(file: string): Promise<number> {
  const begin = performance.now();
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--config", `${ROOT}deno.json`, file],
  });
  const { success } = await command.output();
  if (!success) throw new Error(`cannot run ${file}`);
  return performance.now() - begin;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const folder = await Deno.makeTempDir();
const times = new Map<string, number[]>();
for (const [name, source] of Object.entries(programs)) {
  const file = `${folder}/${times.size}.ts`;
  await Deno.writeTextFile(file, source);
  await start(file); // fills the cache
  times.set(name, []);
}
for (let run = 0; run < RUNS; run++) {
  for (const [i, samples] of [...times.values()].entries()) samples.push(await start(`${folder}/${i}.ts`));
}
await Deno.remove(folder, { recursive: true });
const [empty, full] = [...times.values()].map(median) as [number, number];
console.log(`empty program    ${empty.toFixed(1)} ms (median of ${RUNS})`);
console.log(`import of mod.ts ${full.toFixed(1)} ms`);
console.log(`difference       ${(full - empty).toFixed(1)} ms, budget ${BUDGET_MS} ms`);
