// The files of this folder in one module. Do not edit: run tests/net/inspector/bundle_page.ts.

/** What the page is made of. */
export const html: string = `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Greenlets</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="data:,">
    <style nonce="{{nonce}}">
    /* {{css}} */
    </style>
  </head>
  <body>
    <header>
      <div class="bar">
        <h1>Greenlets</h1>
        <p id="link" role="status"><i aria-hidden="true"></i><span>connecting</span></p>
        <button id="pause" aria-pressed="false" title="Hold the view (space)">Pause</button>
        <button id="dump" title="Copy a dump of all greenlets as text">Dump</button>
        <button id="theme" title="Light or dark">Auto</button>
      </div>
      <dl id="figures" aria-label="Figures"></dl>
    </header>
    <section id="deadlocks" role="alert" aria-label="Deadlocks" hidden></section>
    <section id="strip" aria-labelledby="strip-title">
      <div class="caption">
        <h2 id="strip-title">Who ran</h2>
        <ul id="legend"></ul>
        <span id="busy" class="quiet"></span>
      </div>
      <div class="canvas">
        <canvas role="img" aria-label="Who ran in the last ten seconds"></canvas>
        <div id="tip" role="tooltip" hidden></div>
      </div>
      <div class="axis quiet" aria-hidden="true"><span>10 s ago</span><span>5 s</span><span>now</span></div>
    </section>
    <section id="tools" role="search" aria-label="Filter">
      <label class="find">
        <span class="hidden">Search</span>
        <input
          id="query"
          type="search"
          placeholder="Name, #number or wait"
          autocomplete="off"
          spellcheck="false"
        >
        <kbd aria-hidden="true">/</kbd>
      </label>
      <div id="chips" role="group" aria-label="States"></div>
      <span id="count" class="quiet" role="status"></span>
    </section>
    <main>
      <div id="tree">
        <div id="columns"></div>
        <div
          id="rows"
          role="treegrid"
          aria-label="Greenlets"
          aria-readonly="true"
          tabindex="0"
        >
          <div id="spacer" role="rowgroup"></div>
        </div>
        <div id="empty" class="quiet" hidden><p></p><button hidden>Show all</button></div>
      </div>
      <aside id="details" aria-label="Details" hidden></aside>
    </main>
    <dialog id="ask" aria-labelledby="ask-title">
      <h2 id="ask-title"></h2>
      <p id="ask-text"></p>
      <textarea id="ask-area" readonly rows="14" aria-label="Dump" hidden></textarea>
      <div
        class="buttons"><button id="ask-no">Cancel</button><button id="ask-yes" class="danger">Kill</button></div>
    </dialog>
    <script type="module" nonce="{{nonce}}">
    /* {{script}} */
    </script>
  </body>
</html>`;

/** What the page is made of. */
export const css: string = `:root {
  color-scheme: light dark;
  --ground: light-dark(#ffffff, #15171a);
  --raised: light-dark(#f6f7f8, #1c1f23);
  --line: light-dark(#e1e4e8, #2d3238);
  --text: light-dark(#1d2125, #e4e7ea);
  --soft: light-dark(#5c646d, #9aa3ad);
  --accent: light-dark(#0b7a53, #4cc38a);
  --on-accent: light-dark(#ffffff, #0c1510);
  --tint: light-dark(#e4f3ec, #1b2f27);
  --warn: light-dark(#b42318, #ff8f84);
  --warn-ground: light-dark(#fdf0ee, #2f1d1c);
  --p0: light-dark(#2f8f6b, #4cb98c);
  --p1: light-dark(#4a7bb5, #74a4dc);
  --p2: light-dark(#b9862f, #d8ab5c);
  --p3: light-dark(#8a64ad, #b093d1);
  --p4: light-dark(#b4606f, #d88b99);
  --p5: light-dark(#3f8f9c, #66b7c4);
  --p6: light-dark(#7d8a3a, #a7b562);
  --p7: light-dark(#a06a45, #c99671);
  --others: light-dark(#b3bac2, #5b636c);
  --row: 30px;
  --columns: minmax(180px, 2fr) 92px minmax(160px, 3fr) 76px;
}
:root.counted {
  --columns: minmax(180px, 2fr) 92px minmax(160px, 3fr) 76px 84px 84px;
}
:root[data-theme="light"] {
  color-scheme: light;
}
:root[data-theme="dark"] {
  color-scheme: dark;
}
* {
  box-sizing: border-box;
}
[hidden] {
  display: none !important;
}
html {
  height: 100%;
}
body {
  display: flex;
  flex-direction: column;
  min-height: 100%;
  height: 100dvh;
  margin: 0;
  background: var(--ground);
  color: var(--text);
  font: 14px/1.45 system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
}
h1,
h2,
h3,
p,
dl,
dd,
ul,
ol,
pre {
  margin: 0;
  padding: 0;
  font-size: inherit;
}
h1,
h2,
h3 {
  font-weight: 600;
}
ul,
ol {
  list-style: none;
}
h1 {
  font-size: 16px;
}
button,
input,
textarea {
  font: inherit;
  color: inherit;
}
button {
  padding: 3px 10px;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--ground);
  cursor: pointer;
}
button:hover {
  background: var(--raised);
}
button[aria-pressed="true"] {
  border-color: var(--accent);
  background: var(--tint);
}
button.danger {
  border-color: var(--warn);
  color: var(--warn);
}
button.link {
  padding: 0;
  border: 0;
  background: none;
  color: var(--accent);
  text-align: left;
  overflow-wrap: anywhere;
}
button.link:hover {
  text-decoration: underline;
}
:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: 1px;
}
.quiet {
  color: var(--soft);
}
.hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
}
header,
#strip,
#tools {
  flex: none;
  padding: 0 16px;
}
.bar {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
  align-items: center;
  padding: 10px 0 8px;
}
#link {
  flex: 1;
  display: flex;
  gap: 6px;
  align-items: center;
  color: var(--soft);
}
#link i {
  width: 8px;
  height: 8px;
  border-radius: 50%;
  background: var(--others);
}
#link.live i {
  background: var(--accent);
}
#link.lost,
#link.refused {
  color: var(--warn);
}
#link.lost i,
#link.refused i {
  background: var(--warn);
}
#figures {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(104px, 1fr));
  border: 1px solid var(--line);
  border-radius: 8px;
  overflow: hidden;
}
#figures > div {
  display: flex;
  flex-direction: column;
  padding: 6px 10px;
  box-shadow: 0 0 0 0.5px var(--line);
}
#figures dt {
  color: var(--soft);
  font-size: 12px;
  white-space: nowrap;
}
#figures dd {
  display: flex;
  gap: 8px;
  align-items: center;
  justify-content: space-between;
  font-size: 16px;
  white-space: nowrap;
}
#figures svg {
  flex: none;
  width: 64px;
  height: 18px;
  fill: none;
  stroke: var(--accent);
  stroke-linejoin: round;
}
#deadlocks {
  flex: none;
  max-height: 34vh;
  margin: 10px 16px 0;
  padding: 8px 12px;
  border: 1px solid var(--warn);
  border-radius: 8px;
  background: var(--warn-ground);
  overflow: auto;
}
#deadlocks h2 {
  color: var(--warn);
}
#deadlocks li {
  display: flex;
  flex-wrap: wrap;
  gap: 2px 10px;
  align-items: baseline;
}
#deadlocks pre {
  flex: 1 1 100%;
}
#strip {
  padding-top: 10px;
}
.caption {
  display: flex;
  gap: 4px 14px;
  align-items: baseline;
  min-height: 21px;
}
#legend {
  display: flex;
  flex: 1;
  flex-wrap: wrap;
  gap: 0 14px;
  height: 20px;
  min-width: 0;
  overflow: hidden;
  font-size: 13px;
}
#legend li {
  max-width: 220px;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}
#legend i,
#tip i {
  display: inline-block;
  width: 9px;
  height: 9px;
  margin-right: 5px;
  border-radius: 2px;
}
.canvas {
  position: relative;
  margin-top: 4px;
  border-bottom: 1px solid var(--line);
  background: var(--raised);
}
canvas {
  display: block;
  width: 100%;
  height: 56px;
}
#tip {
  position: absolute;
  top: calc(100% + 4px);
  left: 0;
  z-index: 2;
  max-width: min(320px, 100%);
  padding: 6px 10px;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--ground);
  font-size: 13px;
  pointer-events: none;
}
#tip li {
  display: flex;
  align-items: baseline;
}
#tip span {
  flex: 1;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}
#tip b {
  padding-left: 12px;
  font-weight: 400;
}
.axis {
  display: flex;
  justify-content: space-between;
  font-size: 12px;
}
#tools {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
  align-items: center;
  padding-top: 8px;
  padding-bottom: 8px;
}
.find {
  position: relative;
  flex: 1 1 240px;
  max-width: 380px;
}
.find input {
  width: 100%;
  padding: 4px 28px 4px 10px;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--ground);
}
.find input::placeholder {
  color: var(--soft);
  opacity: 1;
}
.find kbd {
  position: absolute;
  top: 6px;
  right: 8px;
  padding: 0 6px;
  border: 1px solid var(--line);
  border-radius: 4px;
  color: var(--soft);
  font: inherit;
  font-size: 12px;
}
.find input:focus ~ kbd,
.find input:not(:placeholder-shown) ~ kbd {
  display: none;
}
#chips {
  display: flex;
  flex-wrap: wrap;
  gap: 6px;
}
#chips button {
  padding: 2px 10px;
  border-radius: 99px;
}
#chips b {
  margin-left: 6px;
  color: var(--soft);
  font-weight: 400;
}
#chips button.stuck.some,
#chips button.stuck.some b {
  color: var(--warn);
}
main {
  display: flex;
  flex: 1 1 300px;
  min-height: 240px;
  border-top: 1px solid var(--line);
}
#tree {
  position: relative;
  display: flex;
  flex: 1;
  flex-direction: column;
  min-width: 0;
}
#columns,
.row {
  display: grid;
  grid-template-columns: var(--columns);
  gap: 12px;
  align-items: center;
  padding: 0 16px;
}
#columns {
  flex: none;
  height: 28px;
  border-bottom: 1px solid var(--line);
  color: var(--soft);
  font-size: 12px;
  scrollbar-gutter: stable;
  overflow: hidden;
}
#columns button {
  padding: 0;
  border: 0;
  background: none;
  text-align: left;
}
#columns button:hover,
#columns button.on {
  color: var(--text);
}
#columns .number,
.row .number {
  text-align: right;
}
#rows {
  flex: 1;
  min-height: 0;
  overflow: hidden auto;
  scrollbar-gutter: stable;
}
#rows:focus-visible {
  outline-offset: -2px;
}
#spacer {
  position: relative;
  contain: strict;
}
.row {
  position: absolute;
  top: 0;
  left: 0;
  width: 100%;
  height: var(--row);
  cursor: default;
  contain: layout style;
}
.row:hover {
  background: var(--raised);
}
.row[aria-selected="true"] {
  background: var(--tint);
}
.row > * {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}
.row.around {
  color: var(--soft);
}
.row .name {
  display: flex;
  padding-left: var(--indent);
  gap: 4px;
  align-items: center;
}
.row .fold {
  flex: none;
  width: 18px;
  height: 18px;
  padding: 0;
  border: 0;
  border-radius: 4px;
  background: none;
  color: var(--soft);
  line-height: 1;
}
.row .fold::before {
  content: "";
  display: inline-block;
  width: 0;
  height: 0;
  border: 4px solid transparent;
  border-left: 6px solid currentColor;
  border-right: 0;
}
.row[aria-expanded="true"] .fold::before {
  transform: rotate(90deg);
}
.row .label {
  overflow: hidden;
  text-overflow: ellipsis;
}
.row .id,
.row .since,
.row .number {
  color: var(--soft);
}
.row .id {
  flex: none;
  font-size: 12px;
}
.row .below {
  flex: none;
  padding: 0 6px;
  border-radius: 99px;
  background: var(--raised);
  color: var(--soft);
  font-size: 12px;
}
.state::before {
  content: "";
  display: inline-block;
  width: 8px;
  height: 8px;
  margin-right: 7px;
  border: 1.5px solid var(--others);
  border-radius: 50%;
}
.state.running::before {
  border-color: var(--accent);
  background: var(--accent);
}
.state.queued::before {
  border-color: var(--accent);
}
.state.waiting {
  color: var(--soft);
}
.state.waiting::before {
  background: var(--others);
}
.state.detached::before {
  border-style: dotted;
  border-color: var(--soft);
}
.state.delayed::before {
  border-radius: 2px;
}
.state.stuck {
  color: var(--warn);
}
.state.stuck::before {
  border-color: var(--warn);
  background: var(--warn);
}
#empty {
  position: absolute;
  inset: 28px 0 0;
  display: flex;
  flex-direction: column;
  gap: 10px;
  align-items: center;
  justify-content: center;
  padding: 16px;
  text-align: center;
}
#details {
  flex: 0 0 380px;
  max-width: 45%;
  padding: 12px 16px;
  border-left: 1px solid var(--line);
  overflow: auto;
}
#details .head {
  display: flex;
  gap: 8px;
  align-items: flex-start;
}
#details h2 {
  flex: 1;
  font-size: 16px;
  overflow-wrap: anywhere;
}
#details h2 .id {
  color: var(--soft);
  font-weight: 400;
}
#details h3 {
  margin-top: 14px;
  color: var(--soft);
  font-size: 12px;
}
#details p,
#details dd,
#details li {
  overflow-wrap: anywhere;
}
#details dl {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: 0 12px;
}
#details dt {
  color: var(--soft);
}
#details .kill {
  margin-top: 16px;
}
.notes {
  color: var(--warn);
}
pre,
textarea {
  font: 12px/1.5 ui-monospace, monospace;
}
pre {
  padding: 4px 0;
  overflow: auto;
}
dialog {
  width: min(560px, calc(100vw - 32px));
  padding: 16px;
  border: 1px solid var(--line);
  border-radius: 10px;
  background: var(--ground);
  color: var(--text);
}
dialog::backdrop {
  background: rgb(0 0 0 / 40%);
}
dialog h2 {
  overflow-wrap: anywhere;
}
dialog p {
  margin: 6px 0 14px;
}
dialog textarea {
  width: 100%;
  margin-bottom: 12px;
  background: var(--raised);
}
dialog .buttons {
  display: flex;
  gap: 8px;
  justify-content: flex-end;
}
@media (max-width: 700px) {
  :root,
  :root.counted {
    --row: 50px;
    --columns: minmax(0, 1fr) auto;
  }
  header,
  #strip,
  #tools {
    padding-right: 12px;
    padding-left: 12px;
  }
  #deadlocks {
    margin: 8px 12px 0;
  }
  .bar {
    gap: 6px;
    padding: 8px 0 6px;
  }
  .bar button {
    padding: 5px 8px;
  }
  #link.lost,
  #link.refused {
    flex-basis: 100%;
    order: 1;
  }
  #figures {
    grid-template-columns: repeat(4, 1fr);
  }
  #figures > div {
    padding: 3px 8px;
  }
  #figures dt {
    font-size: 11px;
  }
  #figures dd {
    font-size: 14px;
  }
  #figures svg {
    display: none;
  }
  canvas {
    height: 40px;
  }
  .find {
    max-width: none;
    flex-basis: 100%;
  }
  .find input {
    padding-top: 7px;
    padding-bottom: 7px;
    font-size: 16px; /* smaller, and telephones zoom in */
  }
  .find kbd {
    display: none;
  }
  #chips {
    flex-wrap: nowrap;
    width: 100%;
    padding: 2px;
    overflow-x: auto;
    scrollbar-width: none;
  }
  #chips .some {
    order: -1;
  }
  #rows {
    scrollbar-gutter: auto;
  }
  #chips button {
    flex: none;
    padding: 5px 11px;
  }
  #tools > #count {
    display: none;
  }
  #columns {
    display: none;
  }
  .row {
    grid-template-rows: 24px 20px;
    gap: 0 10px;
    align-content: center;
    padding: 0 12px;
    border-bottom: 1px solid var(--line);
  }
  .row .state {
    text-align: right;
  }
  .row .waits {
    padding-left: calc(var(--indent) + 22px);
    color: var(--soft);
    font-size: 13px;
  }
  .row .since {
    font-size: 13px;
  }
  .row .counted {
    display: none;
  }
  .row .fold {
    width: 24px;
    height: 24px;
    margin-left: -6px;
  }
  #empty {
    top: 0;
  }
  #details {
    position: fixed;
    inset: 0;
    z-index: 3;
    max-width: none;
    border: 0;
    background: var(--ground);
  }
  #details .head button {
    padding: 6px 14px;
  }
  #details button.link {
    padding: 4px 0;
  }
}
@media (max-height: 560px) {
  body {
    height: auto;
  }
  main {
    flex-basis: 400px;
  }
}`;

/** What the page is made of. */
export const script: string = `const { formatMs, formatCount, formatPercent } = (() => {
/** "5 ms", "1.2 s", "2 min 5 s", "3 h 4 min". */
function formatMs(ms) {
  if (ms < 1) return ms <= 0 ? "0 ms" : ms < 0.1 ? "<0.1 ms" : \`\${ms.toFixed(1)} ms\`;
  if (ms < 1000) return \`\${Math.round(ms)} ms\`;
  if (ms < 60_000) return \`\${(Math.floor(ms / 100) / 10).toFixed(1)} s\`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return \`\${minutes} min \${Math.floor(ms / 1000) % 60} s\`;
  if (minutes < 1440) return \`\${Math.floor(minutes / 60)} h \${minutes % 60} min\`;
  return \`\${Math.floor(minutes / 1440)} d \${Math.floor(minutes / 60) % 24} h\`;
}

/** "950", "12,345", "1.2 M": never wider than seven characters. */
function formatCount(count) {
  if (count < 100_000) return Math.round(count).toLocaleString("en");
  if (count < 1_000_000) return \`\${Math.round(count / 1000)} k\`;
  return count < 1e9 ? \`\${(count / 1e6).toFixed(1)} M\` : \`\${(count / 1e9).toFixed(1)} G\`;
}

/** "12 %", "0.4 %". */
function formatPercent(share) {
  if (share > 0 && share < 0.001) return "<0.1 %";
  return share < 0.1 ? \`\${+(share * 100).toFixed(1)} %\` : \`\${Math.round(share * 100)} %\`;
}
return { formatMs, formatCount, formatPercent };
})();
const { el, setText, setChildren } = (() => {
/** Makes an element. Text is always text: what the program says never becomes markup. */
function el(tag, { class: name, text, ...props } = {}, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(props)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** Sets a text, unless it is the same: a selection in it stays. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces the children, unless they are made of the same as the last time: a focus in them stays. */
function setChildren(element, key, make) {
  const text = JSON.stringify(key);
  if (element.madeOf === text) return;
  element.madeOf = text;
  element.replaceChildren(...make());
}
return { el, setText, setChildren };
})();
const { EventSplitter } = (() => {
/** Splits what a feed sends into its updates. */
class EventSplitter {
  #text = "";

  /** The updates that are complete with another piece of text. */
  push(piece) {
    const events = (this.#text + piece).split("\\n\\n");
    this.#text = events.pop();
    return events.filter((event) => event.startsWith("data: ")).map((event) => JSON.parse(event.slice(6)));
  }
}
return { EventSplitter };
})();
const { Feed } = (() => {
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** A page that nobody looks at for so long (ms) lets go of the program. */
const HIDDEN_FOR = 30_000;

/** The connection to the program: comes back by itself, the later the longer it does not succeed. */
class Feed {
  #token;
  #onUpdate;
  #onState;
  #pause = FIRST_PAUSE;
  #timer;
  #hiding;
  #abort;

  /** \`onState\` gets \`"live"\`, \`"connecting"\`, \`"lost"\` or \`"refused"\`, and a text. */
  constructor(token, onUpdate, onState) {
    this.#token = token;
    this.#onUpdate = onUpdate;
    this.#onState = onState;
    document.addEventListener("visibilitychange", () => this.#visibilityChanged());
  }

  start() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = new AbortController();
    this.#onState("connecting", "connecting");
    this.#follow(this.#abort);
  }

  /** Asks for something else than the feed. */
  fetch(path, init = {}) {
    return fetch(path, { ...init, headers: { authorization: \`Bearer \${this.#token}\` }, cache: "no-store" });
  }

  async #follow(abort) {
    try {
      const response = await this.fetch("/feed", { signal: abort.signal });
      if (response.status === 403) {
        return this.#onState("refused", "refused: the program has another token now");
      }
      if (!response.ok) {
        throw new Error(response.status === 503 ? "too many pages" : \`status \${response.status}\`);
      }
      await this.#read(response);
      throw new Error("the program has ended or stopped it");
    } catch (error) {
      if (!abort.signal.aborted) this.#retry(error);
    }
  }

  async #read(response) {
    const splitter = new EventSplitter();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
      for (const update of splitter.push(value)) {
        this.#pause = FIRST_PAUSE;
        this.#onState("live", "live");
        this.#onUpdate(update);
      }
    }
  }

  #retry(error) {
    const why = error.message === "too many pages" ? "too many pages" : "no connection";
    this.#onState("lost", \`\${why}, next try in \${Math.ceil(this.#pause / 1000)} s\`);
    this.#timer = self.setTimeout(() => this.start(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  #visibilityChanged() {
    clearTimeout(this.#hiding);
    if (document.hidden) this.#hiding = self.setTimeout(() => this.#letGo(), HIDDEN_FOR);
    else if (this.#abort?.signal.aborted) this.start();
  }

  #letGo() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#onState("connecting", "resting");
  }
}
return { Feed };
})();
const { STATES, STUCK, KILLED, KILL_PENDING, PARTS, SAMPLES, Model } = (() => {
const STATES = ["running", "queued", "waiting", "detached", "delayed"];
const STUCK = 1;
const KILLED = 2;
const KILL_PENDING = 4;

/** How many parts of the strip are kept: ten seconds. */
const PARTS = 1000;
/** How many updates the sparklines show. */
const SAMPLES = 60;

/** What is known of the program: grows by the updates of the feed. */
class Model {
  /** The greenlets by their numbers. */
  rows = new Map();
  /** The last update; \`undefined\` before the first. */
  last = undefined;
  /** Who ran: \`{ part, shares: [{ name, id, time }] }\`, times in microseconds. */
  parts = [];
  /** \`{ lag, runnable }\` for each update. */
  samples = [];

  apply(update) {
    const { texts, rows, gone, strip, stats, lag } = update;
    if (update.full) {
      this.rows = new Map();
      this.parts = [];
      this.samples = [];
    }
    const text = (index) => texts[index] ?? "";
    for (const row of rows) this.rows.set(row[0], rowOf(row, text));
    for (const id of gone) this.rows.delete(id);
    for (const bucket of strip.buckets) this.parts.push(partOf(bucket, text));
    const oldest = strip.current - PARTS;
    const kept = this.parts.findIndex(({ part }) => part >= oldest);
    this.parts = kept < 0 ? [] : this.parts.slice(kept);
    this.samples = [...this.samples, { lag, runnable: stats.runnable }].slice(-SAMPLES);
    this.last = update;
  }

  /** What is known now, and stays so. */
  freeze() {
    const copy = new Model();
    copy.rows = new Map(this.rows); // a row is never changed, only replaced
    copy.last = this.last;
    copy.parts = this.parts.slice();
    copy.samples = this.samples;
    return copy;
  }

  /** How many there are in each state, and \`stuck\`. */
  count() {
    const counts = { stuck: 0 };
    for (const state of STATES) counts[state] = 0;
    for (const { state, flags } of this.rows.values()) {
      counts[state]++;
      if (flags & STUCK) counts.stuck++;
    }
    return counts;
  }
}

function rowOf([id, name, state, spawner, waitsFor, since, flags, blockers, switches, waits, held], text) {
  return {
    id,
    name: text(name),
    state: STATES[state],
    spawner,
    waitsFor: text(waitsFor),
    since,
    flags,
    blockers: blockers || [],
    switches,
    waits,
    held,
  };
}

function partOf([part, ...numbers], text) {
  const shares = [];
  for (let at = 0; at < numbers.length; at += 3) {
    shares.push({ name: text(numbers[at]), id: numbers[at + 1], time: numbers[at + 2] });
  }
  return { part, shares };
}
return { STATES, STUCK, KILLED, KILL_PENDING, PARTS, SAMPLES, Model };
})();
const { outline } = (() => {
/**
 * The lines of the list, in order: \`{ row, depth, below, open, match }\`.
 *
 * Filtered, it has those that match and, unless it is sorted, those above them, which are not folded.
 */
function outline(
  rows,
  { query = "", states = new Set(), stuck = false, folded = new Set(), sort = "tree" },
) {
  const matches = matcher(query, states, stuck);
  if (sort !== "tree") return sorted(rows, sort, matches);
  const { roots, children } = forest(rows);
  const shown = matches === undefined ? undefined : withAncestors(rows, matches);
  const lines = [];
  const open = [];
  const push = (siblings, depth) => {
    for (let i = siblings.length - 1; i >= 0; i--) open.push({ row: siblings[i], depth });
  };
  push(roots, 0);
  while (open.length > 0) {
    const { row, depth } = open.pop();
    if (shown !== undefined && !shown.has(row.id)) continue;
    const below = children.get(row.id) ?? [];
    const unfolded = below.length > 0 && (shown !== undefined || !folded.has(row.id));
    lines.push({
      row,
      depth,
      below: below.length,
      open: unfolded,
      match: matches === undefined || matches(row),
    });
    if (unfolded) push(below, depth + 1);
  }
  return lines;
}

/** Whether a row is wanted; \`undefined\` if all are. */
function matcher(query, states, stuck) {
  const wanted = query.trim().toLowerCase();
  if (wanted === "" && states.size === 0 && !stuck) return undefined;
  const number = /^#(\\d+)$/.exec(wanted)?.[1];
  const hit = number === undefined
    ? (row) => row.name.toLowerCase().includes(wanted) || row.waitsFor.toLowerCase().includes(wanted)
    : (row) => row.id === Number(number);
  return (row) =>
    (states.size === 0 || states.has(row.state)) && (!stuck || (row.flags & STUCK) !== 0) &&
    (wanted === "" || hit(row));
}

function sorted(rows, sort, matches) {
  const value = sort === "since"
    ? (row) => row.since === 0 ? -Infinity : -row.since
    : (row) => row[sort] ?? -1;
  const all = [...rows.values()].filter(matches ?? (() => true));
  all.sort((a, b) => value(b) - value(a) || a.id - b.id);
  return all.map((row) => ({ row, depth: 0, below: 0, open: false, match: true }));
}

/** Who was spawned by whom, in the order of their numbers. One whose spawner has ended is a root. */
function forest(rows) {
  const roots = [];
  const children = new Map();
  for (const row of [...rows.values()].sort((a, b) => a.id - b.id)) {
    if (!rows.has(row.spawner)) roots.push(row);
    else if (children.has(row.spawner)) children.get(row.spawner).push(row);
    else children.set(row.spawner, [row]);
  }
  return { roots, children };
}

function withAncestors(rows, matches) {
  const shown = new Set();
  for (const row of rows.values()) {
    if (!matches(row)) continue;
    for (let above = row; above !== undefined && !shown.has(above.id); above = rows.get(above.spawner)) {
      shown.add(above.id);
    }
  }
  return shown;
}
return { outline };
})();
const { Figures } = (() => {
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 64;
const HEIGHT = 18;

/** The figures about the hub, two of them with what they were in the last seconds. */
class Figures {
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
  svg.setAttribute("viewBox", \`0 0 \${WIDTH} \${HEIGHT}\`);
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
    values.map((value, i) => \`\${(left + i * step).toFixed(1)},\${y(value).toFixed(1)}\`).join(" "),
  );
}
return { Figures };
})();
const { Strip } = (() => {
const PALETTE = 8;
const LEGEND = 6;
const OTHERS = "others";

/** Who ran in the last ten seconds: a column for each part, as high as the share of the time that somebody ran. */
class Strip {
  #canvas = document.querySelector("#strip canvas");
  #legend = document.querySelector("#legend");
  #busy = document.querySelector("#busy");
  #tip = document.querySelector("#tip");
  #model = undefined;
  #pointer = undefined;
  #onPick;

  /** \`onPick\` gets the number of the greenlet that was clicked on. */
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
      () => entries.map(([name, share]) => el("li", {}, swatch(name), \`\${name} \${share}\`)),
    );
    setText(this.#busy, \`\${percent(sum)} busy\`);
    const said = entries.map(([name, share]) => \`\${name} \${share}\`).join(", ");
    this.#canvas.setAttribute("aria-label", \`Who ran in the last ten seconds: busy \${percent(sum)}. \${said}\`);
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
    this.#tip.style.left = \`\${Math.max(0, Math.min(x + 8, room))}px\`;
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

/** \`"worker 7"\` and \`"worker 8"\` are of one kind. */
function kindOf(name) {
  return name.replace(/\\d+/g, "*");
}

/** Kinds have their colors in the order in which they are seen: the first ones differ. */
const colors = new Map();
function colorOf(kind) {
  if (!colors.has(kind)) colors.set(kind, colors.size % PALETTE);
  return colors.get(kind);
}

function swatch(name) {
  const square = el("i");
  square.style.background = name === OTHERS ? "var(--others)" : \`var(--p\${colorOf(kindOf(name))})\`;
  return square;
}

/** The colors of the theme: a canvas knows no variables, but an element does. */
function resolveColors() {
  const probe = el("i", { hidden: true });
  document.body.append(probe);
  const resolve = (name) => {
    probe.style.color = \`var(\${name})\`;
    return getComputedStyle(probe).color;
  };
  const palette = Array.from({ length: PALETTE }, (_, i) => resolve(\`--p\${i}\`));
  palette.others = resolve("--others");
  probe.remove();
  return palette;
}
return { Strip };
})();
const { List } = (() => {
/** Lines above and below what is seen that are made, too. */
const MARGIN = 6;
/** Deeper ones are not indented any more. */
const DEEPEST = 14;

/** The lines of an outline, of which only those that are seen are elements. */
class List {
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

  /** \`handlers\`: \`select(id)\`, \`toggle(id, open)\`. */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#rows.addEventListener("scroll", () => this.#drawSoon(), { passive: true });
    this.#rows.addEventListener("keydown", (event) => this.#onKey(event));
    this.#spacer.addEventListener("click", (event) => this.#onClick(event));
    new ResizeObserver(() => this.#measure()).observe(this.#rows);
  }

  /** Shows lines; \`now\` (ms since 1970) is when they were so. */
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
    this.#spacer.style.height = \`\${this.#lines.length * height}px\`;
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
    if (active) this.#rows.setAttribute("aria-activedescendant", \`row-\${this.selected}\`);
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
    element.id = \`row-\${row.id}\`;
    element.dataset.id = row.id;
    element.style.transform = \`translateY(\${top}px)\`;
    element.classList.toggle("around", !match);
    element.setAttribute("aria-level", depth + 1);
    element.setAttribute("aria-rowindex", at + 1);
    element.setAttribute("aria-selected", selected);
    if (below > 0) element.setAttribute("aria-expanded", open);
    else element.removeAttribute("aria-expanded");
    element.style.setProperty("--indent", \`\${indent}px\`);
    this.#fold.style.visibility = below > 0 ? "visible" : "hidden";
    setText(this.#label, row.name);
    this.#label.title = row.name;
    setText(this.#id, \`#\${row.id}\`);
    this.#below.hidden = below === 0 || open;
    setText(this.#below, formatCount(below));
    const stuck = (row.flags & STUCK) !== 0;
    this.#state.className = \`state \${row.state}\${stuck ? " stuck" : ""}\`;
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
  return flags & KILLED ? \`\${state}, killed\` : state;
}

function waitsInWords({ waitsFor, blockers }) {
  if (blockers.length === 0) return waitsFor;
  const more = blockers.length > 3 ? \` +\${blockers.length - 3}\` : "";
  return \`\${waitsFor} ← \${blockers.slice(0, 3).map((id) => \`#\${id}\`).join(", ")}\${more}\`;
}
return { List };
})();
const { Details } = (() => {
/** Children that are named. */
const NAMED = 30;

/** All about the greenlet that is selected. */
class Details {
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

  /** \`handlers\`: \`select(id)\`, \`close()\`, \`kill({ id, name })\`. */
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
    setText(this.#id, \`#\${id}\`);
    this.#state.className = "state";
    setText(this.#state, "");
    setText(this.#notes, "");
    setChildren(this.#waits, [id], () => []);
    setChildren(this.#rest, [id], () => []);
    this.#kill.hidden = true;
    this.#pane.scrollTop = 0;
  }

  /** \`greenlet\` is what the program says about it; \`undefined\` if it has ended. */
  show(greenlet, mayKill) {
    this.#kill.hidden = !mayKill || greenlet === undefined;
    if (greenlet === undefined) {
      this.#state.className = "state";
      return setText(this.#state, "ended");
    }
    this.#greenlet = { id: greenlet.id, name: greenlet.name };
    setText(this.#name, greenlet.name);
    this.#state.className = \`state \${greenlet.state}\${greenlet.stuck ? " stuck" : ""}\`;
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
      setText(block.querySelector(".since"), since === undefined ? "" : \`for \${formatMs(since)}\`);
    });
  }

  #showRest({ spawner, children, locals, spawnStack, counters, waits }) {
    setChildren(this.#rest, { spawner, children, locals, spawnStack, counters }, () => {
      const parts = [];
      if (spawner !== undefined) parts.push(heading("Spawned by"), this.#mentions([spawner]));
      if (children.length > 0) {
        parts.push(heading(\`Has spawned (\${children.length})\`), this.#mentions(children.slice(0, NAMED)));
        if (children.length > NAMED) {
          parts.push(el("p", { class: "quiet", text: \`and \${children.length - NAMED} more\` }));
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
        if (name === "") return el("li", { class: "quiet", text: \`#\${id}, which has ended\` });
        const link = el("button", { class: "link", text: \`\${name} #\${id}\` });
        link.addEventListener("click", () => this.#handlers.select(id));
        return el("li", {}, link);
      }),
    );
  }
}

function stateInWords({ state, stuck, startsIn }) {
  if (stuck) return \`\${state}, stuck: nothing it waits for can come\`;
  return startsIn === undefined ? state : \`\${state}, starts in \${formatMs(startsIn)}\`;
}

function notesOn({ kills, killPending }) {
  const notes = [];
  if (kills > 0) notes.push(kills === 1 ? "A kill was delivered." : \`\${kills} kills were delivered.\`);
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
return { Details };
})();
{
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
  setText($("#count"), isFiltered() ? \`\${formatCount(matching)} of \${formatCount(view.rows.size)}\` : "");
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
    setText($("#empty p"), \`There are \${formatCount(stats.greenlets)} greenlets: too many to list\`);
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
    el("h2", { text: deadlocks.length === 1 ? "A deadlock" : \`\${deadlocks.length} deadlocks\` }),
    el(
      "ul",
      {},
      ...deadlocks.map(({ greenlets, report }) => {
        const links = greenlets.slice(0, 12).map((id) => {
          const link = el("button", { class: "link", text: \`\${view.rows.get(id)?.name ?? ""} #\${id}\` });
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
    const response = await feed.fetch(\`/greenlets/\${id}\`);
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
    title: \`Kill \${name} #\${id}?\`,
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
  const button = el("button", { class: \`\${name} \${sort === filter.sort ? "on" : ""}\`, text: label, title });
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
  $("#theme").setAttribute("aria-label", \`Theme: \${theme}\`);
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
}`;
