/**
 * Many connections at a time, idle, then all told something.
 *
 * `GREEN_STRESS_WS` says how many (200 by default); from 1,000 on, memory is measured and limited, too.
 */
import v8 from "node:v8";
import vm from "node:vm";
import { assertEquals, assertLess } from "@std/assert";
import { until, type WebSocketConn } from "@verdant/green";
import { assertIdleSoon, eventually } from "../network.ts";
import { Program } from "../program.ts";
import { startServer, urlOf } from "./peers.ts";

const COUNT = Number(Deno.env.get("GREEN_STRESS_WS") ?? 200);
/** With fewer, what the runtime itself does with its memory hides everything. */
const ENOUGH_FOR_MEMORY = 1_000;
/** What ten thousand may take in all (bytes). */
const MAX_RSS = 1.5e9;
const CLIENTS = new URL("crowd_clients.ts", import.meta.url);

interface Memory {
  readonly heap: number;
  readonly rss: number;
}

function measure(): Memory {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, rss } = Deno.memoryUsage();
  return { heap: heapUsed, rss };
}

Deno.test(`WebSocketServer with ${COUNT} idle connections, and a broadcast to all of them`, async () => {
  const everybody = new Set<WebSocketConn>();
  const server = await startServer(async (ws) => {
    everybody.add(ws);
    try {
      while (await ws.receive() !== undefined);
    } finally {
      everybody.delete(ws);
    }
  });
  await using _server = server;
  const before = measure();
  await using clients = Program.run(CLIENTS, urlOf(server), `${COUNT}`);
  await until(clients.readUntil(/^open$/));
  assertEquals([everybody.size, server.running], [COUNT, COUNT]);
  const idle = measure();
  const start = performance.now();
  for (const ws of everybody) await ws.send("to all");
  await until(clients.readUntil(/^received to all$/));
  const ms = performance.now() - start;
  if (COUNT >= ENOUGH_FOR_MEMORY) {
    const each = ((idle.heap - before.heap) / COUNT).toFixed(0);
    const all = (idle.rss / 1e6).toFixed(0);
    console.log(`${COUNT} idle: ${each} B of heap each, ${all} MB in all; broadcast in ${ms.toFixed(0)} ms`);
    assertLess(idle.rss, MAX_RSS);
  }
  await clients.closeInput();
  assertEquals((await until(clients.status)).code, 0);
  await eventually(() => everybody.size === 0);
  await server.stop();
  await assertIdleSoon();
});
