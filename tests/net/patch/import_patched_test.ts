// deno-lint-ignore-file no-explicit-any -- modules made of text have no types
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { importPatched, isPatched, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";
import { captureWarnings } from "./warnings.ts";

/** A module of its own each time. */
let modules = 0;
function moduleOf(text: string): string {
  return `data:text/javascript,${encodeURIComponent(`${text}\n// ${modules++}`)}`;
}

/** Puts what it uses into variables when it is loaded. */
const CAPTURING = `
  const { stat } = Deno;
  export const captured = () => stat(".");
  export const hang = () => new Promise(() => {});
  export class Client {
    hang() { return new Promise(() => {}); }
  }
  export default { hang };
`;

Deno.test("importPatched() loads a module while everything is patched, and only then", async () => {
  const module = await importPatched(moduleOf(CAPTURING)) as any;
  assert(!isPatched("files"));
  const waiting = spawn(() => module.captured());
  await sleep();
  assert(dump().includes("Deno.stat"), "what it has captured is patched for good");
  assert((await waiting.get() as Deno.FileInfo).isDirectory);
});

Deno.test("importPatched() gives a view: functions, classes, and what is exported by default", async () => {
  const module = await importPatched(() => import(moduleOf(CAPTURING))) as any;
  await assertRejects(() => withTimeout(1, () => module.hang()), Timeout);
  await assertRejects(() => withTimeout(1, () => module.default.hang()), Timeout);
  await assertRejects(() => withTimeout(1, () => new module.Client().hang()), Timeout);
});

Deno.test("importPatched() takes hooks, for functions and for the instances of classes", async () => {
  const log: string[] = [];
  const hooks = {
    hang: { cancel: () => void log.push("function") },
    Client: { view: { hang: { cancel: () => void log.push("method") } } },
  };
  const module = await importPatched<any>(moduleOf(CAPTURING), hooks);
  await assertRejects(() => withTimeout(1, () => module.hang()), Timeout);
  await assertRejects(() => withTimeout(1, () => module.default.hang()), Timeout);
  await assertRejects(() => withTimeout(1, () => new module.Client().hang()), Timeout);
  assertEquals(log, ["function", "function", "method"]);
});

Deno.test("importPatched() that fails leaves nothing patched", async () => {
  await assertRejects(() => importPatched(moduleOf("throw new RangeError('no');")), RangeError, "no");
  await assertRejects(() => importPatched(() => Promise.reject(new Error("none"))), Error, "none");
  assert(!isPatched("fetch"));
});

Deno.test("importPatched() that is killed leaves nothing patched", async () => {
  const loading = spawn(() => importPatched(() => new Promise<never>(() => {})));
  await sleep();
  assert(isPatched("fetch"));
  assert(dump().includes("waits for a module"));
  await loading.kill();
  assert(!isPatched("fetch"));
});

Deno.test("importPatched() refuses what cannot be imported, at the call", () => {
  for (const bad of [undefined, 5, {}]) {
    assertThrows(
      () => importPatched(bad as any),
      TypeError,
      `expected a function or a specifier, received ${bad}`,
    );
  }
  assert(!isPatched("fetch"));
});

Deno.test("importPatched() does not warn of what was loaded before", async () => {
  const { createRequire } = await import("node:module");
  const cache = createRequire(import.meta.url).cache as Record<string, unknown>;
  using warnings = captureWarnings();
  cache["/x/node_modules/loaded/index.js"] = {};
  try {
    await importPatched(moduleOf(CAPTURING));
  } finally {
    delete cache["/x/node_modules/loaded/index.js"];
  }
  assertEquals(warnings.seen, []);
});
