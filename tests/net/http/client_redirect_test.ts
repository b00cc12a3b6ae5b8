/** How `HttpClient` follows redirects. */
import { assertEquals, assertRejects } from "@std/assert";
import { HttpClient, spawn, TooManyRedirectsError } from "@verdant/green";
import { certificate, eventually } from "../network.ts";
import { assertUnused, echo, once, RawServer, reply, serveHttp, SlowServer } from "./client_servers.ts";

Deno.test("HttpClient follows redirects as browsers do: method, body and headers", async () => {
  await using server = serveHttp((request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/end") return echo(request);
    return new Response("moved", {
      status: Number(pathname.slice(1)),
      headers: { location: `end${search}` },
    });
  });
  using client = once({ baseUrl: server.origin });
  const expected: Record<string, Record<number, string>> = {
    GET: { 301: "GET", 302: "GET", 303: "GET", 307: "GET", 308: "GET" },
    POST: { 301: "GET", 302: "GET", 303: "GET", 307: "POST body", 308: "POST body" },
    PUT: { 301: "PUT body", 302: "PUT body", 303: "GET", 307: "PUT body", 308: "PUT body" },
    DELETE: { 301: "DELETE body", 302: "DELETE body", 303: "GET", 307: "DELETE body", 308: "DELETE body" },
  };
  for (const [method, outcomes] of Object.entries(expected)) {
    for (const [status, outcome] of Object.entries(outcomes)) {
      const body = method === "GET" ? null : "body";
      const headers = { "content-type": "x/y", "x-mine": "1", authorization: "secret" };
      const response = await client.fetch(`/${status}?q`, { method, body, headers });
      assertEquals([response.redirected, response.url], [true, `${server.origin}/end?q`]);
      const got = await response.json();
      assertEquals(`${got.method} ${got.text}`.trim(), outcome, `${method} ${status}`);
      const sent = new Headers(got.headers);
      assertEquals([sent.get("x-mine"), sent.get("authorization")], ["1", "secret"]);
      const dropped = method !== "GET" && !outcome.includes("body");
      assertEquals(sent.get("content-type"), dropped ? null : "x/y", `${method} ${status}`);
    }
  }
  const request = new Request(`${server.origin}/308`, { method: "DELETE" });
  assertEquals((await (await client.fetch(request)).json()).method, "DELETE");
  const head = await client.head("/303");
  assertEquals([head.status, head.redirected], [200, true]);
  assertUnused(client);
});

Deno.test("HttpClient tells no other origin what is for one only, not even back home", async () => {
  let origins: string[] = [];
  const seen: string[][] = [];
  const NAMES = ["authorization", "cookie", "proxy-authorization", "x-mine"];
  await using server = serveHttp((request) => {
    seen.push(NAMES.filter((name) => request.headers.has(name)));
    const { pathname } = new URL(request.url);
    const next: Record<string, string> = {
      "/same": `${origins[0]}/away`,
      "/away": `${origins[1]}/home`,
      "/home": `${origins[0]}/end`,
    };
    return pathname in next ? Response.redirect(next[pathname]!, 302) : new Response("end");
  });
  const { port } = new URL(server.origin);
  origins = [server.origin, `http://localhost:${port}`];
  using client = once({ headers: { authorization: "of the client" }, baseUrl: server.origin });
  const headers = { cookie: "a=b", "proxy-authorization": "c", "x-mine": "d" };
  const response = await client.get("/same", { headers });
  assertEquals([await response.text(), response.url], ["end", `${server.origin}/end`]);
  assertEquals(seen, [NAMES, NAMES, ["x-mine"], ["x-mine"]]);
});

Deno.test("HttpClient throws TooManyRedirectsError that names the way it went", async () => {
  await using server = serveHttp(({ url }) => {
    const { pathname, origin } = new URL(url);
    const n = Number(pathname.slice(1));
    const next = Number.isNaN(n) ? { "/a": "/b", "/b": "/a" }[pathname]! : `/${n + 1}`;
    return Response.redirect(origin + next, 302);
  });
  const { origin } = server;
  using client = once({ baseUrl: origin, maxPerHost: 1 });
  const urls = (...paths: (string | number)[]) => paths.map((path) => `${origin}/${path}`);
  const error = await assertRejects(() => client.get("/1", { maxRedirects: 2 }), TooManyRedirectsError);
  assertEquals(error.urls, urls(1, 2, 3, 4));
  assertEquals(error.message, `Cannot follow more than 2 redirects: ${urls(1, 2, 3, 4).join(" -> ")}`);
  const circle = await assertRejects(() => client.get("/a"), TooManyRedirectsError);
  assertEquals(circle.urls.length, 22);
  assertEquals(
    circle.message,
    `Cannot follow more than 20 redirects: ${urls("a", "b", "a").join(" -> ")} and so on, in circles`,
  );
  const none = await assertRejects(() => client.get("/1", { maxRedirects: 0 }), TooManyRedirectsError);
  assertEquals(none.urls, urls(1, 2));
  assertUnused(client);
  client.close();
});

Deno.test("HttpClient follows redirects only if redirect says so", async () => {
  await using server = serveHttp(({ url }) => Response.redirect(new URL("/next", url), 302));
  using client = once({ baseUrl: server.origin });
  const manual = await client.get("/", { redirect: "manual" });
  assertEquals([manual.status, manual.headers.get("location"), manual.redirected], [
    302,
    `${server.origin}/next`,
    false,
  ]);
  manual.discard();
  const refused = `Cannot fetch ${server.origin}/: it redirects to ${server.origin}/next`;
  await assertRejects(() => client.get("/", { redirect: "error" }), TypeError, refused);
  const request = new Request(server.origin, { redirect: "manual" });
  const asked = await client.fetch(request);
  assertEquals(asked.status, 302);
  asked.discard();
  assertUnused(client);
});

Deno.test("HttpClient follows no redirect that leads nowhere, out of HTTP or cannot be sent again", async () => {
  await using server = serveHttp((request) => {
    const { searchParams } = new URL(request.url);
    const location = searchParams.get("to");
    const status = Number(searchParams.get("status") ?? 302);
    return new Response("moved", { status, ...(location === null ? {} : { headers: { location } }) });
  });
  using client = once({ baseUrl: server.origin });
  const to = (location: string) => `/?to=${encodeURIComponent(location)}`;
  const stay = await client.get("/");
  assertEquals([stay.status, await stay.text()], [302, "moved"]);
  const refuse = (location: string, message: string) =>
    assertRejects(() => client.get(to(location)), TypeError, message);
  await refuse("http://", 'its location "http://" is no URL');
  await refuse("file:///etc/passwd", "file: is not followed");
  await refuse("data:,x", "data: is not followed");
  const body = new Blob(["x"]).stream();
  await assertRejects(
    () => client.post(`${to("/end")}&status=307`, body),
    TypeError,
    `Cannot follow the redirect (307) of POST ${server.origin}${
      to("/end")
    }&status=307: its body can be sent only once`,
  );
  assertUnused(client);
});

Deno.test("HttpClient gives up encryption for no redirect, unless it may", async () => {
  const { cert, key } = await certificate();
  await using plain = serveHttp(() => new Response("in the open"));
  await using secure = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    () => Response.redirect(`${plain.origin}/open`),
  );
  const url = `https://localhost:${secure.addr.port}/`;
  using client = once({ caCerts: [cert] });
  await assertRejects(
    () => client.get(url),
    TypeError,
    `Cannot follow the redirect (302) of GET ${url}: ${plain.origin}/open gives up encryption`,
  );
  const response = await client.get(url, { allowDowngrade: true });
  assertEquals([await response.text(), response.url], ["in the open", `${plain.origin}/open`]);
  assertUnused(client);
});

Deno.test("HttpClient that is redirected takes a slot of the other origin, and gives its own back", async () => {
  await using there = new SlowServer();
  await using here = serveHttp(() => Response.redirect(`${there.origin}/moved`));
  using client = once({ maxPerHost: 1 });
  const first = spawn(() => client.get(`${there.origin}/first`));
  await eventually(() => there.pending.size === 1);
  const moved = spawn(async () => await (await client.get(here.origin)).text());
  await eventually(() => client.waiting === 1);
  assertEquals(client.active, 1);
  there.letGo("/first");
  (await first.get()).discard();
  await eventually(() => there.pending.has("/moved"));
  there.letGo("/moved");
  assertEquals(await moved.get(), "/moved");
  assertUnused(client);
});

Deno.test("HttpClient tries again where it was redirected to", async () => {
  const paths: string[] = [];
  await using server = serveHttp(({ url }) => {
    paths.push(new URL(url).pathname);
    if (paths.length === 1) return Response.redirect(new URL("/b", url), 303);
    return new Response(null, { status: paths.length < 4 ? 503 : 204 });
  });
  using client = new HttpClient({ backoff: { initial: 1 }, baseUrl: server.origin });
  const response = await client.post("/a", "body"); // what follows is a GET
  assertEquals([response.status, paths], [204, ["/a", "/b", "/b", "/b"]]);
});

Deno.test("HttpClient uses a connection again after a redirect and a failure whose body has come", async () => {
  await using server: RawServer = new RawServer((to, head): Promise<void> => {
    if (head.includes("/moved")) return to.send(reply("moved", "302 Found", "location: /busy"));
    return to.send(server.heads.length === 2 ? reply("busy", "503 Busy") : reply("hello"));
  });
  using client = new HttpClient({ backoff: { initial: 1 } });
  assertEquals(await (await client.get(`${server.origin}/moved`)).text(), "hello");
  assertEquals([server.heads.length, server.opened], [3, 1]);
});
