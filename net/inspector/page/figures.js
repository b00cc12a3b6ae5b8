import { el, setText } from "./dom.js";
import { formatCount, formatMs } from "./format.js";
import { SAMPLES } from "./model.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 64;
const HEIGHT = 18;

/** The figures about the hub, two of them with what they were in the last seconds. */
export class Figures {
  #values = new Map();

  constructor(list) {
    const names = [
      ["greenlets", "Greenlets"],
      ["runnable", "Run queue", "Greenlets that could run, at each look"],
      ["lag", "Loop lag", "How late the event loop was at worst"],
      ["switches", "Switches/s"],
      ["spawned", "Spawned/s"],
      ["turns", "Turns/s", "Turns of the event loop that the hub took"],
      ["timers", "Timers"],
      ["foreignWaits", "Foreign waits", "Waits for promises that are not the library's own"],
    ];
    for (const [key, label, title = ""] of names) {
      const value = el("span", { text: "–" });
      const cell = el("dd", {}, value);
      list.append(el("div", { title }, el("dt", { text: label }), cell));
      this.#values.set(key, {
        value,
        line: key === "lag" || key === "runnable" ? sparkline(cell) : undefined,
      });
    }
  }

  show({ last, samples }) {
    const { stats, rates, lag } = last;
    const { greenlets, runnable, timers, foreignWaits } = stats;
    for (const [key, count] of Object.entries({ greenlets, runnable, timers, foreignWaits, ...rates })) {
      setText(this.#values.get(key).value, formatCount(count));
    }
    setText(this.#values.get("lag").value, formatMs(lag < 1 ? Math.round(lag) : lag));
    for (const key of ["lag", "runnable"]) {
      draw(
        this.#values.get(key).line,
        samples.map((sample) => sample[key]),
      );
    }
  }
}

function sparkline(cell) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "polyline");
  svg.append(line);
  cell.append(svg);
  return line;
}

function draw(line, values) {
  const top = Math.max(...values, 10);
  const step = WIDTH / (SAMPLES - 1);
  const left = WIDTH - (values.length - 1) * step;
  const y = (value) => HEIGHT - 1 - value / top * (HEIGHT - 2);
  line.setAttribute(
    "points",
    values.map((value, i) => `${(left + i * step).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
  );
}
