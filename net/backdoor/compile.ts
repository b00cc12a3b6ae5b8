import { type EntrySource, readEntry } from "./entry_source.ts";
import type { Scope } from "./scope.ts";

/** An entry that is not complete: more lines are wanted. */
export class Incomplete {
  /** @param error What is wrong if no more lines come. */
  constructor(readonly error: SyntaxError) {}
}

/** Runs an entry. */
export type Code = () => Promise<unknown>;

type AsyncFunction = (scope: object) => Promise<unknown>;
type AsyncFunctionConstructor = new (parameter: string, body: string) => AsyncFunction;

const AsyncFunction = (async () => {}).constructor as AsyncFunctionConstructor;

/** So many lines stand before the first one of an entry: two of the function, one of ours. */
export const LINES_BEFORE = 3;

/**
 * Makes code of an entry, with top-level `await`; its value is that of its last statement, if that is an expression.
 *
 * @param scope Where it finds its names.
 * @param source JavaScript.
 * @param label How stacks call it; a word.
 * @returns `Incomplete` if it may become right by more lines.
 * @throws {SyntaxError} If it cannot.
 */
export function compile(scope: Scope, source: string, label: string): Code | Incomplete {
  const entry = readEntry(source);
  try {
    if (entry.mismatched) new AsyncFunction("", source); // throws; if not, the tokens are wrong, not the source
    const fn = firstThatCompiles(candidates(entry, source), label);
    scope.declare(entry.names);
    return () => fn.call(undefined, scope.names);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const cause = entry.mismatched ? error : firstErrorIn(source) ?? error;
    if (isIncomplete(cause, entry)) return new Incomplete(cause);
    throw cause;
  }
}

/** As an expression; as statements; and as it is, if what we made of it is wrong. The entry begins in the second line. */
function* candidates({ head, tail, declaresLast }: EntrySource, source: string): Generator<string> {
  if (!declaresLast) yield head === "" ? `return (\n${tail}\n)` : `\n${head}return (${tail}\n)`;
  yield `\n${head}${tail}`;
  yield `\n${source}`;
}

function firstThatCompiles(bodies: Iterable<string>, label: string): AsyncFunction {
  let failure: unknown;
  for (const body of bodies) {
    try {
      // `with`, which needs sloppy code: nothing else makes names of what is known only when they are used. A
      // function that is called by its name alone has the scope for `this`.
      return new AsyncFunction("scope", `with (scope) {${body}\n}\n//# sourceURL=${label}`);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * What V8 says of the source alone, if the end of the function does not follow: so it finds that something is
 * missing, where it would find our brace otherwise.
 */
function firstErrorIn(source: string): SyntaxError | undefined {
  try {
    globalThis.eval(`throw undefined; async () => {${source}`); // is never right; if it is, nothing of it runs
  } catch (error) {
    if (error instanceof SyntaxError) return error;
  }
  return undefined;
}

function isIncomplete({ message }: SyntaxError, { open, mismatched }: EntrySource): boolean {
  if (mismatched) return false; // it cannot be mended by more
  if (message === "Unexpected end of input" || message === "Missing catch or finally after try") return true;
  // For these V8 has no message of its own: it misses a bracket, or dislikes the slash of a comment.
  return open && /^(?:missing|unterminated|invalid or unexpected token)/i.test(message);
}
