/** What `HttpClient` sends, to whom, and what comes back. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { getCurrent, HttpResponse, spawn } from "@verdant/green";
import { captureErrors, turn } from "../../helpers.ts";
import { bytes, certificate, deadPort, eventually } from "../network.ts";
import { assertUnused, echo, once, RawServer, reply, serveHttp } from "./client_servers.ts";

Deno.test("HttpClient.fetch() gives a Response that knows url, status, type and headers", async () => {
  await using server = serveHttp(() =>
    new Response("hello", {
      status: 201,
      headers: [["x-test", "yes"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]],
    })
  );
  using client = once();
  const response = await client.fetch(`${server.origin}/a?b=c`);
  assertInstanceOf(response, Response);
  assertInstanceOf(response, HttpResponse);
  assertEquals([response.status, response.statusText, response.ok], [201, "Created", true]);
  assertEquals([response.url, response.redirected], [`${server.origin}/a?b=c`, false]);
  assertEquals([response.type, response.headers.get("x-test")], ["basic", "yes"]);
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals([response.bodyUsed, await response.text(), response.bodyUsed], [false, "hello", true]);
  assertUnused(client);
});

Deno.test("HttpClient.get(), head(), delete(), post(), put() and patch() send their method and a body", async () => {
  await using server = serveHttp(echo);
  using client = once({ baseUrl: server.origin });
  const sent = async (asking: Promise<Response>) => {
    const { method, text, path } = await (await asking).json();
    return `${method} ${path} ${text}`;
  };
  assertEquals(await sent(client.get("/a?b")), "GET /a?b ");
  assertEquals(await sent(client.delete("/a")), "DELETE /a ");
  assertEquals(await sent(client.delete("/a", { body: "why" })), "DELETE /a why");
  assertEquals(await sent(client.post("/a", "text")), "POST /a text");
  assertEquals(await sent(client.post("/a")), "POST /a ");
  assertEquals(await sent(client.put("/a", bytes("text"))), "PUT /a text");
  assertEquals(await sent(client.patch("/a", new Blob(["text"]))), "PATCH /a text");
  const head = await client.head("/a");
  assertEquals([head.status, head.body, await head.text()], [200, null, ""]);
  assertEquals(await sent(client.fetch("/a", { method: "put", body: "text" })), "PUT /a text");
  assertUnused(client);
});

Deno.test("HttpClient.fetch() sends every kind of body", async () => {
  await using server = serveHttp(echo);
  using client = once();
  const form = new FormData();
  form.set("a", "1");
  form.set("b", new File(["two"], "b.txt"));
  const view = new DataView(bytes("[view]").buffer, 1, 4);
  const bodies: [body: BodyInit, text: string, type?: string][] = [
    ["text", "text", "text/plain;charset=UTF-8"],
    [bytes("bytes"), "bytes"],
    [bytes("buffer").buffer, "buffer"],
    [view, "view"],
    [new Blob(["blob"], { type: "x/y" }), "blob", "x/y"],
    [new URLSearchParams({ a: "1" }), "a=1", "application/x-www-form-urlencoded;charset=UTF-8"],
    [new Blob(["stream"]).stream(), "stream"],
    [form, 'filename="b.txt"', "multipart/form-data"],
  ];
  for (const [body, text, type] of bodies) {
    const got = await (await client.post(server.origin, body)).json();
    assertStringIncludes(got.text, text);
    assertStringIncludes(new Headers(got.headers).get("content-type") ?? "", type ?? "");
  }
});

Deno.test("HttpClient.fetch() sends a body as it was at the call, however long the call waits in line", async () => {
  await using server = serveHttp(echo);
  using client = once({ maxPerHost: 1 });
  const buffer = bytes("before");
  const bare = bytes("before").buffer;
  const form = new FormData();
  form.set("when", "before");
  const params = new URLSearchParams({ when: "before" });
  const first = await client.get(server.origin);
  const posting = [buffer, bare, form, params].map((body) => client.post(server.origin, body));
  buffer.fill(0);
  new Uint8Array(bare).fill(0);
  form.set("when", "after");
  params.set("when", "after");
  first.discard();
  for (const post of posting) {
    const { text } = await (await post).json();
    assert(text.includes("before") && !text.includes("after"), text);
  }
});

Deno.test("HttpClient.fetch() takes a Request, and what is said beside it comes first", async () => {
  await using server = serveHttp(echo);
  using client = once({ headers: { "x-from": "client", "x-client": "1" } });
  const make = () =>
    new Request(`${server.origin}/r`, { method: "POST", body: "body", headers: { "x-from": "request" } });
  const asIs = await (await client.fetch(make())).json();
  assertEquals([asIs.method, asIs.path, asIs.text], ["POST", "/r", "body"]);
  const headers = new Headers(asIs.headers);
  assertEquals([headers.get("x-from"), headers.get("x-client")], ["request", "1"]);
  assertEquals(headers.get("content-length"), "4"); // not a stream: the platform knows the body
  const init = { method: "PUT", body: "other", headers: { "x-from": "init" } };
  const changed = await (await client.fetch(make(), init)).json();
  assertEquals([changed.method, changed.text, new Headers(changed.headers).get("x-from")], [
    "PUT",
    "other",
    "init",
  ]);
  const used = make();
  await used.text();
  assertThrows(
    () => void client.fetch(used),
    TypeError,
    "Cannot fetch: the body is being read already, or was",
  );
  assertUnused(client);
});

Deno.test("HttpClient.fetch() sends the client's headers, and those of the call before them", async () => {
  await using server = serveHttp(echo);
  using client = once({ headers: new Headers({ "X-A": "client", "x-b": "client" }) });
  const sent = async (headers?: HeadersInit) => {
    const init = headers === undefined ? {} : { headers };
    const got = new Headers((await (await client.get(server.origin, init)).json()).headers);
    return [got.get("x-a"), got.get("x-b"), got.get("x-c")];
  };
  assertEquals(await sent(), ["client", "client", null]);
  assertEquals(await sent({ "x-b": "call", "x-c": "call" }), ["client", "call", "call"]);
  assertEquals(await sent([["X-C", "1"], ["x-c", "2"]]), ["client", "client", "1, 2"]);
  assertEquals(await sent(), ["client", "client", null]);
});

Deno.test("HttpClient.fetch() takes addresses relative to baseUrl", async () => {
  await using server = serveHttp(echo);
  using client = once({ baseUrl: `${server.origin}/v1/` });
  const path = async (address: string | URL) => (await (await client.get(address)).json()).path;
  assertEquals(await path("users"), "/v1/users");
  assertEquals(await path("/users"), "/users");
  assertEquals(await path("?q"), "/v1/?q");
  assertEquals(await path(`${server.origin}/other`), "/other");
  assertEquals(await path(new URL(`${server.origin}/url`)), "/url");
});

Deno.test("HttpClient.fetch() lets the other greenlets run, and knows its own when it is back", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once();
  const log: string[] = [];
  const fetching = spawn(async () => {
    const response = await client.get(server.origin);
    log.push(`${getCurrent() === fetching} ${await response.text()} ${getCurrent() === fetching}`);
  });
  await spawn(() => log.push("other")).join();
  assertEquals(log, ["other"]);
  await fetching.get();
  assertEquals(log, ["other", "true hello true"]);
});

Deno.test("HttpClient.fetch() that nobody awaits rejects quietly", async () => {
  using errors = captureErrors();
  using client = once();
  const greenlet = spawn(async () => {
    void client.get(`http://127.0.0.1:${deadPort()}/`);
    void client.get("http://127.0.0.1/", { timeout: 0 });
    void client.get("http://127.0.0.1/", { signal: AbortSignal.abort(new Error("no")) });
    await eventually(() => client.active === 0);
    return "unharmed";
  });
  assertEquals([await greenlet.get(), errors.seen], ["unharmed", []]);
  await turn(); // an unhandled rejection would have failed the test by now
});

Deno.test("HttpClient keeps connections open for the next request", async () => {
  await using server = new RawServer((to) => to.send(reply("hello")));
  using client = once();
  for (let i = 0; i < 5; i++) assertEquals(await (await client.get(server.origin)).text(), "hello");
  assertEquals([server.heads.length, server.opened], [5, 1]);
  client.close();
  await server.left();
});

Deno.test("HttpClient trusts the certificates it is given, and speaks to servers that others do not trust", async () => {
  const { cert, key } = await certificate();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    () => new Response("secret"),
  );
  const url = `https://localhost:${server.addr.port}/`;
  using client = once({ caCerts: [cert] });
  assertEquals(await (await client.get(url)).text(), "secret");
  using stranger = once();
  const error = await assertRejects(() => stranger.get(url), TypeError, `Cannot fetch ${url}: `);
  assertStringIncludes(error.message, "certificate");
  assertUnused(stranger);
});

Deno.test("HttpClient goes through a proxy", async () => {
  await using proxy = new RawServer((to) => to.send(reply("from the proxy")));
  using client = once({ proxy: { url: proxy.origin } });
  assertEquals(await (await client.get("http://example.invalid/page")).text(), "from the proxy");
  assertStringIncludes(proxy.heads[0]!, "GET http://example.invalid/page HTTP/1.1");
});
