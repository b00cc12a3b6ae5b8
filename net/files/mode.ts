/**
 * How a file of text is opened, as in Python: `"r"` to read, `"w"` to write it anew, `"a"` to write at its end, `"x"`
 * to write one that must not exist; `"+"` to do the other, too; `"t"`, which says what is meant anyway.
 *
 * @example Read and write
 * ```ts
 * import { open, type TextMode } from "@verdant/green";
 *
 * const mode: TextMode = "w+";
 * const path = await Deno.makeTempFile();
 * await using file = await open(path, mode);
 * await file.write("text");
 * await Deno.remove(path);
 * ```
 */
export type TextMode = `${"r" | "w" | "a" | "x"}${"" | "+" | "t" | "+t" | "t+"}`;

/**
 * How a file of bytes is opened, as in Python: a {@linkcode TextMode} with `"b"`.
 *
 * @example Write bytes
 * ```ts
 * import { type ByteMode, open } from "@verdant/green";
 *
 * const mode: ByteMode = "wb";
 * const path = await Deno.makeTempFile();
 * await using file = await open(path, mode);
 * await file.write(Uint8Array.of(1, 2, 3));
 * await Deno.remove(path);
 * ```
 */
export type ByteMode = `${"r" | "w" | "a" | "x"}${"b" | "+b" | "b+"}`;

/** What a mode asks for. */
export interface ParsedMode {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  readonly truncate: boolean;
  readonly create: boolean;
  readonly createNew: boolean;
  readonly binary: boolean;
}

const MODE = /^([rwax])(?:(\+)([bt])?|([bt])(\+)?)?$/;

/**
 * Reads a mode.
 *
 * @throws {TypeError} If it is none.
 */
export function parseMode(mode: string): ParsedMode {
  const [, access, ...flags] = MODE.exec(mode) ?? [];
  if (access === undefined) {
    throw new TypeError(
      `Cannot open file: mode must be "r", "w", "a" or "x" with "+", "b" or "t", received ${
        JSON.stringify(mode)
      }`,
    );
  }
  const both = flags.includes("+");
  return {
    read: both || access === "r",
    write: both || access !== "r",
    append: access === "a",
    truncate: access === "w",
    create: access === "w" || access === "a",
    createNew: access === "x",
    binary: flags.includes("b"),
  };
}
