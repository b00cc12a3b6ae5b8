import { assertEquals } from "@std/assert";
import { readEntry } from "../../../net/backdoor/entry_source.ts";

/** What an entry is made of: what comes before the last statement, and that. */
const parts = (source: string) => {
  const { head, tail } = readEntry(source);
  return [head, tail];
};

Deno.test("readEntry() makes assignments of what is declared at the top level", () => {
  const expected: [string, string][] = [
    ["let x = 1", "0,  x = 1"],
    ["const x = 1, y = f(1, 2)", "0,    x = 1, y = f(1, 2)"],
    ["var x", "0,  x = undefined"],
    ["let x, y = 1, z", "0,  x = undefined, y = 1, z = undefined"],
    ["const {a, b: [c]} = d", "0,    {a, b: [c]} = d"],
    ["let [a = 1, ...b] = c", "0,  [a = 1, ...b] = c"],
    ["function f(a = {}) { return {} }", "f = function f(a = {}) { return {} };"],
    ["async function f() {}", "f = async function f() {};"],
    ["function* f() {}", "f = function* f() {};"],
    ["async function* f() {}", "f = async function* f() {};"],
    ["class A {}", "A = class A {};"],
    ["class A extends B(class {}) { m() {} }", "A = class A extends B(class {}) { m() {} };"],
    ["if (x) { y } let z = 1", "if (x) { y } 0,  z = 1"],
    ["if (x) var y = 1", "if (x) 0,  y = 1"],
  ];
  for (const [source, tail] of expected) assertEquals(parts(source), ["", tail], source);
});

Deno.test("readEntry() leaves alone what is no declaration at the top level", () => {
  const sources = [
    "1 + 1",
    "for (let i = 0; i < 3; i++) f(i)",
    "for (const x of y) { const z = x }",
    "() => { let x = 1 }",
    "{ let x = 1 }",
    "a.let = b.const + c?.class",
    "({ let: 1, class: 2 })",
    "f = function g() {}",
    "x = class A {}",
    "(function f() {})",
    "function () {}",
    "class {}",
    "class extends A {}",
    "async () => 1",
    "let = 5",
    "let in x",
    "'let x = 1'",
    "`let x = 1`",
    "// let x = 1",
    "/* let x = 1 */",
    "/let x/",
    "await using x = f()",
  ];
  for (const source of sources) {
    assertEquals(parts(source), ["", source]);
    assertEquals([readEntry(source).declaresLast, readEntry(source).names], [false, []], source);
  }
});

Deno.test("readEntry() takes modules from where the program does", () => {
  const expected: [string, string][] = [
    ["import('a')", "importModule('a')"],
    ["await import ('a', {})", "await importModule ('a', {})"],
    ["let x = import(import('a'))", "0,  x = importModule(importModule('a'))"],
    ["() => { return import('a') }", "() => { return importModule('a') }"],
    ["a.import('b') + a?.import('c') + 'import(d)'", "a.import('b') + a?.import('c') + 'import(d)'"],
    ["import.meta", "import.meta"],
  ];
  for (const [source, tail] of expected) {
    assertEquals(parts(source), ["", tail]);
    assertEquals(readEntry(source).declaresLast, source.startsWith("let"));
  }
});

Deno.test("readEntry() splits off the last statement", () => {
  const expected: [string, string, string][] = [
    ["a; b", "a;", " b"],
    ["a; b;", "a;", " b"],
    ["let x = 1; x", "0,  x = 1;", " x"],
    ["function f() {} f()", "f = function f() {};", " f()"],
    ["f(';'); `;${a; b}`", "f(';');", " `;${a; b}`"],
    ["for (;;) { a; b }", "", "for (;;) { a; b }"],
    ["/;/; b // c; d", "/;/;", " b // c; d"],
    ["a; let x", "a;", " 0,  x = undefined"],
    ["let x; let y;", "0,  x = undefined;", " 0,  y = undefined"],
    ["class A {} class B {}", "A = class A {};", " B = class B {};"],
    ["", "", ""],
    [";", "", ""],
  ];
  for (const [source, head, tail] of expected) assertEquals(parts(source), [head, tail], source);
});

Deno.test("readEntry() says whether the last statement declares something", () => {
  const declares = (source: string) => readEntry(source).declaresLast;
  assertEquals(["let x = 1", "x; let y", "function f() {}", "class A {}"].map(declares), [
    true,
    true,
    true,
    true,
  ]);
  assertEquals(["x", "let x = 1; x", "function f() {} f()"].map(declares), [false, false, false]);
});

Deno.test("readEntry() names what is declared", () => {
  const expected: [string, string[]][] = [
    ["let x = 1, y", ["x", "y"]],
    ["const { a, b: [c], ...d } = e", ["a", "b", "c", "d"]],
    ["function f(a) {} class A {}", ["f", "A"]],
    ["let ünï = 1, $_ = 2", ["ünï", "$_"]],
    ["x = 1", []],
  ];
  for (const [source, names] of expected) assertEquals(readEntry(source).names, names);
});

Deno.test("readEntry() knows what is still open, and what was never opened", () => {
  const state = (source: string) => {
    const { open, mismatched } = readEntry(source);
    return mismatched ? "mismatched" : open ? "open" : "closed";
  };
  const expected = {
    closed: [
      "",
      "f({ a: [1] })",
      "`${`${a}`}`",
      "/[(]/",
      "'('",
      '"\\"("',
      "// (",
      "/* ( */",
      "a / b / c",
      "x++ / (2)",
    ],
    open: ["(", "f(1,", "{ a: [1]", "`abc", "`a${b", "`a${b}", "`${`", "/* a", "() => {"],
    mismatched: [")", "a }", "(]", "1); (2", "`${)}`"],
  };
  for (const [kind, sources] of Object.entries(expected)) {
    for (const source of sources) assertEquals([source, state(source)], [source, kind]);
  }
});

Deno.test("readEntry() tells a regular expression from a division", () => {
  const separators = (source: string) => readEntry(source).head;
  for (const before of ["return", "typeof", "(", ",", "=", "=>", "!", "&&", "{", "case"]) {
    const source = `${before} /;(/; b`;
    assertEquals(separators(source).endsWith("/;(/;") || readEntry(source).open, true, source);
  }
  for (const before of ["a", "1", "a)", "a]", "'a'", "a++", "`a`"]) {
    assertEquals(separators(`${before} / 2; b / 3`), `${before} / 2;`.replace(/^$/, ""), before);
  }
});
