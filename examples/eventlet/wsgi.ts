/**
 * A WSGI application. That of eventlet's documentation, line by line.
 *
 *     deno run --allow-net examples/eventlet/wsgi.ts           on port 8090
 *     deno run --allow-net examples/eventlet/wsgi.ts 8000      elsewhere; 0 takes any free port
 */
import { eventlet, main } from "@verdant/green";

const { wsgi } = eventlet;

const helloWorld: eventlet.wsgi.WsgiApplication = (env, startResponse) => {
  if (env.PATH_INFO !== "/") {
    startResponse("404 Not Found", [["Content-Type", "text/plain"]]);
    return ["Not Found\r\n"];
  }
  startResponse("200 OK", [["Content-Type", "text/plain"]]);
  return ["Hello, World!\r\n"];
};

main(() =>
  wsgi.server(eventlet.listen(["", Number(Deno.args[0] ?? 8090)]), helloWorld, { log: console.log })
);
