/** The library itself works while everything is patched: tests of it, run once more with patches in force. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { contextName } from "@verdant/green";

const ROOT = new URL("../../../", import.meta.url).pathname;
const PRELOAD = "tests/net/patch/fixtures/patch_all.ts";
/** Quick ones, of everything that calls the platform. */
const TESTS = [
  ...["conn_interrupt", "conn_read", "conn_stream", "conn_write", "connect", "listen", "listener", "resolve"],
  ...["lookup", "tls", "tls_handshake", "serve", "stream_server", "datagram_conn"],
].map((name) => `tests/net/${name}_test.ts`);
const OTHERS = ["tests/green/fetch_test.ts", "tests/green/fetch_body_test.ts", "tests/green/pool_test.ts"];

Deno.test("patchAll() changes nothing for the library: its tests pass as they do without", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", `--preload=${PRELOAD}`, ...TESTS, ...OTHERS],
    cwd: ROOT,
    env: { GREEN_CONTEXT: contextName, NO_COLOR: "1" },
    stderr: "null",
    signal: AbortSignal.timeout(120_000),
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertStringIncludes(text, "| 0 failed", text.slice(-2_000));
  assertEquals(code, 0);
});
