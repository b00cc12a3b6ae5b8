import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { compile, Incomplete } from "../../../net/backdoor/compile.ts";
import { Scope } from "../../../net/backdoor/scope.ts";

/** A scope, and how to run entries in it. */
class Bench {
  readonly scope: Scope;

  constructor(readonly variables: Record<string, unknown> = {}, commands: Record<string, unknown> = {}) {
    this.scope = new Scope(variables, commands);
  }

  /** The value of the last entry. */
  async run(...sources: string[]): Promise<unknown> {
    let value: unknown;
    for (const source of sources) {
      const code = compile(this.scope, source, "entry-1");
      assert(!(code instanceof Incomplete), source);
      value = await code();
    }
    return value;
  }
}

Deno.test("compile() gives the value of an expression, awaited", async () => {
  const expected: [string, unknown][] = [
    ["1 + 1", 2],
    ["1 + 1;", 2],
    ["await Promise.resolve(3)", 3],
    ["Promise.resolve(3)", 3],
    ["{ a: 1 }", { a: 1 }],
    ["{}", {}],
    ["a = 1; a + 1", 2],
    ["[1, // one\n2]", [1, 2]],
    ["this === globalThis", true],
    ["return 5", 5],
    ["'use strict'", "use strict"],
    ["x => x / 2 /* half */", undefined],
    ["if (1) 2", undefined],
    ["for (const a of [1]) a", undefined],
    ["let a = 1", undefined],
    ["function f() {}", undefined],
    ["// nothing", undefined],
    ["", undefined],
    [";;", undefined],
  ];
  for (const [source, value] of expected) {
    const seen = await new Bench().run(source);
    assertEquals(typeof seen === "function" ? undefined : seen, value, source);
  }
});

Deno.test("compile() keeps what is declared, for later entries and for closures", async () => {
  const expected: [string[], unknown][] = [
    [["let x = 1", "x"], 1],
    [["const x = 1", "const x = 2", "x"], 2],
    [["const x = 1", "x = 3", "x"], 3],
    [["var x = await Promise.resolve(4)", "x"], 4],
    [["x = 5", "x"], 5],
    [["let x = 1", "let x", "x"], undefined],
    [["const { a, b: [c = 7] } = { a: 6, b: [] }", "[a, c]"], [6, 7]],
    [["let [a, ...b] = [1, 2, 3]", "b"], [2, 3]],
    [["function f(n) { return n < 2 ? 1 : n * f(n - 1) }", "f(5)"], 120],
    [["async function f() { return 8 }", "f()"], 8],
    [["function* f() { yield 9 }", "[...f()]"], [9]],
    [["class A { static made = new A(); who() { return A } }", "A.made.who() === A"], true],
    [["class A {} class B extends A {}", "[A.name, B.name, new B() instanceof A]"], ["A", "B", true]],
    [["let n = 0; const inc = () => ++n", "inc(); inc()", "n"], 2],
    [["let n = 0; function inc() { n++ }", "n = 10", "inc(); n"], 11],
    [["if (true) { var x = 1 } let y = 2", "y"], 2],
    [["let toString = 1", "toString"], 1],
    [["let name = 1", "name"], 1],
    [["let arguments_ = 1; let scope = 2", "scope"], 2],
    [["const { Map: mine } = { Map: 1 }; [mine, typeof Map]"], [1, "function"]],
    [["let x = 1", "delete x", "'x' in globalThis"], false],
  ];
  for (const [sources, value] of expected) {
    assertEquals(await new Bench().run(...sources), value, sources.join());
  }
});

Deno.test("compile() makes no globals", async () => {
  const before = Object.getOwnPropertyNames(globalThis).sort();
  const { variables } = await (async () => {
    const bench = new Bench();
    await bench.run(
      "leak1 = 1",
      "let leak2 = 2",
      "function leak3() {}",
      "[leak4, leak5] = [4, 5]",
      "var leak6",
    );
    await bench.run(
      "(() => { leak7 = 7 })()",
      "for (leak8 of [8]);",
      "class leak9 {}",
      "let performance = 10",
    );
    return bench;
  })();
  assertEquals(Object.getOwnPropertyNames(globalThis).sort(), before);
  assertEquals(typeof globalThis.performance, "object");
  const leaks = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `leak${n}`);
  assertEquals(Object.keys(variables).sort(), [...leaks, "performance"]);
});

Deno.test("compile() looks names up in the variables, then in the commands, then in the program", async () => {
  const bench = new Bench({ a: 1, help: 2 }, { help: 3, b: 4 });
  assertEquals(await bench.run("[a, help, b, typeof Deno]"), [1, 2, 4, "object"]);
  assertEquals(await bench.run("b = 5", "b"), 5);
  assertEquals(bench.variables, { a: 1, help: 2, b: 5 });
  for (const missing of ["nope", "typeof nope", "scope", "arguments", "source", "nope.x", "nope++"]) {
    await assertRejects(() => bench.run(missing), ReferenceError, "is not defined");
  }
});

Deno.test("compile() does not declare what does not compile", async () => {
  const bench = new Bench();
  assertInstanceOf(compile(bench.scope, "let performance = {", "entry-1"), Incomplete);
  assertThrows(() => compile(bench.scope, "let performance = 1 2", "entry-1"), SyntaxError);
  await bench.run("performance.mine = 1; delete performance.mine");
  assertEquals(bench.variables, {});
});

Deno.test("compile() wants more lines where the entry is not complete", () => {
  const { scope } = new Bench();
  const incomplete = [
    "[1,",
    "f(1",
    "f(1,",
    "(",
    "`abc",
    "`a${b",
    "x +",
    "if (x)",
    "try {}",
    "function f() {",
  ];
  incomplete.push(
    "{ a: ",
    "/* c",
    "class A extends",
    "let x = {",
    "x => {",
    "do x",
    "for (;;)",
    "const x =",
    "f(`a",
  );
  for (const source of incomplete) assertInstanceOf(compile(scope, source, "entry-1"), Incomplete, source);
});

Deno.test("compile() refuses what no further line can mend, with V8's own words", () => {
  const { scope } = new Bench();
  const expected: [string, string][] = [
    ["a b", "Unexpected identifier 'b'"],
    ["let x = 1 2", "Unexpected number"],
    [")", "Unexpected token ')'"],
    ["}", "Unexpected token '}'"],
    ["1); (2", "Unexpected token ')'"],
    ["} evil() {", "Unexpected identifier 'evil'"],
    ["else 1", "Unexpected token 'else'"],
    ["'abc", "Invalid or unexpected token"],
    ["break", "Illegal break statement"],
    ["\u0000\u0001\ufffd", "Invalid or unexpected token"],
    ["import x from 'y'", "Cannot use import statement"],
  ];
  for (const [source, message] of expected) {
    assertThrows(() => compile(scope, source, "entry-1"), SyntaxError, message, source);
  }
});

Deno.test("compile() runs nothing while it finds out whether an entry is complete", () => {
  const bench = new Bench({ ran: [] });
  for (const source of ["ran.push(1); (", "ran.push(1) }", "} ran.push(1); {", "}; ran.push(1); () => {"]) {
    try {
      compile(bench.scope, source, "entry-1");
    } catch (error) {
      assertInstanceOf(error, SyntaxError);
    }
  }
  assertEquals(bench.variables, { ran: [] });
});

Deno.test("compile() leaves a regular expression alone that it has taken for something else", async () => {
  // Behind a brace, it takes the slash for a division, and the quote for the beginning of a text.
  const bench = new Bench();
  assertEquals(await bench.run("if (true) {} /'/.test(\"'\"); let x = 1; 7", "8"), 8);
});
