import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { GreenletExit, Queue, sleep, spawnRaw, spawnWith } from "@verdant/green";
import { formatAll, formatError, formatValue, withoutOwnFrames } from "../../../net/backdoor/print_value.ts";
import { sessionConsole } from "../../../net/backdoor/session_console.ts";
import { textTable } from "../../../net/backdoor/text_table.ts";
import { captureErrors } from "../../helpers.ts";

const hostile = {
  thrower: {
    [Symbol.for("Deno.customInspect")]: () => {
      throw new Error("not me");
    },
  },
  worse: {
    [Symbol.for("Deno.customInspect")]() {
      throw {
        toString() {
          throw new Error("nor me");
        },
      };
    },
  },
  proxy: new Proxy({}, {
    get: () => {
      throw new Error("trapped");
    },
    getPrototypeOf: () => {
      throw new Error("trapped");
    },
    ownKeys: () => {
      throw new Error("trapped");
    },
  }),
};

Deno.test("formatValue() shows values without colours and tabs, no deeper than four levels", () => {
  assertEquals(
    formatValue({ a: "b\tc", d: [1, null, undefined] }),
    '{ a: "b\\tc", d: [ 1, null, undefined ] }',
  );
  assertEquals(formatValue("a\nb"), '"a\\nb"');
  const deep = formatValue({ 1: { 2: { 3: { 4: { 5: { 6: 7 } } } } } });
  assert(deep.includes("[Object]") && !deep.includes("6"), deep);
  assertStringIncludes(formatValue(new Array(1000).fill(0)), "900 more items");
});

Deno.test("formatValue() shows what throws when it is looked at", () => {
  assertStringIncludes(formatValue(hostile.thrower), "cannot be shown: Error: not me");
  assertStringIncludes(formatValue(hostile.worse), "it throws when it is converted to text");
  assertStringIncludes(formatValue(hostile.proxy), "cannot be shown");
  assertStringIncludes(
    formatValue({
      get a() {
        throw new Error("never called");
      },
    }),
    "[Getter]",
  );
});

Deno.test("formatValue() shows a greenlet in a line", async () => {
  using _errors = captureErrors();
  const queue = new Queue<void>();
  const worker = spawnWith({ name: "worker" }, () => queue.get());
  const broken = spawnWith({ name: "broken" }, () => {
    throw new Error("no");
  });
  assertEquals(formatValue(worker), `#${worker.id} worker`);
  await sleep();
  assertMatch(formatValue(worker), /^#\d+ worker, waiting for Queue get/);
  assertMatch(formatValue(broken), /^#\d+ broken, failed: Error: no$/);
  await worker.kill();
  assertMatch(formatValue(worker), /^#\d+ worker, ended$/);
});

Deno.test("formatAll() leaves text as it is", () => {
  assertEquals(formatAll(["a b", 1, ["c"], undefined]), 'a b 1 [ "c" ] undefined');
});

Deno.test("formatError() shows any error without the frames of the library", () => {
  const error = new Error("outside", { cause: new TypeError("inside") });
  error.stack += "\n    at thing (file:///app/main.ts:1:2)\n    at eval (entry-12, <anonymous>:4:7)";
  error.stack += `\n    at compile (${new URL("../../../net/backdoor/compile.ts", import.meta.url)}:1:1)`;
  const text = formatError(error);
  assert(text.startsWith("Uncaught Error: outside\n"), text);
  for (
    const part of ["app/main.ts:1:2", "at entry-12:1:7", "at entry-12:1:7 {\n  [cause]: TypeError: inside\n"]
  ) {
    assertStringIncludes(text, part);
  }
  assertFalse(/net\/backdoor\/compile/.test(text), text);
});

Deno.test("formatError() shows what is no error, and kills", () => {
  assertEquals(formatError(5), "Uncaught 5");
  assertEquals(formatError(undefined), "Uncaught undefined");
  assertStringIncludes(formatError(hostile.proxy), "Uncaught [cannot be shown");
  assertMatch(formatError(new GreenletExit("enough")), /^GreenletExit: enough\n/);
});

Deno.test("withoutOwnFrames() says which line of an entry it was", () => {
  const stack =
    "Error: x\n    at f (entry-3, <anonymous>:6:9)\n    at async g (eval (entry-2, <anonymous>:4:1))";
  assertStringIncludes(withoutOwnFrames(stack), "at f entry-3:3:9\n");
});

Deno.test("textTable() makes the columns as wide as they need to be", () => {
  assertEquals(
    textTable([["id", "name", "x"], ["1", "long name", ""], ["100", "n", "y z"]]),
    [
      "id   name       x",
      "1    long name",
      "100  n          y z",
    ].join("\n"),
  );
  assertEquals(textTable([]), "");
});

Deno.test("sessionConsole() prints what the console would", () => {
  const seen: string[] = [];
  const console = sessionConsole((...values) => void seen.push(formatAll(values)));
  for (const method of ["log", "info", "debug", "warn", "error"] as const) console[method](method, 1);
  assertEquals(seen.splice(0), ["log 1", "info 1", "debug 1", "warn 1", "error 1"]);
  console.dir("a");
  console.assert(true, "fine");
  console.assert(false, "not", 1);
  console.assert(false);
  assertEquals(seen.splice(0), ['"a"', "Assertion failed: not 1", "Assertion failed"]);
  console.table([{ a: 1, b: "x" }, { a: 2 }, 3]);
  console.table(new Map([["k", { a: 1 }]]), ["a"]);
  console.table(new Set([7]));
  console.table(5);
  assertEquals(seen.splice(0), [
    '   a  b    value\n0  1  "x"\n1  2\n2          3',
    "   a\nk  1",
    "   value\n0  7",
    "5",
  ]);
  console.trace("here");
  assertMatch(seen[0]!, /^Trace: here\n\s+at .*print_value_test/);
});

Deno.test("formatValue() shows a raw task, too", async () => {
  let seen = "";
  const { callerTask } = await import("../../../hub/mod.ts");
  spawnRaw(function rawOne() {
    seen = formatValue(callerTask());
  });
  await sleep();
  assertMatch(seen, /^#\d+ rawOne$/);
});
