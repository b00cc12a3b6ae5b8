/** What the benches of the network share: medians, ratios, tables, budgets. */

/** The middle one. */
export function median(values: number[]): number {
  return quantile(values, 0.5);
}

/** `"0.97 (0.95–0.99)"`: the median and the quartiles. */
export function spread(values: number[], digits = 2): string {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(values, part).toFixed(digits));
  return `${middle} (${low}–${high})`;
}

function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(part * sorted.length)] ?? NaN;
}

/** Round by round: what disturbs the machine disturbs neighbours alike. */
export function ratios(values: number[], of: number[]): number[] {
  return values.map((value, round) => value / of[round]!);
}

/** Prints rows under a heading; the first column to the left, the others to the right. */
export function printTable(heading: string[], rows: string[][]): void {
  const widths = heading.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  for (const row of [heading, ...rows]) {
    const cells = row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!));
    console.log(cells.join("  ").trimEnd());
  }
}

/** Prints whether a figure is within its budget. */
export function judge(what: string, value: number, sign: "≥" | "≤", budget: number, unit = ""): void {
  const holds = sign === "≥" ? value >= budget : value <= budget;
  const figure = `${value.toFixed(value < 100 ? 2 : 0)}${unit}`;
  console.log(`${what}: ${figure}, budget ${sign} ${budget}${unit}: ${holds ? "ok" : "OVER"}`);
}
