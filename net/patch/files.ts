import { until } from "../../hub/mod.ts";
import { isOutside } from "../../green/outside.ts";
import { receiving, sending } from "./conns.ts";
import { greenFile } from "./file.ts";
import type { Replacement } from "./replacement.ts";
import { abortable, type AnyFunction, begun, imitate, throughHub } from "./through_hub.ts";

/** Functions whose options, at this position, take a signal. */
const WITH_SIGNAL = { readFile: 1, readTextFile: 1, writeFile: 2, writeTextFile: 2 };
/** Functions that only have a result. */
const PLAIN = [
  ...["chmod", "chown", "copyFile", "link", "lstat", "makeTempDir", "makeTempFile", "mkdir", "readLink"],
  ...["realPath", "remove", "rename", "stat", "symlink", "truncate", "utime"],
];

/** The file functions of `Deno`, and the standard streams. */
export function fileReplacements(): Replacement[] {
  return [
    ...Object.entries(WITH_SIGNAL).map(([key, optionsAt]) => ofDeno(key, aborting(optionsAt))),
    ...PLAIN.map((key) => ofDeno(key, waiting)),
    ...["open", "create"].map((key) => ofDeno(key, opening)),
    ofDeno("readDir", listing),
    { path: "Deno.stdin.read", target: () => Deno.stdin, key: "read", make: receiving },
    { path: "Deno.stdout.write", target: () => Deno.stdout, key: "write", make: sending },
    { path: "Deno.stderr.write", target: () => Deno.stderr, key: "write", make: sending },
  ];
}

/** A property of `Deno`. */
export function ofDeno(key: string, make: Replacement["make"]): Replacement {
  return { path: `Deno.${key}`, target: () => Deno, key, make };
}

/** Waits for the result. */
export function waiting(original: AnyFunction, what: string): AnyFunction {
  return throughHub(original, { what });
}

/** Aborts it when it is interrupted. */
export function aborting(optionsAt: number): Replacement["make"] {
  return (original, what) =>
    throughHub(original, { wait: (call, args) => abortable(call, args, optionsAt, { what }) });
}

function opening(original: AnyFunction, what: string): AnyFunction {
  // Also outside of greenlets: the file may be used in one.
  function open(this: unknown, ...args: unknown[]): Promise<Deno.FsFile> {
    const begin = () => (Reflect.apply(original, this, args) as Promise<Deno.FsFile>).then(greenFile);
    return isOutside() ? begin() : begun(begin, { what, abandon: (late) => late.close() });
  }
  return imitate(open, original);
}

/** Asks for each entry through the hub. */
function listing(original: AnyFunction, what: string): AnyFunction {
  function readDir(path: string | URL): AsyncIterable<Deno.DirEntry> {
    const entries = original(path) as AsyncIterable<Deno.DirEntry>;
    return isOutside() ? entries : { [Symbol.asyncIterator]: () => greenIterator(entries, what) };
  }
  return imitate(readDir, original);
}

/**
 * An iterator that asks for each item through the hub. Interrupted, it ends: `for await` would not see to that.
 * `abort` ends one that would first wait for its next item.
 */
export function greenIterator<T>(
  source: AsyncIterable<T>,
  what: string,
  abort?: () => void,
): AsyncIterableIterator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const end = (value?: unknown) => iterator.return?.(value) ?? Promise.resolve({ done: true, value });
  const ended = () => {
    abort?.();
    end().catch(() => {});
  };
  return {
    next() {
      const item = until(() => iterator.next(), { what });
      item.catch(ended);
      return item;
    },
    return: (value) => end(value) as Promise<IteratorResult<T>>,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
