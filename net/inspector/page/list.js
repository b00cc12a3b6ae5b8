import { el, setText } from "./dom.js";
import { formatCount, formatMs } from "./format.js";
import { KILL_PENDING, KILLED, STUCK } from "./model.js";

/** Lines above and below what is seen that are made, too. */
const MARGIN = 6;
/** Deeper ones are not indented any more. */
const DEEPEST = 14;

/** The lines of an outline, of which only those that are seen are elements. */
export class List {
  #rows = document.querySelector("#rows");
  #spacer = document.querySelector("#spacer");
  #lines = [];
  /** Made elements; one is used for whatever line comes to its place. */
  #pool = [];
  #height = 30;
  #indent = 16;
  #now = 0;
  #mayBeDrawn = true;
  #handlers;
  /** The number of the greenlet that is selected. */
  selected = undefined;

  /** `handlers`: `select(id)`, `toggle(id, open)`. */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#rows.addEventListener("scroll", () => this.#drawSoon(), { passive: true });
    this.#rows.addEventListener("keydown", (event) => this.#onKey(event));
    this.#spacer.addEventListener("click", (event) => this.#onClick(event));
    new ResizeObserver(() => this.#measure()).observe(this.#rows);
  }

  /** Shows lines; `now` (ms since 1970) is when they were so. */
  show(lines, now) {
    this.#lines = lines;
    this.#now = now;
    this.#draw();
  }

  /** Selects a greenlet, and brings it into view. */
  reveal(id) {
    this.selected = id;
    const at = this.#lines.findIndex(({ row }) => row.id === id);
    if (at >= 0) {
      const top = at * this.#height;
      const { scrollTop, clientHeight } = this.#rows;
      if (top < scrollTop) this.#rows.scrollTop = top;
      else if (top + this.#height > scrollTop + clientHeight) {
        this.#rows.scrollTop = top + this.#height - clientHeight;
      }
    }
    this.#draw();
  }

  #measure() {
    const style = getComputedStyle(document.documentElement);
    this.#height = parseInt(style.getPropertyValue("--row"));
    this.#indent = this.#height > 40 ? 10 : 16;
    this.#draw();
  }

  #drawSoon() {
    if (!this.#mayBeDrawn) return;
    this.#mayBeDrawn = false;
    requestAnimationFrame(() => {
      this.#mayBeDrawn = true;
      this.#draw();
    });
  }

  #draw() {
    const { scrollTop, clientHeight } = this.#rows;
    const height = this.#height;
    this.#spacer.style.height = `${this.#lines.length * height}px`;
    this.#rows.setAttribute("aria-rowcount", this.#lines.length);
    const first = Math.max(0, Math.floor(scrollTop / height) - MARGIN);
    const last = Math.min(this.#lines.length, Math.ceil((scrollTop + clientHeight) / height) + MARGIN);
    while (this.#pool.length < last - first) this.#pool.push(new Line(this.#spacer));
    this.#pool.forEach((line, i) => {
      const at = first + i;
      if (at >= last) return line.hide();
      const shown = this.#lines[at];
      line.show(shown, at, {
        top: at * height,
        indent: Math.min(shown.depth, DEEPEST) * this.#indent,
        now: this.#now,
        selected: shown.row.id === this.selected,
      });
    });
    const active = this.#lines.some(({ row }) => row.id === this.selected);
    if (active) this.#rows.setAttribute("aria-activedescendant", `row-${this.selected}`);
    else this.#rows.removeAttribute("aria-activedescendant");
  }

  #onClick({ target }) {
    const line = target.closest(".row");
    if (line === null) return;
    const id = Number(line.dataset.id);
    if (target.closest(".fold")) this.#handlers.toggle(id, line.getAttribute("aria-expanded") !== "true");
    else this.#handlers.select(id);
  }

  #onKey(event) {
    const at = this.#lines.findIndex(({ row }) => row.id === this.selected);
    const line = this.#lines[at];
    const page = Math.max(1, Math.floor(this.#rows.clientHeight / this.#height) - 1);
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: at < 0 ? 0 : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#lines.length - 1,
    };
    if (event.key in moves) {
      const to = Math.max(0, Math.min(moves[event.key], this.#lines.length - 1));
      if (this.#lines.length > 0) this.#handlers.select(this.#lines[to].row.id);
    } else if (line !== undefined && event.key === "ArrowRight" && line.below > 0) {
      if (!line.open) this.#handlers.toggle(line.row.id, true);
      else this.#handlers.select(this.#lines[at + 1].row.id);
    } else if (line !== undefined && event.key === "ArrowLeft") {
      if (line.open) this.#handlers.toggle(line.row.id, false);
      else if (this.#lines.some(({ row }) => row.id === line.row.spawner)) {
        this.#handlers.select(line.row.spawner);
      }
    } else return;
    event.preventDefault();
  }
}

/** One element. */
class Line {
  #fold = el("button", { class: "fold", tabIndex: -1, "aria-hidden": "true" });
  #label = el("span", { class: "label" });
  #id = el("span", { class: "id" });
  #below = el("span", { class: "below" });
  #name = el("span", { class: "name", role: "gridcell" }, this.#fold, this.#label, this.#id, this.#below);
  #state = el("span", { class: "state", role: "gridcell" });
  #waits = el("span", { class: "waits", role: "gridcell" });
  #since = el("span", { class: "since number", role: "gridcell" });
  #switches = el("span", { class: "number counted", role: "gridcell" });
  #held = el("span", { class: "number counted", role: "gridcell" });
  #element = el(
    "div",
    { class: "row", role: "row" },
    this.#name,
    this.#state,
    this.#waits,
    this.#since,
    this.#switches,
    this.#held,
  );

  constructor(parent) {
    parent.append(this.#element);
  }

  hide() {
    this.#element.hidden = true;
  }

  show({ row, depth, below, open, match }, at, { top, indent, now, selected }) {
    const element = this.#element;
    element.hidden = false;
    element.id = `row-${row.id}`;
    element.dataset.id = row.id;
    element.style.transform = `translateY(${top}px)`;
    element.classList.toggle("around", !match);
    element.setAttribute("aria-level", depth + 1);
    element.setAttribute("aria-rowindex", at + 1);
    element.setAttribute("aria-selected", selected);
    if (below > 0) element.setAttribute("aria-expanded", open);
    else element.removeAttribute("aria-expanded");
    element.style.setProperty("--indent", `${indent}px`);
    this.#fold.style.visibility = below > 0 ? "visible" : "hidden";
    setText(this.#label, row.name);
    this.#label.title = row.name;
    setText(this.#id, `#${row.id}`);
    this.#below.hidden = below === 0 || open;
    setText(this.#below, formatCount(below));
    const stuck = (row.flags & STUCK) !== 0;
    this.#state.className = `state ${row.state}${stuck ? " stuck" : ""}`;
    setText(this.#state, stateInWords(row));
    const waits = waitsInWords(row);
    setText(this.#waits, waits);
    this.#waits.title = waits;
    setText(this.#since, row.since === 0 ? "" : formatMs(Math.max(0, now - row.since)));
    const counted = row.switches !== undefined;
    this.#switches.hidden = this.#held.hidden = !counted;
    if (!counted) return;
    setText(this.#switches, formatCount(row.switches));
    setText(this.#held, formatMs(row.held / 1000));
  }
}

function stateInWords({ state, flags }) {
  if (flags & STUCK) return "stuck";
  if (flags & KILL_PENDING) return "kill due";
  return flags & KILLED ? `${state}, killed` : state;
}

function waitsInWords({ waitsFor, blockers }) {
  if (blockers.length === 0) return waitsFor;
  const more = blockers.length > 3 ? ` +${blockers.length - 3}` : "";
  return `${waitsFor} ← ${blockers.slice(0, 3).map((id) => `#${id}`).join(", ")}${more}`;
}
