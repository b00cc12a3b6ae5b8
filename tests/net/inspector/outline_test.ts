/** The parts of the page's script that need no page. */
import { assertEquals } from "@std/assert";
import { EventSplitter } from "../../../net/inspector/page/events.js";
import { formatCount, formatMs, formatPercent } from "../../../net/inspector/page/format.js";
import { Model } from "../../../net/inspector/page/model.js";
import { outline } from "../../../net/inspector/page/outline.js";
import { BUNDLE, bundlePage } from "./bundle_page.ts";

// deno-lint-ignore no-explicit-any -- the page is plain JavaScript
type Any = any;

function update(more: Any = {}): Any {
  return {
    full: false,
    texts: [],
    rows: [],
    gone: [],
    stats: { runnable: 0 },
    lag: 0,
    strip: { current: 0, width: 10, buckets: [] },
    ...more,
  };
}

/** `[id, name, state, spawner, waitsFor, since, flags]` */
function modelOf(...rows: [number, string, number, number, string?, number?, number?][]): Any {
  const texts: string[] = [];
  const text = (value = "") => texts.push(value) - 1;
  const wire = rows.map((
    [id, name, state, spawner, waitsFor, since = 0, flags = 0],
  ) => [id, text(name), state, spawner, text(waitsFor), since, flags, 0]);
  const model = new Model();
  model.apply(update({ full: true, texts, rows: wire }));
  return model;
}

const shown = (rows: Any, wanted: Any = {}) =>
  outline(rows, wanted).map(({ row, depth, match }: Any) =>
    `${"  ".repeat(depth)}${row.name}${match ? "" : " (around)"}`
  );

const SHOP = () =>
  modelOf(
    [1, "shop", 2, -1, "sleep", 500],
    [2, "cook", 2, 1, "Queue(orders) get", 300, 1],
    [3, "door", 1, -1],
    [5, "client 5", 2, 3, "sleep", 100],
    [4, "meal", 1, 2],
    [6, "orphan", 2, 99, "Lock(till) acquire", 400],
  ).rows;

Deno.test("outline() is the tree of who spawned whom, in the order of numbers", () => {
  assertEquals(shown(SHOP()), ["shop", "  cook", "    meal", "door", "  client 5", "orphan"]);
  assertEquals(shown(SHOP(), { folded: new Set([2, 3]) }), ["shop", "  cook", "door", "orphan"]);
  const [cook] = outline(SHOP(), { folded: new Set([2]) }).slice(1) as Any[];
  assertEquals([cook.below, cook.open], [1, false]);
});

Deno.test("outline() finds by name, number and what is waited for, and shows those above", () => {
  assertEquals(shown(SHOP(), { query: "MEAL" }), ["shop (around)", "  cook (around)", "    meal"]);
  assertEquals(shown(SHOP(), { query: "orders" }), ["shop (around)", "  cook"]);
  assertEquals(shown(SHOP(), { query: " #5 " }), ["door (around)", "  client 5"]);
  assertEquals(shown(SHOP(), { query: "5" }), ["door (around)", "  client 5"]);
  assertEquals(shown(SHOP(), { query: "nothing" }), []);
  assertEquals(
    shown(SHOP(), { query: "meal", folded: new Set([1, 2]) }).length,
    3,
    "nothing found is folded",
  );
});

Deno.test("outline() filters by state and by who is stuck", () => {
  assertEquals(shown(SHOP(), { states: new Set(["queued"]) }), [
    "shop (around)",
    "  cook (around)",
    "    meal",
    "door",
  ]);
  assertEquals(shown(SHOP(), { stuck: true }), ["shop (around)", "  cook"]);
  assertEquals(shown(SHOP(), { stuck: true, states: new Set(["queued"]) }), []);
});

Deno.test("outline() sorts without the tree", () => {
  assertEquals(shown(SHOP(), { sort: "since" }), ["client 5", "cook", "orphan", "shop", "door", "meal"]);
  assertEquals(shown(SHOP(), { sort: "since", query: "c" }), ["client 5", "cook", "orphan"]);
});

Deno.test("outline() copes with a chain of 10,000, and with greenlets that spawned each other", () => {
  const chain = modelOf(
    ...Array.from({ length: 10_000 }, (_, i) => [i, `g${i}`, 2, i - 1] as [number, string, number, number]),
  );
  assertEquals(outline(chain.rows, {}).at(-1).depth, 9_999);
  assertEquals(outline(chain.rows, { query: "g9999" }).length, 10_000);
  assertEquals(shown(modelOf([1, "a", 2, 2], [2, "b", 2, 1]).rows, { query: "a" }), []);
});

Deno.test("Model applies differences, forgets when told everything, and freezes", () => {
  const model = modelOf([1, "a", 2, -1], [2, "b", 2, -1]);
  const frozen = model.freeze();
  model.apply(update({
    texts: ["c", "a2"],
    rows: [[3, 0, 1, 1, -1, 0, 0, [1]], [1, 1, 2, -1, -1, 0, 1, 0, 7, 6, 500]],
    gone: [2],
    strip: { current: 1200, width: 10, buckets: [[100, 0, 3, 50], [1100, 1, 1, 70, -1, -1, 9]] },
  }));
  assertEquals([...model.rows.values()].map(({ name }: Any) => name), ["a2", "c"]);
  assertEquals(model.rows.get(3).blockers, [1]);
  assertEquals([model.rows.get(1).switches, model.rows.get(1).held], [7, 500]);
  assertEquals(model.parts, [
    { part: 1100, shares: [{ name: "a2", id: 1, time: 70 }, { name: "", id: -1, time: 9 }] },
  ], "what is older than ten seconds is not kept");
  assertEquals(model.count(), { stuck: 1, running: 0, queued: 1, waiting: 1, detached: 0, delayed: 0 });
  assertEquals([...frozen.rows.values()].map(({ name }: Any) => name), ["a", "b"]);
  model.apply(update({ full: true, texts: ["new"], rows: [[9, 0, 2, -1, -1, 0, 0, 0]] }));
  assertEquals([[...model.rows.keys()], model.parts, model.samples.length], [[9], [], 1]);
});

Deno.test("EventSplitter puts updates together, wherever they were cut", () => {
  const text = 'data: {"a":1}\n\ndata: {"b":"x y"}\n\n';
  for (let cut = 0; cut <= text.length; cut++) {
    const splitter = new EventSplitter();
    assertEquals([...splitter.push(text.slice(0, cut)), ...splitter.push(text.slice(cut))], [{ a: 1 }, {
      b: "x y",
    }]);
  }
});

Deno.test("formatMs(), formatCount() and formatPercent() are short", () => {
  const times = [0, 0.05, 0.5, 12.4, 999, 1_250, 61_000, 3_700_000, 90_000_000].map(formatMs);
  assertEquals(times, [
    "0 ms",
    "<0.1 ms",
    "0.5 ms",
    "12 ms",
    "999 ms",
    "1.2 s",
    "1 min 1 s",
    "1 h 1 min",
    "1 d 1 h",
  ]);
  assertEquals([0, 12_345, 123_456, 1_234_567, 2e9].map(formatCount), [
    "0",
    "12,345",
    "123 k",
    "1.2 M",
    "2.0 G",
  ]);
  assertEquals([0, 0.0001, 0.004, 0.125].map(formatPercent), ["0 %", "<0.1 %", "0.4 %", "13 %"]);
});

Deno.test("net/inspector/page/bundle.ts holds the files beside it: see bundle_page.ts", () => {
  assertEquals(Deno.readTextFileSync(BUNDLE), bundlePage());
});
