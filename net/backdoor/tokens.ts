/**
 * The tokens of JavaScript, as far as they are needed to find the declarations of an entry. No parser: whether
 * something is right is for V8 to say.
 */

/** One token; white space and comments are none. */
export interface Token {
  readonly kind: "word" | "number" | "text" | "regexp" | "punctuator";
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many brackets are open around it; a bracket itself is outside. */
  readonly depth: number;
}

/** What a piece of source consists of. */
export interface Tokens {
  readonly list: readonly Token[];
  /** Whether something has been opened that is not closed: a bracket, a template, a comment. */
  readonly open: boolean;
  /** Whether a bracket is closed that was not opened. */
  readonly mismatched: boolean;
}

const BLANK = /\s+|\/\/[^\n\r\u2028\u2029]*/y;
const COMMENT = /\/\*(?:[^*]|\*(?!\/))*(\*\/)?/y;
const WORD = /[#\\\p{ID_Start}$_][\\\p{ID_Continue}$\u200c\u200d]*/yu;
const NUMBER = /\.?\d(?:[eE][+-]|[\w.])*/y;
const TEXT = /"(?:[^"\\\n]|\\[^])*"?|'(?:[^'\\\n]|\\[^])*'?/y;
const REGEXP = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
const PUNCTUATOR = /=>|\+\+|--|[=!]==?|\.\.\.|\?\.|[^]/yu;
/** The rest of a template up to its end, or to the next expression in it. */
const TEMPLATE = /(?:[^`\\$]|\\[^]|\$(?!\{))*(`|\$\{)?/y;

const CLOSER: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}", "${": "}" };
/** Behind these words, a slash begins a regular expression. */
const BEFORE_OPERAND = new Set(
  "await case delete do else in instanceof new of return throw typeof void yield".split(" "),
);
/** Behind these, a slash divides. A brace may end a block: then it is wrong, and V8 will not mind. */
const ENDS_OPERAND = new Set([")", "]", "}", "++", "--"]);

/** Cuts source into tokens. */
export function tokenize(source: string): Tokens {
  const list: Token[] = [];
  /** The brackets that are open, innermost last. */
  const brackets: string[] = [];
  let at = 0;
  let open = false;
  let mismatched = false;

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found === null || found[0] === "") return null;
    at += found[0].length;
    return found;
  };
  const push = (kind: Token["kind"], text: string) =>
    void list.push({ kind, text, start: at - text.length, end: at, depth: brackets.length });
  const scanTemplate = (first: string) => {
    const rest = match(TEMPLATE);
    push("text", first + (rest?.[0] ?? ""));
    if (rest?.[1] === "${") brackets.push("${");
    else if (rest?.[1] !== "`") open = true;
  };
  const scanPunctuator = (text: string) => {
    if (text === "`") return scanTemplate(text);
    if (text in CLOSER) {
      push("punctuator", text);
      brackets.push(text);
    } else if (text === ")" || text === "]" || text === "}") {
      const opener = brackets.pop();
      if (opener === undefined || CLOSER[opener] !== text) mismatched = true;
      if (opener === "${") scanTemplate(text);
      else push("punctuator", text);
    } else push("punctuator", text);
  };

  while (at < source.length) {
    if (match(BLANK)) continue;
    const comment = match(COMMENT);
    if (comment !== null) {
      if (comment[1] === undefined) open = true;
      continue;
    }
    const found = match(WORD) ?? match(NUMBER) ?? match(TEXT) ??
      (operandMayFollow(list.at(-1)) ? match(REGEXP) : null);
    if (found !== null) push(kindOf(found[0]), found[0]);
    else scanPunctuator(match(PUNCTUATOR)![0]);
  }
  return { list, open: open || brackets.length > 0, mismatched };
}

function operandMayFollow(last: Token | undefined): boolean {
  if (last === undefined) return true;
  if (last.kind === "punctuator") return !ENDS_OPERAND.has(last.text);
  return last.kind === "word" && BEFORE_OPERAND.has(last.text);
}

function kindOf(text: string): Token["kind"] {
  const first = text[0]!;
  if (first === '"' || first === "'") return "text";
  if (first === "/") return "regexp";
  return /^\.?\d/.test(text) ? "number" : "word";
}
