/** Servers that break the connection to `HttpClient`. */
import { assertRejects } from "@std/assert";
import { assertIdle } from "../network.ts";
import {
  assertUnused,
  CHUNKED,
  HEAD_OF_TEN,
  once,
  RawServer,
  readers,
  type Script,
} from "./client_servers.ts";

/** How a server breaks a connection. */
const breaks: Record<string, Script> = {
  "at once": (to) => to.close(),
  "after half the head": async (to) => {
    await to.send("HTTP/1.1 200 OK\r\ncontent-le");
    to.close();
  },
  "with garbage": (to) => to.send("what do you want\r\n\r\n"),
  "with two lengths": (to) => to.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
  "after the head": async (to) => {
    await to.send(HEAD_OF_TEN);
    to.close();
  },
  "after half the body": async (to) => {
    await to.send(`${HEAD_OF_TEN}first`);
    to.close();
  },
  "after half a chunk": async (to) => {
    await to.send(`${CHUNKED}a\r\nfirst`);
    to.close();
  },
  "with a bad chunk": (to) => to.send(`${CHUNKED}zz\r\nfirst`),
};

for (const [how, script] of Object.entries(breaks)) {
  Deno.test(`HttpClient leaves nothing when the server breaks the connection ${how}`, async () => {
    await using server = new RawServer(script);
    using client = once({ baseUrl: server.origin, maxPerHost: 1 });
    for (const read of Object.values(readers)) {
      await assertRejects(async () => await read(await client.get("/")), TypeError);
      assertUnused(client);
      await server.left();
    }
    assertIdle();
  });
}

Deno.test("HttpClient leaves nothing when the server resets the connection", async () => {
  // Closed with bytes that nobody has read, a connection is reset.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(1));
      conn.close();
    }
  })();
  using client = once();
  await assertRejects(() => client.get(`http://127.0.0.1:${listener.addr.port}/`), TypeError, "Cannot fetch");
  assertUnused(client);
  assertIdle();
  listener.close();
  await accepting;
});
