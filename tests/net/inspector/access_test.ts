import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { serveInspector, sleep, spawnWith } from "@verdant/green";
import { ask, exchange, Follower, kill, TOKEN } from "./visitors.ts";

const open = (options = {}) => serveInspector({ token: TOKEN, interval: 50, ...options });
const sleeping = () => spawnWith({ name: "sleeper" }, () => sleep(3_600_000, { ref: false }));

Deno.test("Inspector answers nothing without the token, and tells no detail", async () => {
  await using inspector = open();
  const refused = [
    await ask(inspector, "GET /", { authorization: "" }),
    await ask(inspector, "GET /?token=", { authorization: "" }),
    await ask(inspector, `GET /?token=${TOKEN.slice(1)}`, { authorization: "" }),
    await ask(inspector, `GET /?token=${TOKEN}x`, { authorization: "" }),
    await ask(inspector, "GET /feed", { authorization: "Bearer nonsense" }),
    await ask(inspector, "GET /dump", { authorization: "" }),
    await ask(inspector, "GET /greenlets/1", { authorization: "" }),
    await ask(inspector, "POST /kill", { authorization: "", "content-length": "8" }, '{"id":1}'),
    await ask(inspector, "GET /nowhere", { authorization: "" }),
    await ask(inspector, "DELETE /", { authorization: "" }),
    await ask(inspector, `GET /?token=${TOKEN}`, { authorization: "Bearer nonsense" }),
  ];
  for (const { status, body } of refused) assertEquals([status, body], [403, "Forbidden\n"]);
});

Deno.test("Inspector takes the token in the query or as a bearer", async () => {
  await using inspector = open();
  for (
    const answer of [
      await ask(inspector, `GET /?token=${TOKEN}`, { authorization: "" }),
      await ask(inspector, "GET /"),
      await ask(inspector, "GET /", { authorization: `bearer ${TOKEN}` }),
    ]
  ) assertEquals(answer.status, 200);
});

Deno.test("Inspector refuses names that are led to this machine", async () => {
  await using inspector = open();
  const { port } = inspector;
  const statuses = async (hosts: string[]) =>
    await Promise.all(hosts.map(async (host) => (await ask(inspector, "GET /dump", { host })).status));
  const own = [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `LOCALHOST:${port}`,
    `127.9.9.9:${port}`,
    `[::1]:${port}`,
  ];
  assertEquals(await statuses(own), own.map(() => 200));
  const foreign = [
    "",
    "localhost",
    `localhost:${port + 1}`,
    `evil.example:${port}`,
    `localhost.evil.example:${port}`,
    `127.0.0.1.evil.example:${port}`,
    `127.0.0.1@evil.example:${port}`,
    `[::2]:${port}`,
    `10.0.0.1:${port}`,
    `localhost:${port}:${port}`,
  ];
  assertEquals(await statuses(foreign), foreign.map(() => 403));
  const twice = `GET /dump HTTP/1.1\r\nhost: localhost:${port}\r\nhost: evil.example\r\n\r\n`;
  assertEquals((await exchange(port, twice)).status, 400);
});

Deno.test("Inspector refuses pages of somebody else's", async () => {
  await using inspector = open({ allowKill: true });
  const { port } = inspector;
  const victim = sleeping();
  const body = JSON.stringify({ id: victim.id });
  const from = (origin: string) =>
    ask(inspector, "POST /kill", { origin, "content-length": String(body.length) }, body);
  for (
    const origin of [
      "http://evil.example",
      "null",
      `http://localhost:${port}`,
      `http://127.0.0.1:${port + 1}`,
    ]
  ) {
    assertEquals((await from(origin)).status, 403, origin);
  }
  assertEquals(victim.ready, false);
  assertEquals((await from(`http://127.0.0.1:${port}`)).status, 200);
  await victim.join();
});

Deno.test("Inspector with allowRemote answers to any name, but not to another's pages", async () => {
  await using inspector = open({ allowRemote: true });
  const host = "build-7.example:1234";
  const status = async (headers: Record<string, string>) =>
    (await ask(inspector, "GET /dump", headers)).status;
  assertEquals(await status({ host }), 200);
  assertEquals(await status({ host, origin: `https://${host}` }), 200);
  assertEquals(await status({ host, origin: "https://evil.example" }), 403);
  assertEquals(await status({ host, authorization: "" }), 403);
});

Deno.test("Inspector refuses what is no request, too long, or of another method", async () => {
  await using inspector = open({ allowKill: true });
  const { port } = inspector;
  const raw = async (text: string) => (await exchange(port, text)).status;
  assertEquals(await raw("hello\r\n\r\n"), 400);
  assertEquals(await raw("GET / HTTP/2.0\r\n\r\n"), 400);
  assertEquals(await raw("GET http://localhost/ HTTP/1.1\r\n\r\n"), 400);
  assertEquals(await raw("GET / HTTP/1.1\r\nno colon\r\n\r\n"), 400);
  assertEquals(await raw(`GET / HTTP/1.1\r\nx: ${"y".repeat(9_000)}\r\n\r\n`), 431);
  assertEquals(await raw("x".repeat(20_000)), 431);
  const status = async (line: string, headers = {}, body = "") =>
    (await ask(inspector, line, headers, body)).status;
  assertEquals(await status("PUT /"), 405);
  assertEquals(await status("GET /kill"), 404);
  assertEquals(await status("POST /feed"), 405);
  assertEquals(await status("GET /greenlets/x"), 404);
  assertEquals(await status("POST /kill", { "transfer-encoding": "chunked" }), 400);
  assertEquals(await status("POST /kill", { "content-length": "-1" }), 400);
  assertEquals((await kill(inspector, `{"id":1${" ".repeat(250)}}`)).status, 413);
  assertEquals((await kill(inspector, " ".repeat(1_000_000))).status, 413, "it is told, though it talks on");
});

Deno.test("Inspector sends headers that keep the page and its address to itself", async () => {
  await using inspector = open();
  const { headers, body } = await ask(inspector, "GET /");
  assertEquals(headers.get("cache-control"), "no-store");
  assertEquals(headers.get("referrer-policy"), "no-referrer");
  assertEquals(headers.get("x-content-type-options"), "nosniff");
  assertEquals(headers.get("access-control-allow-origin"), undefined);
  const policy = headers.get("content-security-policy")!;
  for (
    const rule of ["default-src 'none'", "frame-ancestors 'none'", "connect-src 'self'", "base-uri 'none'"]
  ) {
    assert(policy.includes(rule), rule);
  }
  const nonce = /script-src 'nonce-([^']+)'/.exec(policy)![1]!;
  assertEquals(body.split(`nonce="${nonce}"`).length, 3, "one style and one script");
  assertEquals(
    /\{\{\w+\}\}|https?:\/\/(?!www\.w3\.org)/.exec(body),
    null,
    "nothing is left out, or comes from elsewhere",
  );
  const again = (await ask(inspector, "GET /")).headers.get("content-security-policy");
  assertNotEquals(again, policy, "a nonce is used once");
  const json = await ask(inspector, "GET /dump");
  assertMatch(json.headers.get("content-security-policy")!, /^default-src 'none'/);
});

Deno.test("Inspector makes a token that is not to be guessed, and leaves it out of reports", async () => {
  await using first = serveInspector();
  await using second = serveInspector();
  const tokens = [first, second].map(({ url }) => new URL(url).searchParams.get("token")!);
  for (const token of tokens) assertMatch(token, /^[\w-]{22}$/);
  assertNotEquals(tokens[0], tokens[1]);
  assertEquals(String(first), `Inspector on 127.0.0.1:${first.port}`);
  const followed = await Follower.of(first, tokens[0]);
  await using _follower = followed;
  assertEquals((await followed.next())?.full, true);
});

Deno.test("serveInspector() refuses options that make no sense, and opens nothing", () => {
  assertThrows(() => serveInspector({ port: 65536 }), RangeError, "Cannot serve inspector: port");
  assertThrows(() => serveInspector({ hostname: "" }), TypeError, "hostname");
  const error = assertThrows(
    () => serveInspector({ token: "too short" }),
    TypeError,
    "received 9 characters",
  );
  assert(!error.message.includes("too short"), "a token is a secret");
  assertThrows(() => serveInspector({ token: "sixteen characters?" }), TypeError, "token");
  assertThrows(() => serveInspector({ interval: 49 }), RangeError, "interval must be 50 ms or more");
  assertThrows(() => serveInspector({ interval: Infinity }), RangeError, "interval");
  assertThrows(() => serveInspector({ maxClients: 0 }), RangeError, "maxClients");
  assertThrows(() => serveInspector({ allowKill: 1 as unknown as boolean }), TypeError, "allowKill");
  for (
    const hostname of ["0.0.0.0", "::", "192.0.2.1", "example.com", "128.0.0.1", "127.0.0.1.example.com"]
  ) {
    assertThrows(() => serveInspector({ hostname }), RangeError, "unless allowRemote is set");
  }
});

Deno.test("serveInspector() says where it cannot listen", async () => {
  await using inspector = open();
  const { port } = inspector;
  assertThrows(
    () => serveInspector({ port }),
    Deno.errors.AddrInUse,
    `Cannot serve inspector on 127.0.0.1:${port}`,
  );
});
