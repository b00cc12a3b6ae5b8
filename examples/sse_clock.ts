/**
 * A clock for the browser, by server-sent events: a greenlet for each who watches.
 *
 *     deno run --allow-net examples/sse_clock.ts                 on http://127.0.0.1:8001
 *     curl -N http://127.0.0.1:8001/ticks                        without a browser
 *
 * Ctrl-C ends it: the streams are ended, and the browsers try again until it is back.
 */
import { eventStream, HttpServer, main, sleep } from "@verdant/green";

let watchers = 0;

async function* ticks() {
  watchers++;
  try {
    for (;;) {
      yield { event: "tick", data: { time: new Date().toISOString(), watchers } };
      await sleep(1_000);
    }
  } finally {
    watchers--; // the browser has gone, or the server stops
  }
}

const PAGE = `<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Clock</title>
<style>
  body { display: grid; place-content: center; min-height: 90vh; font: 1.2rem system-ui; text-align: center }
  time { font-size: 15vw; font-variant-numeric: tabular-nums }
</style>
<time>--:--:--</time>
<p id="watchers">connecting</p>
<script>
  const source = new EventSource("/ticks");
  source.addEventListener("tick", ({ data }) => {
    const { time, watchers } = JSON.parse(data);
    document.querySelector("time").textContent = new Date(time).toLocaleTimeString();
    document.querySelector("#watchers").textContent = watchers === 1 ? "you alone" : watchers + " watch";
  });
  source.onerror = () => document.querySelector("#watchers").textContent = "connecting again";
</script>
`;

function handle(request: Request): Response {
  const { pathname } = new URL(request.url);
  if (pathname === "/ticks") return eventStream(ticks());
  return new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } });
}

main(async () => {
  const server = new HttpServer(Deno.args[0] ?? "127.0.0.1:8001", handle);
  await server.start();
  console.log(`listening on ${server}`);
  await server.serveForever();
});
