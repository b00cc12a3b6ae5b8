/** The text of a function that is sent to another thread, where it is made a function again. */

const NATIVE = /\{\s*\[native code\]\s*\}\s*$/;
/** The beginning of a function that is no arrow function: its `this` would be nothing. */
const HEAD = /^(?:async\s+)?(?:function\b\s*)?\*?\s*[\w$]*\s*\([^()]*\)\s*\{/;
/** What has a `this` of its own: inner functions, classes, and methods, which look like calls with a block. */
const HAS_OWN_THIS =
  /\b(?:function|class)\b|(?<![\w$])(?!(?:if|for|while|switch|catch|with)\b)[\w$]+\s*\([^()]*\)\s*\{/;
const NOT_CODE = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;

/**
 * The expression that makes a function again.
 *
 * @throws {TypeError} If it is known to need what is around it: a native or bound function, a class, an arrow
 * function that uses `this`.
 */
export function textOf(fn: (...args: never[]) => unknown): string {
  const text = String(fn);
  if (NATIVE.test(text)) throw unfit(fn, "its text is native code, or it is bound");
  if (/^class\b/.test(text)) throw unfit(fn, "it is a class");
  const expression = [text, `({${text}})[Object.keys({${text}})[0]]`].find(isExpression);
  if (expression === undefined) throw unfit(fn, "its text cannot stand alone");
  if (needsThis(text)) throw unfit(fn, "it uses this");
  return expression;
}

/** Makes the function of its text. */
export function functionOf(expression: string): (...args: unknown[]) => unknown {
  return new Function(`"use strict"; return (${expression}\n)`)();
}

function isExpression(text: string): boolean {
  try {
    new Function(`"use strict"; return (${text}\n)`);
    return true;
  } catch {
    return false;
  }
}

/** Only certain without inner functions, to which `this` might belong. */
function needsThis(text: string): boolean {
  const code = text.replace(NOT_CODE, '""').replace(HEAD, "");
  return /\bthis\b/.test(code) && !HAS_OWN_THIS.test(code);
}

function unfit(fn: { readonly name: string }, why: string): TypeError {
  return new TypeError(
    `Cannot use ${fn.name || "function"} as task: it must be self-contained, and ${why}; ` +
      "export it from a module and use task()",
  );
}
