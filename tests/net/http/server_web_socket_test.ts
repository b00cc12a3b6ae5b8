/** WebSockets on the port of an `HttpServer`. */
import { assertEquals } from "@std/assert";
import { connectWebSocket, getHub, sleep, upgrade, type WebSocketConn } from "@verdant/green";
import { startHttp, urlOf } from "./http_servers.ts";

Deno.test("HttpServer.stop() tells WebSockets to end with 1001, and waits for their handlers", async () => {
  const log: unknown[] = [];
  const server = await startHttp((request) =>
    upgrade(request, async (ws) => {
      for await (const message of ws) log.push(message);
      await sleep(5);
      log.push("handler is over");
    })
  );
  const ws = await connectWebSocket(urlOf(server).replace("http", "ws"));
  await ws.send("hello");
  while (log.length === 0) await sleep(1);
  assertEquals(server.running, 1);
  const stopped = server.stop({ timeout: 10_000 });
  assertEquals(await ws.receive(), undefined);
  assertEquals(ws.closeCode, 1001);
  await stopped;
  assertEquals([log, server.running, getHub().stats().greenlets], [["hello", "handler is over"], 0, 0]);
});

Deno.test("HttpServer.stop() kills handlers of WebSockets that do not end in time; their finally runs", async () => {
  const log: string[] = [];
  const serve = async (_ws: WebSocketConn) => {
    try {
      log.push("begun");
      await sleep(60_000);
    } finally {
      log.push("finally");
    }
  };
  const server = await startHttp((request) => upgrade(request, serve));
  const ws = await connectWebSocket(urlOf(server).replace("http", "ws"));
  while (log.length === 0) await sleep(1);
  await server.stop({ timeout: 10 });
  assertEquals([log, server.running, getHub().stats().greenlets], [["begun", "finally"], 0, 0]);
  assertEquals(await ws.receive(), undefined);
  assertEquals(ws.closeCode, 1001);
});
