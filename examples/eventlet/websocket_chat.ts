/**
 * A chat room over WebSockets, with its page on the same port. That of eventlet's documentation, line by line.
 *
 *     deno run --allow-net examples/eventlet/websocket_chat.ts           on port 7000
 *     deno run --allow-net examples/eventlet/websocket_chat.ts 7001      elsewhere; 0 takes any free port
 */
import { eventlet, main } from "@verdant/green";

const { websocket, wsgi } = eventlet;

const PAGE = `<!DOCTYPE html>
<title>Chat</title>
<form><input autofocus></form>
<pre></pre>
<script>
  const ws = new WebSocket(location.href.replace("http", "ws") + "chat");
  const [form, input, pre] = ["form", "input", "pre"].map((name) => document.querySelector(name));
  ws.onmessage = ({ data }) => pre.append(data + "\\n");
  form.onsubmit = () => (ws.send(input.value), form.reset(), false);
</script>
`;

const participants = new Set<eventlet.websocket.RFC6455WebSocket>();

const handle = websocket.WebSocketWSGI(async (ws) => {
  participants.add(ws);
  try {
    for (;;) {
      const message = await ws.wait();
      if (message === null) break;
      for (const participant of participants) await participant.send(message);
    }
  } finally {
    participants.delete(ws);
  }
});

const dispatch: eventlet.wsgi.WsgiApplication = (environ, startResponse) => {
  if (environ.PATH_INFO === "/chat") return handle(environ, startResponse);
  startResponse("200 OK", [["Content-Type", "text/html;charset=UTF-8"]]);
  return [PAGE];
};

main(() => wsgi.server(eventlet.listen(["", Number(Deno.args[0] ?? 7000)]), dispatch, { log: console.log }));
