/** What the threads do: the module that they load. */
import { transfer } from "@verdant/green";

/** A part of the picture: some of its rows. */
export interface Band {
  readonly width: number;
  readonly height: number;
  /** Its first row. */
  readonly top: number;
  /** How many rows it has. */
  readonly rows: number;
}

/** The pixels of a band: red, green and blue, row by row. */
export interface Pixels {
  readonly top: number;
  readonly data: Uint8Array;
}

const LIMIT = 500;
/** The part of the plane that is seen. */
const CENTRE = { x: -0.65, y: 0 };
const SPAN = 3.2;

/** Draws a band. Its pixels move to the main thread, they are not copied. */
export function drawBand({ width, height, top, rows }: Band): Pixels {
  const data = new Uint8Array(width * rows * 3);
  const scale = SPAN / width;
  let at = 0;
  for (let row = top; row < top + rows; row++) {
    const y = CENTRE.y + (row - height / 2) * scale;
    for (let column = 0; column < width; column++, at += 3) {
      paint(data, at, escapeTime(CENTRE.x + (column - width / 2) * scale, y));
    }
  }
  transfer(data);
  return { top, data };
}

/** After how many steps a point leaves, without jumps between neighbours; `LIMIT` if it stays. */
function escapeTime(cx: number, cy: number): number {
  let x = 0, y = 0, xx = 0, yy = 0;
  for (let n = 0; n < LIMIT; n++) {
    y = 2 * x * y + cy;
    x = xx - yy + cx;
    xx = x * x;
    yy = y * y;
    if (xx + yy > 256) return n + 1 - Math.log2(Math.log2(xx + yy) / 2);
  }
  return LIMIT;
}

/** Points that stay are black; the others go from blue over white and gold to dark, and again. */
function paint(data: Uint8Array, at: number, time: number): void {
  if (time >= LIMIT) return;
  const turn = 2 * Math.PI * (0.6 + Math.log(Math.max(1, time)) / 3);
  data[at] = 127.5 * (1 - Math.cos(turn));
  data[at + 1] = 127.5 * (1 - Math.cos(turn + 0.5));
  data[at + 2] = 127.5 * (1 - Math.cos(turn + 1.2));
}
