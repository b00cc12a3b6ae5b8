/**
 * A chat server. Each client has two greenlets, one that reads and one that writes, and a bounded queue between
 * the others and its writer: who reads too slowly is dropped and keeps nobody waiting.
 *
 *     deno run --allow-net examples/chat_server.ts              on 127.0.0.1:16001
 *     nc 127.0.0.1 16001                                        a client
 */
import {
  type Conn,
  getCurrent,
  type Greenlet,
  listen,
  main,
  parseAddress,
  Queue,
  sleep,
  spawn,
  StreamServer,
} from "@verdant/green";

/** So many lines may wait for a client. */
const MAX_LAG = 1_000;

interface Client {
  readonly name: string;
  readonly outbox: Queue<string>;
  readonly reader: Greenlet;
}

const clients = new Set<Client>();

async function chat(conn: Conn) {
  await conn.writeAll("Your name?\n");
  const name = await conn.readLine({ maxBytes: 80, timeout: 60_000 });
  if (name === null) return;
  const client = { name, outbox: new Queue<string>(MAX_LAG), reader: getCurrent()! };
  await using _writer = spawn(writeOut, conn, client.outbox); // killed with the reader
  tellOthers(client, `* ${name} has come`);
  clients.add(client);
  client.outbox.putNowait(`* hello ${name}, you are one of ${clients.size}`);
  try {
    for await (const line of conn.lines({ maxBytes: 4_000 })) {
      tellOthers(client, `${name}: ${line}`);
      await sleep(); // the writers' turn, also if a hundred lines have come at once
    }
  } finally {
    clients.delete(client);
    tellOthers(client, `* ${name} has gone`);
  }
}

/** Takes all that has come together: one write instead of many. */
async function writeOut(conn: Conn, outbox: Queue<string>) {
  for (;;) {
    let text = `${await outbox.get()}\n`;
    while (!outbox.empty) text += `${outbox.getNowait()}\n`;
    await conn.writeAll(text);
  }
}

/** Does not wait for anybody. */
function tellOthers(speaker: Client, line: string) {
  for (const client of clients) {
    if (client === speaker) continue;
    if (client.outbox.full) drop(client);
    else client.outbox.putNowait(line);
  }
}

function drop(client: Client) {
  clients.delete(client);
  console.log(`${client.name} is too slow`);
  void client.reader.kill("too slow", { block: false });
}

main(async () => {
  const listener = listen(parseAddress(Deno.args[0] ?? "127.0.0.1:16001"));
  console.log(`listening on ${listener}`);
  await new StreamServer(listener, chat).serveForever();
});
