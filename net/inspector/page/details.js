import { el, setChildren, setText } from "./dom.js";
import { formatCount, formatMs } from "./format.js";

/** Children that are named. */
const NAMED = 30;

/** All about the greenlet that is selected. */
export class Details {
  #pane = document.querySelector("#details");
  #name = el("span", { class: "title" });
  #id = el("span", { class: "id" });
  #close = el("button", { text: "Close", title: "Close (escape)" });
  #state = el("p", { class: "state" });
  #notes = el("p", { class: "notes" });
  #waits = el("div");
  #rest = el("div");
  #kill = el("button", { class: "danger kill", text: "Kill…" });
  #handlers;
  #greenlet = undefined;

  /** `handlers`: `select(id)`, `close()`, `kill({ id, name })`. */
  constructor(handlers) {
    this.#handlers = handlers;
    const title = el("h2");
    title.append(this.#name, " ", this.#id);
    this.#pane.append(
      el("div", { class: "head" }, title, this.#close),
      this.#state,
      this.#notes,
      this.#waits,
      this.#rest,
      this.#kill,
    );
    this.#close.addEventListener("click", () => handlers.close());
    this.#kill.addEventListener("click", () => this.#greenlet && handlers.kill(this.#greenlet));
  }

  hide() {
    this.#pane.hidden = true;
    this.#greenlet = undefined;
  }

  /** Begins with what the list knows. */
  open({ id, name = "" }) {
    this.#pane.hidden = false;
    if (this.#greenlet?.id === id) return;
    this.#greenlet = { id, name };
    setText(this.#name, name);
    setText(this.#id, `#${id}`);
    this.#state.className = "state";
    setText(this.#state, "");
    setText(this.#notes, "");
    setChildren(this.#waits, [id], () => []);
    setChildren(this.#rest, [id], () => []);
    this.#kill.hidden = true;
    this.#pane.scrollTop = 0;
  }

  /** `greenlet` is what the program says about it; `undefined` if it has ended. */
  show(greenlet, mayKill) {
    this.#kill.hidden = !mayKill || greenlet === undefined;
    if (greenlet === undefined) {
      this.#state.className = "state";
      return setText(this.#state, "ended");
    }
    this.#greenlet = { id: greenlet.id, name: greenlet.name };
    setText(this.#name, greenlet.name);
    this.#state.className = `state ${greenlet.state}${greenlet.stuck ? " stuck" : ""}`;
    setText(this.#state, stateInWords(greenlet));
    setText(this.#notes, notesOn(greenlet));
    this.#showWaits(greenlet.waits);
    this.#showRest(greenlet);
  }

  /** The texts that change all the time are changed in place. */
  #showWaits(waits) {
    const fixed = waits.map(({ blockers, stack }) => ({ blockers, stack }));
    setChildren(this.#waits, fixed, () =>
      waits.map(({ blockers, stack }) => {
        const block = el(
          "div",
          {},
          heading("Waits for"),
          el("p", { class: "what" }),
          el("p", { class: "quiet since" }),
        );
        if (blockers.length > 0) block.append(heading("Held up by"), this.#mentions(blockers));
        if (stack) block.append(heading("Where it waits"), pre(stack));
        return block;
      }));
    waits.forEach(({ description, since }, i) => {
      const block = this.#waits.children[i];
      setText(block.querySelector(".what"), description);
      setText(block.querySelector(".since"), since === undefined ? "" : `for ${formatMs(since)}`);
    });
  }

  #showRest({ spawner, children, locals, spawnStack, counters, waits }) {
    setChildren(this.#rest, { spawner, children, locals, spawnStack, counters }, () => {
      const parts = [];
      if (spawner !== undefined) parts.push(heading("Spawned by"), this.#mentions([spawner]));
      if (children.length > 0) {
        parts.push(heading(`Has spawned (${children.length})`), this.#mentions(children.slice(0, NAMED)));
        if (children.length > NAMED) {
          parts.push(el("p", { class: "quiet", text: `and ${children.length - NAMED} more` }));
        }
      }
      if (locals.length > 0) parts.push(heading("Locals"), pairs(locals));
      if (counters !== undefined) parts.push(heading("Counted"), pairs(countersInWords(counters)));
      if (spawnStack) parts.push(heading("Where it was spawned"), pre(spawnStack));
      else if (waits.every(({ stack }) => !stack)) {
        parts.push(heading("Stacks"), el("p", { class: "quiet", text: "Recorded with GREEN_DEBUG=1" }));
      }
      return parts;
    });
  }

  #mentions(greenlets) {
    return el(
      "ul",
      {},
      ...greenlets.map(({ id, name }) => {
        if (name === "") return el("li", { class: "quiet", text: `#${id}, which has ended` });
        const link = el("button", { class: "link", text: `${name} #${id}` });
        link.addEventListener("click", () => this.#handlers.select(id));
        return el("li", {}, link);
      }),
    );
  }
}

function stateInWords({ state, stuck, startsIn }) {
  if (stuck) return `${state}, stuck: nothing it waits for can come`;
  return startsIn === undefined ? state : `${state}, starts in ${formatMs(startsIn)}`;
}

function notesOn({ kills, killPending }) {
  const notes = [];
  if (kills > 0) notes.push(kills === 1 ? "A kill was delivered." : `${kills} kills were delivered.`);
  if (killPending) notes.push("An exception waits for it.");
  return notes.join(" ");
}

function countersInWords({ switches, waits, held }) {
  return [["switches", formatCount(switches)], ["waits", formatCount(waits)], ["ran for", formatMs(held)]];
}

function heading(text) {
  return el("h3", { text });
}

function pre(text) {
  return el("pre", { text, tabIndex: 0 });
}

function pairs(entries) {
  return el(
    "dl",
    {},
    ...entries.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]),
  );
}
