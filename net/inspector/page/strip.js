import { el, setChildren, setText } from "./dom.js";
import { formatMs, formatPercent } from "./format.js";
import { PARTS } from "./model.js";

const PALETTE = 8;
const LEGEND = 6;
const OTHERS = "others";

/** Who ran in the last ten seconds: a column for each part, as high as the share of the time that somebody ran. */
export class Strip {
  #canvas = document.querySelector("#strip canvas");
  #legend = document.querySelector("#legend");
  #busy = document.querySelector("#busy");
  #tip = document.querySelector("#tip");
  #model = undefined;
  #pointer = undefined;
  #onPick;

  /** `onPick` gets the number of the greenlet that was clicked on. */
  constructor(onPick) {
    this.#onPick = onPick;
    const canvas = this.#canvas;
    canvas.addEventListener("pointermove", (event) => this.#point(event.offsetX));
    canvas.addEventListener("pointerdown", (event) => this.#point(event.offsetX));
    canvas.addEventListener(
      "pointerleave",
      ({ pointerType }) => pointerType === "mouse" && this.#point(undefined),
    );
    document.addEventListener("pointerdown", ({ target }) => target !== canvas && this.#point(undefined));
    canvas.addEventListener("click", () => this.#pick());
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  show(model) {
    this.#model = model;
    this.#draw();
    this.#showLegend();
    this.#point(this.#pointer);
  }

  #draw() {
    if (this.#model?.last === undefined) return;
    const canvas = this.#canvas;
    const scale = devicePixelRatio;
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    const { strip } = this.#model.last;
    const palette = resolveColors();
    const x = (part) => Math.round((part - strip.current + PARTS) / PARTS * width);
    for (const { part, shares } of this.#model.parts) {
      const left = x(part);
      let bottom = height;
      for (const { name, id, time } of shares) {
        // What runs for a moment is to be seen, too.
        const high = Math.max(time / 1000 / strip.width * height, scale);
        context.fillStyle = id < 0 ? palette.others : palette[colorOf(kindOf(name))];
        context.fillRect(left, bottom - high, Math.max(x(part + 1) - left, scale), high);
        bottom -= high;
      }
    }
  }

  #showLegend() {
    const { parts, last } = this.#model;
    const times = totals(parts, kindOf);
    const whole = PARTS * last.strip.width * 1000;
    const sum = times.reduce((all, { time }) => all + time, 0);
    const percent = (time) => formatPercent(time / whole);
    const named = times.filter(({ name }) => name !== OTHERS).slice(0, LEGEND);
    const entries = named.map(({ name, time }) => [name, percent(time)]);
    setChildren(
      this.#legend,
      [entries],
      () => entries.map(([name, share]) => el("li", {}, swatch(name), `${name} ${share}`)),
    );
    setText(this.#busy, `${percent(sum)} busy`);
    const said = entries.map(([name, share]) => `${name} ${share}`).join(", ");
    this.#canvas.setAttribute("aria-label", `Who ran in the last ten seconds: busy ${percent(sum)}. ${said}`);
  }

  /** Says who ran at a place (px). */
  #point(x) {
    this.#pointer = x;
    const times = x === undefined ? [] : totals(this.#near(x));
    this.#tip.hidden = times.length === 0;
    if (times.length === 0) return;
    const entries = times.slice(0, 6).map(({ name, time }) => [name, formatMs(time / 1000)]);
    setChildren(this.#tip, [entries], () => [
      el(
        "ul",
        {},
        ...entries.map(([name, time]) =>
          el("li", {}, swatch(name), el("span", { text: name }), el("b", { text: time }))
        ),
      ),
    ]);
    const room = this.#canvas.clientWidth - this.#tip.offsetWidth;
    this.#tip.style.left = `${Math.max(0, Math.min(x + 8, room))}px`;
  }

  /** The parts around a place: a finger is wide. */
  #near(x) {
    const { parts, last } = this.#model ?? {};
    if (last === undefined) return [];
    const perPixel = PARTS / this.#canvas.clientWidth;
    const at = last.strip.current - PARTS + x * perPixel;
    const reach = Math.max(1, 3 * perPixel);
    return parts.filter(({ part }) => Math.abs(part + 0.5 - at) <= reach);
  }

  #pick() {
    const near = this.#pointer === undefined ? [] : this.#near(this.#pointer);
    const shares = near.flatMap((part) => part.shares).filter(({ id }) => id >= 0);
    if (shares.length > 0) this.#onPick(shares.reduce((a, b) => b.time > a.time ? b : a).id);
  }
}

/** How long (µs) each ran, by name or kind, the longest first. */
function totals(parts, keyOf = (name) => name) {
  const times = new Map();
  for (const { shares } of parts) {
    for (const { name, id, time } of shares) {
      const key = id < 0 ? OTHERS : keyOf(name);
      times.set(key, (times.get(key) ?? 0) + time);
    }
  }
  return [...times].map(([name, time]) => ({ name, time })).sort((a, b) => b.time - a.time);
}

/** `"worker 7"` and `"worker 8"` are of one kind. */
function kindOf(name) {
  return name.replace(/\d+/g, "*");
}

/** Kinds have their colors in the order in which they are seen: the first ones differ. */
const colors = new Map();
function colorOf(kind) {
  if (!colors.has(kind)) colors.set(kind, colors.size % PALETTE);
  return colors.get(kind);
}

function swatch(name) {
  const square = el("i");
  square.style.background = name === OTHERS ? "var(--others)" : `var(--p${colorOf(kindOf(name))})`;
  return square;
}

/** The colors of the theme: a canvas knows no variables, but an element does. */
function resolveColors() {
  const probe = el("i", { hidden: true });
  document.body.append(probe);
  const resolve = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const palette = Array.from({ length: PALETTE }, (_, i) => resolve(`--p${i}`));
  palette.others = resolve("--others");
  probe.remove();
  return palette;
}
