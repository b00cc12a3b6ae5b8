import { formatAll, formatValue, withoutOwnFrames } from "./print_value.ts";
import { textTable } from "./text_table.ts";

/** What stands for `console` in a session: all of it is written to the session. */
export type SessionConsole = Pick<
  Console,
  "assert" | "debug" | "dir" | "error" | "info" | "log" | "table" | "trace" | "warn"
>;

/** Makes one. */
export function sessionConsole(print: (...values: unknown[]) => void): SessionConsole {
  return {
    debug: print,
    error: print,
    info: print,
    log: print,
    warn: print,
    dir: (value: unknown) => print(formatValue(value)),
    assert(condition?: boolean, ...values: unknown[]): void {
      if (!condition) {
        print(values.length === 0 ? "Assertion failed" : `Assertion failed: ${formatAll(values)}`);
      }
    },
    table: (data: unknown, columns?: string[]) => print(tableOf(data, columns)),
    trace(...values: unknown[]): void {
      const [, ...frames] = withoutOwnFrames(new Error().stack ?? "").split("\n");
      print([`Trace: ${formatAll(values)}`, ...frames].join("\n"));
    },
  };
}

/** The rows of `data`, with a column for each of their properties; data without rows is shown as it is. */
function tableOf(data: unknown, columns: string[] | undefined): string {
  if (typeof data !== "object" || data === null) return formatValue(data);
  const rows = data instanceof Map
    ? [...data]
    : data instanceof Set
    ? [...data].entries()
    : Object.entries(data);
  const entries: [string, unknown][] = Array.from(rows, ([key, row]) => [formatAll([key]), row]);
  const records = entries.filter(([, row]) => typeof row === "object" && row !== null);
  const names = columns ?? [...new Set(records.flatMap(([, row]) => Object.keys(row as object)))];
  const hasValues = records.length < entries.length;
  const head = ["", ...names, ...(hasValues ? ["value"] : [])];
  return textTable([head, ...entries.map(([key, row]) => cellsOf(key, row, names))]);
}

function cellsOf(key: string, row: unknown, names: readonly string[]): string[] {
  if (typeof row !== "object" || row === null) return [key, ...names.map(() => ""), formatValue(row)];
  return [
    key,
    ...names.map((name) => name in row ? formatValue((row as Record<string, unknown>)[name]) : ""),
  ];
}
