/** Outside of greenlets, what is patched is what it was: each case is run without and with patches. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { patch, spawn } from "@verdant/green";
import { originalOf } from "@verdant/green/hub";
import process from "node:process";

// deno-lint-ignore no-explicit-any -- functions of every signature
type Any = any;

const builtin = (name: string) => (process as Any).getBuiltinModule(name);

/** What can be told of a call: not what it returned, but of which kind. */
async function outcome(call: () => unknown): Promise<string> {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    return `throws ${describe(error)}`;
  }
  const type = Object.prototype.toString.call(result);
  if (!(result instanceof Promise)) return `returns ${type}`;
  const keys = Reflect.ownKeys(result).length;
  try {
    return `${type} ${result.constructor === Promise} ${keys} of ${describe(await result)}`;
  } catch (error) {
    return `${type} ${result.constructor === Promise} ${keys} fails with ${describe(error)}`;
  }
}

function describe(value: unknown): string {
  if (value instanceof Error) {
    return `${value.constructor.name} ${value.name} ${(value as Any).code} ${value.message}`;
  }
  return typeof value === "object" ? Object.prototype.toString.call(value) : String(value);
}

const CALLS: Record<string, () => unknown> = {
  "a file": () => Deno.readTextFile(new URL(import.meta.url)).then((text) => text.length),
  "a file that is missing": () => Deno.readFile("/nowhere"),
  "an aborted read": () => Deno.readFile("/etc/passwd", { signal: AbortSignal.abort("no") }),
  "no path": () => Deno.readFile(undefined as Any),
  "a folder that is missing": () => Deno.readDir("/nowhere"),
  "a folder that is no path": () => Deno.readDir(7 as Any),
  "open without a path": () => Deno.open(undefined as Any),
  "open nothing": () => Deno.open("/nowhere"),
  "stat": () => Deno.stat("/"),
  "connect to nothing": () => Deno.connect({ port: 1, hostname: "127.0.0.1" }),
  "connect without options": () => (Deno.connect as Any)(),
  "listen without options": () => (Deno.listen as Any)(),
  "resolve without a name": () => (Deno.resolveDns as Any)(),
  "a command that is missing": () => new Deno.Command("/nowhere").spawn(),
  "a command without new": () => (Deno.Command as Any)("x"),
  "the output of nothing": () => new Deno.Command("/nowhere").output(),
  "an output": () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).output(),
  "fetch data": () => fetch("data:text/plain,hi").then((response) => response.text()),
  "fetch nonsense": () => fetch("nonsense:"),
  "fetch without an address": () => (fetch as Any)(),
  "a socket without an address": () => new (WebSocket as Any)(),
  "a socket without new": () => (WebSocket as Any)("ws://x"),
  "no callback": () => (setTimeout as Any)(),
  "clear nothing": () => clearTimeout(undefined),
  "node's file": () => builtin("node:fs/promises").readFile("/nowhere"),
  "node's file without a path": () => builtin("node:fs/promises").readFile(),
  "node's look-up without a name": () => builtin("node:dns/promises").resolve(7),
  "node's pause": () => builtin("node:timers/promises").setTimeout(1, "value"),
  "node's bad pause": () => builtin("node:timers/promises").setTimeout(1, 1, { signal: 5 }),
};

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`patch() changes nothing outside greenlets: ${name}`, async () => {
    const before = await outcome(call);
    using _patches = patch();
    assertEquals(await outcome(call), before);
  });
}

/** They fail in greenlets as well, with the same class and another message. */
const WORDED_OTHERWISE = ["connect without options", "fetch without an address"];

for (const [name, call] of Object.entries(CALLS)) {
  if (WORDED_OTHERWISE.includes(name)) continue;
  Deno.test(`patch() changes neither results nor errors in greenlets: ${name}`, async () => {
    const before = await outcome(call);
    using _patches = patch({ timers: false });
    assertEquals(await spawn(() => outcome(call)).get(), before);
  });
}

/** What can be seen of functions without calling them. */
function looks(): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const modules = ["node:fs/promises", "node:dns/promises", "node:timers/promises"].map(builtin);
  for (const [index, owner] of [globalThis, Deno, Deno.stdin, ...modules].entries()) {
    for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      let fn: Any;
      try {
        fn = (owner as Any)[key];
      } catch {
        continue;
      }
      if (
        typeof fn !== "function" || (owner === globalThis && !/^(fetch|(set|clear)[TI]|WebSocket)/.test(key))
      ) continue;
      const names = Reflect.ownKeys(fn).map(String).filter((own) =>
        own !== "prototype" && own !== "caller" && own !== "arguments"
      );
      found[`${index} ${key}`] = [fn.name, fn.length, names.sort().join(), descriptor.enumerable, typeof fn];
    }
  }
  return found;
}

Deno.test("patch() keeps names, lengths, properties and whether they are enumerable", () => {
  const before = looks();
  using _patches = patch();
  const after = looks();
  const changed = Object.keys(before).filter((key) => String(after[key]) !== String(before[key]));
  assertEquals(changed.map((key) => [before[key], after[key]]), []);
});

Deno.test("patch() keeps instanceof, constants and subclasses", () => {
  const { Command } = Deno;
  const before = new Command("x");
  using _patches = patch();
  assert(before instanceof Deno.Command && new Deno.Command("x") instanceof Command);
  assertEquals([WebSocket.OPEN, WebSocket.name], [1, "WebSocket"]);
  class Mine extends Deno.Command {
    readonly mine = 1;
  }
  assert(new Mine("x") instanceof Mine && new Mine("x") instanceof Command && new Mine("x").mine === 1);
});

Deno.test("patch() is over for code that a greenlet left behind", async () => {
  using _patches = patch({ files: true });
  let later!: () => void;
  const left = new Promise<boolean>((resolve) => {
    later = () => resolve(true);
  });
  const called: string[] = [];
  const greenlet = spawn(() => {
    setImmediate(() => { // its greenlet has ended by then: it is nobody's any more
      Deno.stat("/").then(() => called.push("stat")).then(later);
    });
  });
  await greenlet.join();
  assertStrictEquals(await left, true);
  assertEquals(called, ["stat"]);
});

Deno.test("originalOf() of a function that nobody patched is that function", () => {
  assertStrictEquals(originalOf(Deno.stat), Deno.stat);
});
