import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ModuleTask, task, tasks, type ThreadPool, transfer } from "@verdant/green";
import { specOf } from "../../../green/threads/task.ts";
import { functionOf, textOf } from "../../../green/threads/task_function.ts";

type Work = typeof import("./work.ts");
const MODULE = new URL("./work.ts", import.meta.url);

Deno.test("task() names a function of a module", () => {
  const fib = task<Work>(MODULE, "fib");
  assertEquals([fib.module, fib.name], [MODULE.href, "fib"]);
  assertEquals(fib instanceof ModuleTask, true);
  // @ts-expect-error: the module exports no such function
  task<Work>(MODULE, "version");
  const typed: ModuleTask<[number], number> = task<Work, "fib">(MODULE, "fib");
  assertEquals(typed.name, "fib");
  // Without the name as a type it is any function of the module.
  const check = (pool: ThreadPool) => {
    const either: Promise<unknown> = pool.apply(fib, [5]);
    // @ts-expect-error: none takes this
    void pool.apply(fib, [new Date()]);
    return either;
  };
  assertEquals(typeof check, "function");
});

Deno.test("task() refuses a URL that is not absolute, and an empty name", () => {
  assertThrows(() => task("./work.ts", "fib"), TypeError, 'received "./work.ts"');
  assertThrows(() => tasks("./work.ts"), TypeError, 'received "./work.ts"');
  for (const name of ["", 5, undefined] as string[]) {
    assertThrows(() => task(MODULE, name), TypeError, `received ${name}`);
  }
});

Deno.test("tasks() has a task for each name and is not thenable", async () => {
  const work = tasks<Work>(MODULE);
  assertEquals([work.fib.name, work.join.module], ["fib", MODULE.href]);
  assertStrictEquals(await Promise.resolve(work), work);
  const check = (pool: ThreadPool) => {
    const result: Promise<string> = pool.apply(work.join, ["a", "b"]);
    // @ts-expect-error: it takes two strings
    void pool.apply(work.join, [1, 2]);
    return result;
  };
  assertEquals(typeof check, "function");
});

Deno.test("textOf() makes text of every kind of function that needs nothing around it", async () => {
  const object = {
    method(a: number) {
      return a + 1;
    },
    async asyncMethod(a: number) {
      return await (a + 1);
    },
    "odd name"(a: number) {
      return a + 1;
    },
  };
  const fns = [
    (a: number) => a + 1,
    async (a: number) => await (a + 1),
    function (a: number) {
      return a + 1;
    },
    function named(a: number): number {
      return a > 100 ? named(0) : a + 1; // a comment at the end
    },
    object.method,
    object.asyncMethod,
    object["odd name"],
    (a: number) => {
      class Counter {
        value = a;
        next() {
          return this.value + 1;
        }
      }
      return new Counter().next();
    },
    (a: number) => {
      const counter = {
        a,
        next() {
          return this.a + 1;
        },
      };
      return counter.next();
    },
    (a: number) => "this".length === 4 && `this`.length > 0 /* this */ ? a + 1 : 0, // this
  ];
  for (const fn of fns) assertEquals(await functionOf(textOf(fn))(41), 42, String(fn));
});

Deno.test("textOf() refuses what is known to need what is around it", () => {
  class Example {
    value = 1;
    readonly arrow = () => this.value;
    method() {
      return this.value;
    }
    get arrowWithBlock() {
      return () => {
        if (this.value > 0) return this.value;
        return 0;
      };
    }
  }
  const example = new Example();
  const bound = ((a: number) => a).bind(undefined);
  const unfit: [(...args: never[]) => unknown, string][] = [
    [Math.max, "native"],
    [bound, "native"],
    [Example as never, "class"],
    [example.arrow, "this"],
    [example.arrowWithBlock, "this"],
    [example.method, "this"],
    [() => import.meta.url, "stand alone"],
  ];
  for (const [fn, why] of unfit) {
    const error = assertThrows(() => textOf(fn), TypeError, why);
    assertEquals(
      error.message.startsWith(`Cannot use ${fn.name || "function"} as task: it must be self-contained`),
      true,
    );
  }
});

Deno.test("specOf() knows a function that is made again, so that threads get its text once", () => {
  const make = () => (a: number) => a * 3;
  const first = specOf(make(), "test");
  assertStrictEquals(specOf(make(), "test"), first);
  assertStrictEquals(specOf(task(MODULE, "fib"), "test"), specOf(task(MODULE, "fib"), "test"));
  const keys = [first, specOf(task(MODULE, "fib"), "test"), specOf(task(MODULE, "join"), "test")].map((s) =>
    s.key
  );
  assertEquals(new Set(keys).size, 3);
});

Deno.test("transfer() refuses what cannot move", () => {
  for (const value of [5, null, undefined, "text"] as never[]) {
    assertThrows(() => transfer(value), TypeError, `received ${value}`);
  }
  assertThrows(() => transfer(new SharedArrayBuffer(1)), TypeError, "it does not move");
  assertThrows(() => transfer(new Uint8Array(new SharedArrayBuffer(1))), TypeError, "it does not move");
  assertThrows(() => transfer({}, [5 as never]), TypeError, "received 5");
});
