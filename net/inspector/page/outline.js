import { STUCK } from "./model.js";

/**
 * The lines of the list, in order: `{ row, depth, below, open, match }`.
 *
 * Filtered, it has those that match and, unless it is sorted, those above them, which are not folded.
 */
export function outline(
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

/** Whether a row is wanted; `undefined` if all are. */
function matcher(query, states, stuck) {
  const wanted = query.trim().toLowerCase();
  if (wanted === "" && states.size === 0 && !stuck) return undefined;
  const number = /^#(\d+)$/.exec(wanted)?.[1];
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
