/**
 * A chat for the browser: a page, and a WebSocket for each who is there.
 *
 *     deno run --allow-net --allow-read=examples examples/websocket_chat/server.ts     on http://127.0.0.1:8003
 *
 * Each client has two greenlets, one that reads and one that writes, so that nobody waits for a slow one: who is
 * a hundred messages behind has to come again. Ctrl-C ends it, and the pages look for it until it is back.
 */
import { Full, HttpServer, main, Queue, spawn, upgrade, type WebSocketConn } from "@verdant/green";

/** What the server tells the page. */
type News =
  | { type: "welcome"; name: string; people: string[]; history: Said[] }
  | { type: "joined" | "left"; name: string; people: string[] }
  | Said;

interface Said {
  type: "said";
  id: number;
  name: string;
  text: string;
  time: string;
}

interface Member {
  readonly ws: WebSocketConn;
  readonly outbox: Queue<string>;
}

const MAX_BEHIND = 100;
const HISTORY = 50;
const MAX_NAME = 20;
const MAX_TEXT = 2_000;

const members = new Map<string, Member>();
const history: Said[] = [];
/** Goes on after a restart: pages leave out what they have seen. */
let lastId = Date.now();

async function chat(ws: WebSocketConn) {
  const asked = await ws.receive({ timeout: 10_000 });
  if (typeof asked !== "string") return;
  const name = freeName(asked.trim().slice(0, MAX_NAME) || "guest");
  const member: Member = { ws, outbox: new Queue(MAX_BEHIND) };
  const writer = spawn(write, member);
  members.set(name, member);
  try {
    tell(member, { type: "welcome", name, people: people(), history });
    tellOthers(member, { type: "joined", name, people: people() });
    for await (const text of ws) if (typeof text === "string") say(name, text.slice(0, MAX_TEXT));
  } finally {
    members.delete(name);
    tellOthers(member, { type: "left", name, people: people() });
    await writer.kill();
  }
}

async function write({ ws, outbox }: Member) {
  for await (const text of outbox) await ws.send(text);
}

function say(name: string, text: string) {
  const said: Said = { type: "said", id: ++lastId, name, text, time: new Date().toISOString() };
  history.push(said);
  if (history.length > HISTORY) history.shift();
  for (const member of members.values()) tell(member, said);
}

function tellOthers(self: Member, news: News) {
  for (const member of members.values()) if (member !== self) tell(member, news);
}

function tell({ ws, outbox }: Member, news: News) {
  try {
    outbox.putNowait(JSON.stringify(news));
  } catch (error) {
    if (!(error instanceof Full)) throw error;
    spawn(() => ws.close(1008, "too slow"));
  }
}

function people(): string[] {
  return [...members.keys()].sort();
}

function freeName(name: string): string {
  let free = name;
  for (let n = 2; members.has(free); n++) free = `${name} ${n}`;
  return free;
}

const page = await Deno.readTextFile(new URL("chat.html", import.meta.url));

function handle(request: Request): Response {
  const { pathname } = new URL(request.url);
  if (pathname === "/chat") return upgrade(request, chat, { maxMessageBytes: 8_192, idleTimeout: 15_000 });
  if (pathname !== "/") return new Response("Not Found\n", { status: 404 });
  return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
}

main(async () => {
  const server = new HttpServer(Deno.args[0] ?? "127.0.0.1:8003", handle);
  await server.start();
  console.log(`listening on ${server}`);
  await server.serveForever();
});
