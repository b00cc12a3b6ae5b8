/** What `patch()` adds to a call: the budget is 5 µs for `fetch`, per request with its body. */
import { joinAll, original, patch, spawn } from "@verdant/green";
import { measure, repeat } from "./helpers.ts";

const REQUESTS = 640;
const IN_FLIGHT = 64;

const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response("hello"));
server.unref();
const ADDRESSES = {
  "a server": `http://127.0.0.1:${server.addr.port}/`,
  "a data address": "data:text/plain,hello",
};

const plain = fetch;
patch({ fetch: true, files: true });
const patched = fetch;
const stat = { plain: original("Deno.stat") as typeof Deno.stat, patched: Deno.stat };

async function textOf(get: typeof fetch, address: string): Promise<void> {
  await (await get(address)).text();
}

function inGreenlets(count: number, fn: () => unknown): () => Promise<unknown> {
  return () => joinAll(Array.from({ length: count }, () => spawn(() => repeat(REQUESTS / count, fn))));
}

for (const [name, address] of Object.entries(ADDRESSES)) {
  for (const count of [1, IN_FLIGHT]) {
    const group = `fetch of ${name}, ${count === 1 ? "one by one" : `${count} in flight`}`;
    const ways = { plain, patched };
    for (const [way, get] of Object.entries(ways)) {
      measure({
        group,
        name: `${way} ${group}`,
        operations: REQUESTS,
        baseline: way === "plain",
        run: inGreenlets(count, () => textOf(get, address)),
      });
    }
  }
}

for (const [way, fn] of Object.entries(stat)) {
  measure({
    group: "Deno.stat, 64 in flight",
    name: `${way} Deno.stat`,
    operations: REQUESTS,
    baseline: way === "plain",
    run: inGreenlets(IN_FLIGHT, () => fn(".")),
  });
}
