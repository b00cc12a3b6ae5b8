/**
 * Clients of `crowd_test.ts`: opens as many WebSockets as it is told, says so, waits until each has got a message,
 * says so, and closes them when its input ends.
 */
import { connectWebSocket, joinAll, main, Pool, spawn, until, type WebSocketConn } from "@verdant/green";

const [url, count] = Deno.args as [string, string];

main(async () => {
  const pool = new Pool(100);
  const opening = await Promise.all(
    Array.from({ length: Number(count) }, () => pool.spawn(() => connectWebSocket(url))),
  );
  const sockets: WebSocketConn[] = [];
  for (const greenlet of opening) sockets.push(await greenlet.get());
  console.log("open");
  const receivers = sockets.map((ws) => spawn(() => ws.receive()));
  await joinAll(receivers, { raiseError: true });
  const messages = new Set(receivers.map((receiver) => receiver.value));
  console.log(`received ${[...messages].join()}`);
  await until(Deno.stdin.read(new Uint8Array(1)));
  await joinAll(sockets.map((ws) => spawn(() => ws.close())), { raiseError: true });
});
