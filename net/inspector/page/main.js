import { Details } from "./details.js";
import { el, setChildren, setText } from "./dom.js";
import { Feed } from "./feed.js";
import { Figures } from "./figures.js";
import { formatCount } from "./format.js";
import { List } from "./list.js";
import { Model } from "./model.js";
import { outline } from "./outline.js";
import { Strip } from "./strip.js";

const $ = (selector) => document.querySelector(selector);

const live = new Model();
/** What is shown: the same, unless the view is held. */
let view = live;
/** What is wanted to be seen. */
const filter = { query: "", states: new Set(), stuck: false, folded: new Set(), sort: "tree" };

const feed = new Feed(new URLSearchParams(location.search).get("token") ?? "", onUpdate, showLink);
const figures = new Figures($("#figures"));
const strip = new Strip(select);
const list = new List({ select, toggle });
const details = new Details({ select, close: deselect, kill: askToKill });

function onUpdate(update) {
  live.apply(update);
  if (view !== live) return;
  show();
  refreshDetails();
}

function show() {
  if (view.last === undefined) return;
  figures.show(view);
  strip.show(view);
  showDeadlocks();
  showChips();
  showList();
}

function showList() {
  if (view.last === undefined) return;
  const lines = outline(view.rows, filter);
  const counted = view.rows.values().some((row) => row.switches !== undefined);
  document.documentElement.classList.toggle("counted", counted);
  for (const button of document.querySelectorAll("#columns .counted")) button.hidden = !counted;
  list.show(lines, view.last.takenAt);
  const matching = lines.reduce((sum, { match }) => sum + (match ? 1 : 0), 0);
  setText($("#count"), isFiltered() ? `${formatCount(matching)} of ${formatCount(view.rows.size)}` : "");
  showEmpty(lines.length === 0);
}

function showEmpty(empty) {
  $("#empty").hidden = !empty;
  if (!empty) return;
  const { listed, stats } = view.last;
  const filtered = isFiltered() && view.rows.size > 0;
  $("#empty button").hidden = !filtered;
  if (filtered) setText($("#empty p"), "No greenlet matches");
  else if (!listed) {
    setText($("#empty p"), `There are ${formatCount(stats.greenlets)} greenlets: too many to list`);
  } else setText($("#empty p"), "No greenlets: nothing runs, and nothing waits");
}

function isFiltered() {
  return filter.query.trim() !== "" || filter.states.size > 0 || filter.stuck;
}

// ---- What the program says ---------------------------------------------------------------------------

function showLink(state, text) {
  const element = $("#link");
  element.className = { live: "live", lost: "lost", refused: "lost" }[state] ?? "";
  setText(element.querySelector("span"), state === "live" && view !== live ? "paused" : text);
}

function showDeadlocks() {
  const { deadlocks } = view.last;
  $("#deadlocks").hidden = deadlocks.length === 0;
  setChildren($("#deadlocks"), deadlocks, () => [
    el("h2", { text: deadlocks.length === 1 ? "A deadlock" : `${deadlocks.length} deadlocks` }),
    el(
      "ul",
      {},
      ...deadlocks.map(({ greenlets, report }) => {
        const links = greenlets.slice(0, 12).map((id) => {
          const link = el("button", { class: "link", text: `${view.rows.get(id)?.name ?? ""} #${id}` });
          link.addEventListener("click", () => select(id));
          return link;
        });
        return el(
          "li",
          {},
          el("pre", { text: report, tabIndex: 0 }),
          el("span", { text: "Look at" }),
          ...links,
        );
      }),
    ),
  ]);
}

async function refreshDetails() {
  const id = list.selected;
  if (id === undefined || refreshDetails.busy) return;
  refreshDetails.busy = true;
  try {
    const response = await feed.fetch(`/greenlets/${id}`);
    const greenlet = await response.json() ?? undefined;
    if (list.selected === id) details.show(greenlet, live.last?.mayKill === true);
  } catch {
    // The feed says that there is no connection.
  } finally {
    refreshDetails.busy = false;
    if (list.selected !== id) refreshDetails();
  }
}

// ---- What the user wants -----------------------------------------------------------------------------

function select(id) {
  unfoldTo(id);
  list.selected = id;
  details.open(view.rows.get(id) ?? { id });
  showList();
  list.reveal(id);
  refreshDetails();
}

function unfoldTo(id) {
  const seen = new Set();
  for (
    let row = view.rows.get(id);
    row !== undefined && !seen.has(row.id);
    row = view.rows.get(row.spawner)
  ) {
    seen.add(row.id);
    filter.folded.delete(row.spawner);
  }
}

function deselect() {
  list.selected = undefined;
  details.hide();
  showList();
  $("#rows").focus();
}

function toggle(id, open) {
  if (open) filter.folded.delete(id);
  else filter.folded.add(id);
  showList();
}

function pause() {
  const held = view === live;
  view = held ? live.freeze() : live;
  $("#pause").setAttribute("aria-pressed", held);
  setText($("#pause"), held ? "Resume" : "Pause");
  const link = $("#link");
  if (link.className === "live") showLink("live", "live");
  if (!held) {
    show();
    refreshDetails();
  }
}

async function copyDump() {
  let text;
  try {
    text = await (await feed.fetch("/dump")).text();
  } catch {
    return say($("#dump"), "No connection");
  }
  try {
    await navigator.clipboard.writeText(text);
    say($("#dump"), "Copied");
  } catch {
    ask({ title: "Dump", area: text, no: "Close" }); // only pages of this machine may write to the clipboard
  }
}

/** Says something on a button for a moment. */
function say(button, text) {
  button.label ??= button.textContent;
  button.textContent = text;
  clearTimeout(button.saying);
  button.saying = self.setTimeout(() => button.textContent = button.label, 1500);
}

function askToKill({ id, name }) {
  ask({
    title: `Kill ${name} #${id}?`,
    text: "It gets the kill at its current wait, or its next one, and cleans up.",
    yes: () => feed.fetch("/kill", { method: "POST", body: JSON.stringify({ id }) }),
  });
}

function ask({ title, text = "", area, no = "Cancel", yes }) {
  setText($("#ask-title"), title);
  setText($("#ask-text"), text);
  $("#ask-area").hidden = area === undefined;
  $("#ask-area").value = area ?? "";
  setText($("#ask-no"), no);
  $("#ask-yes").hidden = yes === undefined;
  $("#ask-yes").onclick = async () => {
    $("#ask").close();
    const response = await yes().catch(() => undefined);
    if (!response?.ok) {
      ask({ title: "Not done", text: await response?.text() ?? "No connection.", no: "Close" });
    }
  };
  $("#ask").showModal();
}

// ---- Filter and columns ------------------------------------------------------------------------------

const CHIPS = ["running", "queued", "waiting", "detached", "delayed", "stuck"];
const chips = new Map(CHIPS.map((name) => {
  const count = el("b", { text: "0" });
  const button = el("button", { class: name, "aria-pressed": "false" }, name, count);
  button.addEventListener("click", () => {
    if (name === "stuck") filter.stuck = !filter.stuck;
    else if (!filter.states.delete(name)) filter.states.add(name);
    showChips();
    showList();
  });
  return [name, { button, count }];
}));
$("#chips").append(...chips.values().map(({ button }) => button));

function showChips() {
  const counts = view.count();
  for (const [name, { button, count }] of chips) {
    const pressed = name === "stuck" ? filter.stuck : filter.states.has(name);
    button.setAttribute("aria-pressed", pressed);
    button.hidden = name === "running" && counts.running === 0 && !pressed;
    button.classList.toggle("some", name === "stuck" && counts.stuck > 0);
    setText(count, formatCount(counts[name]));
  }
}

function showAll() {
  filter.query = $("#query").value = "";
  filter.states.clear();
  filter.stuck = false;
  showChips();
  showList();
}

const COLUMNS = [
  { label: "Greenlet", sort: "tree", title: "As a tree: who spawned whom" },
  { label: "State" },
  { label: "Waits for" },
  { label: "Since", sort: "since", class: "number", title: "The longest wait first" },
  { label: "Switches", sort: "switches", class: "number counted", title: "The most switches first" },
  { label: "Ran for", sort: "held", class: "number counted", title: "Who ran the longest first" },
];
$("#columns").append(...COLUMNS.map(({ label, sort, class: name = "", title = "" }) => {
  if (sort === undefined) return el("span", { text: label });
  const button = el("button", { class: `${name} ${sort === filter.sort ? "on" : ""}`, text: label, title });
  button.setAttribute("aria-pressed", sort === filter.sort);
  button.addEventListener("click", () => {
    filter.sort = sort;
    for (const other of $("#columns").querySelectorAll("button")) {
      other.classList.toggle("on", other === button);
      other.setAttribute("aria-pressed", other === button);
    }
    showList();
  });
  return button;
}));

const THEMES = ["auto", "dark", "light"];
function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText($("#theme"), theme[0].toUpperCase() + theme.slice(1));
  $("#theme").setAttribute("aria-label", `Theme: ${theme}`);
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // It is not remembered.
  }
  if (view.last !== undefined) strip.show(view);
}
function savedTheme() {
  try {
    const theme = localStorage.getItem("theme");
    return THEMES.includes(theme) ? theme : "auto";
  } catch {
    return "auto";
  }
}

// ---- Keys and buttons --------------------------------------------------------------------------------

$("#query").addEventListener("input", ({ target }) => {
  filter.query = target.value;
  showList();
});
$("#pause").addEventListener("click", pause);
$("#dump").addEventListener("click", copyDump);
$("#empty button").addEventListener("click", showAll);
$("#ask-no").addEventListener("click", () => $("#ask").close());
$("#theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme ?? "auto";
  setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
});
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || $("#ask").open) return;
  const typing = target.matches("input, textarea");
  if (key === "Escape") {
    if (typing && target.value !== "") {
      filter.query = target.value = "";
      showList();
    } else if (typing) target.blur();
    else if (list.selected !== undefined) deselect();
  } else if (key === "/" && !typing) $("#query").focus();
  else if (key === " " && !typing && !target.matches("button")) pause();
  else return;
  event.preventDefault();
});

setTheme(savedTheme());
feed.start();
