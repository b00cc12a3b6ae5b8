/**
 * A UDP echo server: every datagram goes back to where it came from, a hundred at a time, until Ctrl-C.
 *
 *     deno run --allow-net examples/udp_echo.ts 7007
 *     echo hello | nc -u -w 1 127.0.0.1 7007
 */
import { DatagramServer, main } from "@verdant/green";

main(async () => {
  const port = Number(Deno.args[0] ?? 0); // 0: any free one
  const server = new DatagramServer(
    { hostname: "127.0.0.1", port },
    (data, from, server) => server.send(data, from),
    { spawn: 100 },
  );
  await server.start();
  console.log(`listening on port ${server.address!.port}`);
  await server.serveForever(); // until SIGINT or SIGTERM
  console.log("stopped");
});
