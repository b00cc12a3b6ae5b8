/**
 * Draws the Mandelbrot set with all cores, shows how far it is, and writes a PNG.
 *
 *     deno run --allow-read --allow-write examples/mandelbrot.ts [file] [width]
 */
import { main, spawn, tasks, ThreadPool } from "@verdant/green";
// deno-lint-ignore no-import-prefix -- only this example needs it
import { encode } from "npm:fast-png@^8.0.0";
import type { Band } from "./mandelbrot/band.ts";
import { type Progress, showProgress } from "./mandelbrot/progress.ts";

const ROWS = 16;
const { drawBand } = tasks<typeof import("./mandelbrot/band.ts")>(
  new URL("./mandelbrot/band.ts", import.meta.url),
);

function* bands(width: number, height: number): IterableIterator<Band> {
  for (let top = 0; top < height; top += ROWS) {
    yield { width, height, top, rows: Math.min(ROWS, height - top) };
  }
}

async function draw(width: number, height: number): Promise<Uint8Array> {
  const picture = new Uint8Array(width * height * 3);
  const progress: Progress = { done: 0, all: Math.ceil(height / ROWS) };
  await using pool = new ThreadPool();
  await using _bar = spawn(showProgress, progress);
  for await (const { top, data } of pool.imapUnordered(drawBand, bands(width, height))) {
    picture.set(data, top * width * 3);
    progress.done++;
  }
  return picture;
}

main(async () => {
  const [file = "mandelbrot.png", size = "1200"] = Deno.args;
  const width = Number(size);
  const height = Math.round(width * 3 / 4);
  const start = performance.now();
  const data = await draw(width, height);
  const ms = performance.now() - start;
  await Deno.writeFile(file, encode({ width, height, data, channels: 3, depth: 8 }));
  console.log(`${file}: ${width} × ${height}, drawn in ${ms.toFixed()} ms`);
});
