import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { isPatched, original, patch, patchAll, type PatchOptions, unpatch } from "@verdant/green";
import { originalOf } from "@verdant/green/hub";
import { captureWarnings } from "./warnings.ts";

const PLATFORM = {
  fetch: globalThis.fetch,
  setTimeout: globalThis.setTimeout,
  clearInterval: globalThis.clearInterval,
  WebSocket: globalThis.WebSocket,
  connect: Deno.connect,
  readFile: Deno.readFile,
  resolveDns: Deno.resolveDns,
  Command: Deno.Command,
  stdinRead: Deno.stdin.read,
};

function now(): typeof PLATFORM {
  const { fetch, setTimeout, clearInterval, WebSocket } = globalThis;
  const { connect, readFile, resolveDns, Command } = Deno;
  return {
    fetch,
    setTimeout,
    clearInterval,
    WebSocket,
    connect,
    readFile,
    resolveDns,
    Command,
    stdinRead: Deno.stdin.read,
  };
}

function assertPlatform(): void {
  for (const [name, fn] of Object.entries(now())) {
    assert(fn === PLATFORM[name as keyof typeof PLATFORM], `${name} is still patched`);
  }
  assert(!Object.hasOwn(Deno.stdin, "read"));
}

Deno.test("patch() replaces what it is asked for, and its scope puts it back", () => {
  {
    using _patches = patch({ fetch: true, net: true, dns: false });
    assertNotStrictEquals(fetch, PLATFORM.fetch);
    assertNotStrictEquals(Deno.connect, PLATFORM.connect);
    assertStrictEquals(Deno.resolveDns, PLATFORM.resolveDns);
    assertEquals(["fetch", "net", "dns", "Deno.listen", "setTimeout", "nothing"].map(isPatched), [
      ...[true, true, false, true, false, false],
    ]);
  }
  assertPlatform();
});

Deno.test("patch() without a part that is true patches all that are not false", () => {
  using _patches = patch({ timers: false });
  assertEquals(["timers", "fetch", "net", "dns", "files", "process", "node", "webSocket"].map(isPatched), [
    ...[false, true, true, true, true, true, true, true],
  ]);
});

Deno.test("patchAll() patches all but what is false", () => {
  {
    using _patches = patchAll({ fetch: true, files: false });
    assertEquals(["fetch", "timers", "files"].map(isPatched), [true, true, false]);
  }
  assertPlatform();
});

Deno.test("patch() twice is patched until both scopes are over, in any order", () => {
  for (const order of [[0, 1], [1, 0]]) {
    const scopes = [patch({ fetch: true, dns: true }), patch({ fetch: true, net: true })];
    const replaced = fetch;
    scopes[order[0]!]![Symbol.dispose]();
    scopes[order[0]!]![Symbol.dispose](); // once is enough
    assertStrictEquals(fetch, replaced);
    assertEquals([isPatched("dns"), isPatched("net")], order[0] === 0 ? [false, true] : [true, false]);
    scopes[order[1]!]![Symbol.dispose]();
    assertPlatform();
  }
});

Deno.test("unpatch() puts everything back, and older scopes do not undo what is patched later", () => {
  const older = patch({ fetch: true });
  unpatch();
  assertPlatform();
  using _newer = patch({ fetch: true });
  older[Symbol.dispose]();
  assert(isPatched("fetch"));
});

Deno.test("patch() with an unknown name patches nothing", () => {
  const bad = { fetch: true, sockets: true } as PatchOptions;
  assertThrows(() => patch(bad), TypeError, "received sockets");
  assertThrows(() => patchAll(bad), TypeError, "received sockets");
  assertPlatform();
});

Deno.test("patch() that fails in the middle patches nothing, and leaves alone what was patched before", () => {
  const before = Object.getOwnPropertyDescriptor(Deno, "resolveDns")!;
  using _patches = patch({ fetch: true });
  const replaced = fetch;
  Object.defineProperty(Deno, "resolveDns", {
    configurable: true,
    get() {
      throw new Error("not today");
    },
  });
  try {
    assertThrows(() => patch({ timers: true, fetch: true, net: true, dns: true }), Error, "not today");
  } finally {
    Object.defineProperty(Deno, "resolveDns", before);
  }
  assertStrictEquals(Deno.connect, PLATFORM.connect);
  assertStrictEquals(setTimeout, PLATFORM.setTimeout);
  assertStrictEquals(fetch, replaced);
  assertEquals(["timers", "net", "dns", "fetch"].map(isPatched), [false, false, false, true]);
  patch({ fetch: true })[Symbol.dispose](); // the failed one does not count as a user
  assert(isPatched("fetch"));
});

Deno.test("unpatch() leaves alone what somebody else has put in the place since, and says so", () => {
  using warnings = captureWarnings();
  const scope = patch({ fetch: true });
  const replaced = fetch;
  const theirs: typeof fetch = (...args) => replaced(...args);
  globalThis.fetch = theirs;
  try {
    scope[Symbol.dispose]();
    assertStrictEquals(fetch, theirs);
    assertEquals(warnings.seen, ["unpatch(): fetch was replaced by something else since, and stays so"]);
  } finally {
    globalThis.fetch = PLATFORM.fetch;
  }
});

Deno.test("original() gives what was there before, patched or not", () => {
  assertStrictEquals(original("fetch"), PLATFORM.fetch);
  const promised = original("node:fs/promises.readFile");
  using _patches = patch();
  assertStrictEquals(original("fetch"), PLATFORM.fetch);
  assertStrictEquals(original("Deno.connect"), PLATFORM.connect);
  assertStrictEquals(original("Deno.stdin.read"), PLATFORM.stdinRead);
  assertStrictEquals(original("node:fs/promises.readFile"), promised);
  assertThrows(() => original("Deno.exit"), TypeError, "nothing that can be patched is called Deno.exit");
});

Deno.test("originalOf() knows every replacement", () => {
  using _patches = patch();
  for (const [name, fn] of Object.entries(now())) {
    assert(originalOf(fn as object) === PLATFORM[name as keyof typeof PLATFORM], name);
  }
});

Deno.test("patch() names CommonJS packages that were loaded before, each one once", async () => {
  const { createRequire } = await import("node:module");
  const require = createRequire(import.meta.url);
  const cache = require.cache as Record<string, unknown>;
  const files = [
    "/x/node_modules/early/index.js",
    "/x/node_modules/early/other.js",
    "/x/node_modules/@a/b/c.js",
  ];
  const later = "/root/.cache/deno/npm/registry.npmjs.org/later/1.0.0/index.js";
  using warnings = captureWarnings();
  patch({ fetch: true })[Symbol.dispose](); // what other tests have loaded
  warnings.seen.length = 0;
  for (const file of files) cache[file] = {};
  try {
    patch({ net: true, files: true })[Symbol.dispose](); // packages do not use these
    assertEquals(warnings.seen, []);
    using _patches = patch({ timers: true });
    patch({ fetch: true })[Symbol.dispose]();
    cache[later] = {}; // loaded while patched
  } finally {
    for (const file of files) delete cache[file];
  }
  patch({ fetch: true })[Symbol.dispose]();
  delete cache[later];
  assertEquals(warnings.seen, [
    "patch(): loaded before, so they may go on using what they found: early, @a/b. Patch first, import later.",
  ]);
});
