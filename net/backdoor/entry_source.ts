import { type Token, tokenize } from "./tokens.ts";

/**
 * An entry whose declarations are assignments instead, so that what they declare lasts: `const x = 1` becomes
 * `0, x = 1`, and `class A {}` becomes `A = class A {};`. Only declarations at its top level: those in blocks,
 * loops and functions stay what they are. `import()` is a function of the session, which knows where modules are.
 */
export interface EntrySource {
  /** What comes before the last statement, which may be nothing. */
  readonly head: string;
  /** The last statement without its semicolon. */
  readonly tail: string;
  /** Whether the last statement declares something, so that it has no value. */
  readonly declaresLast: boolean;
  /** The names that are declared; maybe a few more, from patterns. */
  readonly names: readonly string[];
  /** Whether something has been opened that is not closed. */
  readonly open: boolean;
  /** Whether a bracket is closed that was not opened. */
  readonly mismatched: boolean;
}

/** A piece of source that is replaced. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Whether it belongs to a declaration. */
  readonly declares: boolean;
}

/** The function of a session that stands for `import`. */
const IMPORT = "importModule";

/** Reads an entry. */
export function readEntry(source: string): EntrySource {
  const { list, open, mismatched } = tokenize(source);
  const { edits, names, ends } = findDeclarations(list);
  const split = Math.max(0, ...ends.filter((end) => list.at(-1)!.start >= end));
  const last = list.at(-1);
  const end = last !== undefined && isSeparator(last) ? last.start : source.length;
  const inTail = edits.filter(({ start }) => start >= split);
  return {
    head: apply(edits.slice(0, edits.length - inTail.length), source.slice(0, split), 0),
    tail: apply(inTail, source.slice(split, Math.max(split, end)), split),
    declaresLast: inTail.some(({ declares }) => declares),
    names,
    open,
    mismatched,
  };
}

/** Whether a token ends a statement for certain. */
function isSeparator({ kind, text, depth }: Token): boolean {
  return depth === 0 && kind === "punctuator" && text === ";";
}

/** Makes the edits in a part of the source that begins at `from`. */
function apply(edits: readonly Edit[], part: string, from: number): string {
  let text = "";
  let at = 0;
  for (const edit of edits) {
    text += part.slice(at, edit.start - from) + edit.text;
    at = edit.end - from;
  }
  return text + part.slice(at);
}

function findDeclarations(list: readonly Token[]): DeclarationFinder {
  const finder = new DeclarationFinder(list);
  finder.find();
  finder.edits.sort((a, b) => a.start - b.start);
  return finder;
}

const STARTS_STATEMENT = new Set([";", "}", ")", ":", "else", "do"]);

/** Goes through the tokens of an entry once. */
class DeclarationFinder {
  readonly edits: Edit[] = [];
  readonly names: string[] = [];
  /** Where statements end, as far as semicolons and declarations tell. */
  readonly ends: number[];
  readonly #list: readonly Token[];

  constructor(list: readonly Token[]) {
    this.#list = list;
    this.ends = list.filter(isSeparator).map(({ end }) => end);
  }

  find(): void {
    for (let i = 0; i < this.#list.length; i++) this.#import(i);
    for (let i = 0; i < this.#list.length;) i = this.#step(i);
  }

  #import(i: number): void {
    const { text, start, end } = this.#list[i]!;
    if (text !== "import" || this.#textAt(i + 1) !== "(") return;
    if (this.#textAt(i - 1) === "." || this.#textAt(i - 1) === "?.") return;
    this.edits.push({ start, end, text: IMPORT, declares: false });
  }

  /** @returns Where to go on. */
  #step(i: number): number {
    const token = this.#list[i]!;
    if (token.depth > 0 || token.kind !== "word" || !this.#startsStatement(i)) return i + 1;
    switch (token.text) {
      case "const":
      case "var":
        return this.#declaration(i);
      case "let":
        return this.#isPattern(this.#list[i + 1]) ? this.#declaration(i) : i + 1;
      case "async":
        return this.#textAt(i + 1) === "function" ? this.#definition(i, i + 2) : i + 1;
      case "function":
      case "class":
        return this.#definition(i, i + 1);
      default:
        return i + 1;
    }
  }

  #startsStatement(i: number): boolean {
    const before = this.#list[i - 1];
    return before === undefined || STARTS_STATEMENT.has(before.text);
  }

  /** `const`, `let` and `var` with all that they declare. */
  #declaration(i: number): number {
    const keyword = this.#list[i]!;
    this.#replace(keyword, "0,".padEnd(keyword.text.length));
    do i = this.#declarator(i + 1); while (this.#textAt(i) === ",");
    return i;
  }

  /** One name or pattern, and its value. */
  #declarator(i: number): number {
    const end = this.#skipTo(i, (token) => token.text === "," || token.text === ";");
    const target = this.#list[i];
    if (target === undefined) return i;
    if (target.kind === "word") {
      this.names.push(target.text);
      if (this.#textAt(i + 1) !== "=") this.#insert(target.end, " = undefined");
    } else {
      const close = this.#skipTo(i + 1, () => true);
      for (const { kind, text } of this.#list.slice(i, close)) if (kind === "word") this.names.push(text);
    }
    return end;
  }

  /** A function or class, which is one of an expression if it has no name. */
  #definition(i: number, nameAt: number): number {
    if (this.#textAt(nameAt) === "*") nameAt++;
    const name = this.#list[nameAt];
    if (name?.kind !== "word" || name.text === "extends") return nameAt;
    const body = this.#skipTo(nameAt, ({ text }) => text === "{");
    const close = this.#skipTo(body + 1, ({ text }) => text === "}");
    this.names.push(name.text);
    this.#insert(this.#list[i]!.start, `${name.text} = `);
    const brace = this.#list[close];
    if (brace === undefined) return close;
    this.#replace(brace, "};");
    this.ends.push(brace.end);
    return close + 1;
  }

  /** The next token at the top level that is wanted; behind the last one if there is none. */
  #skipTo(i: number, wanted: (token: Token) => boolean): number {
    while (i < this.#list.length && !(this.#list[i]!.depth === 0 && wanted(this.#list[i]!))) i++;
    return i;
  }

  #isPattern(token: Token | undefined): boolean {
    if (token?.kind === "word") return token.text !== "in" && token.text !== "instanceof";
    return token?.text === "[" || token?.text === "{";
  }

  #textAt(i: number): string | undefined {
    return this.#list[i]?.text;
  }

  #replace({ start, end }: Token, text: string): void {
    this.edits.push({ start, end, text, declares: true });
  }

  #insert(at: number, text: string): void {
    this.edits.push({ start: at, end: at, text, declares: true });
  }
}
