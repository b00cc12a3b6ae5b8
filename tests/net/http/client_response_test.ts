/** `HttpResponse`. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { GreenletExit, HttpResponse, sleep, spawn } from "@verdant/green";
import { assertIdle, bytes, calm, eventually } from "../network.ts";
import {
  assertUnused,
  echo,
  errorOf,
  HEAD_OF_TEN,
  MINUTE,
  once,
  RawServer,
  readers,
  reply,
  serveHttp,
} from "./client_servers.ts";

Deno.test("HttpResponse is read as text, JSON, bytes, buffer, blob or form, once", async () => {
  await using server = serveHttp(async (request) => {
    const type = new URL(request.url).searchParams.get("type") ?? "text/plain";
    return new Response(await request.text(), { headers: { "content-type": type } });
  });
  using client = once({ baseUrl: server.origin });
  const ask = (text: string, type = "text/plain") => client.post(`/?type=${encodeURIComponent(type)}`, text);
  for (const streamed of [false, true]) {
    const asked = async (text: string, type?: string) => {
      const response = await ask(text, type);
      if (streamed) assert(response.body instanceof ReadableStream); // whoever looks gets the slower way
      return response;
    };
    assertEquals(await (await asked("hello")).text(), "hello");
    assertEquals(await (await asked('{"a":1}')).json(), { a: 1 });
    assertEquals(await (await asked("hello")).bytes(), bytes("hello"));
    assertEquals(new Uint8Array(await (await asked("hello")).arrayBuffer()), bytes("hello"));
    const blob = await (await asked("hello", "x/y")).blob();
    assertEquals([blob.type, await blob.text()], ["x/y", "hello"]);
    const form = await (await asked("a=1&b=2", "application/x-www-form-urlencoded")).formData();
    assertEquals([...form], [["a", "1"], ["b", "2"]]);
    await assertRejects(async () => await (await asked("{")).json(), SyntaxError);
    const response = await asked("hello");
    assertEquals([await response.text(), response.bodyUsed], ["hello", true]);
    await assertRejects(() => response.text(), TypeError);
    assertThrows(() => response.clone(), TypeError);
    const locked = await asked("hello");
    const reader = locked.body!.getReader();
    await assertRejects(() => locked.text(), TypeError);
    assertEquals((await reader.read()).value, bytes("hello"));
    assertEquals((await reader.read()).done, true);
    if (!streamed) assertEquals((await response.body!.getReader().read()).done, true);
  }
  assertUnused(client);
});

Deno.test("HttpResponse.body is iterated, read into a buffer, and piped", async () => {
  await using server = serveHttp(() => new Response("hello"));
  using client = once({ baseUrl: server.origin });
  const chunks: number[] = [];
  for await (const chunk of (await client.get("/")).body!) chunks.push(...chunk);
  assertEquals(new Uint8Array(chunks), bytes("hello"));
  const reader = (await client.get("/")).body!.getReader({ mode: "byob" });
  assertEquals((await reader.read(new Uint8Array(3))).value, bytes("hel"));
  assertEquals((await reader.read(new Uint8Array(9))).value, bytes("lo"));
  assertEquals((await reader.read(new Uint8Array(9))).done, true);
  const piped = (await client.get("/")).body!.pipeThrough(new TextDecoderStream());
  assertEquals((await Array.fromAsync(piped)).join(""), "hello");
  assertUnused(client);
});

Deno.test("HttpResponse.clone() has the same head, and frees the slot when both are done", async () => {
  await using server = serveHttp(({ url }) =>
    url.endsWith("/") ? Response.redirect(`${url}hello`) : new Response("hello")
  );
  using client = once({ baseUrl: server.origin });
  const response = await client.get("/");
  const copy = response.clone();
  assertEquals([copy.status, copy.url, copy.redirected, copy.type], [
    200,
    `${server.origin}/hello`,
    true,
    "basic",
  ]);
  assertInstanceOf(copy, HttpResponse);
  copy.discard();
  assertEquals([client.active, await response.text(), client.active], [1, "hello", 0]);
  const other = await client.get("/");
  const another = other.clone();
  other.discard();
  assertEquals([client.active, await another.text(), client.active], [1, "hello", 0]);
  const both = await client.get("/");
  both.clone().discard();
  both.discard();
  assertUnused(client);
});

Deno.test("HttpResponse.discard() ends those who read, and those who come later", async () => {
  await using server = new RawServer((to) => to.send(`${HEAD_OF_TEN}first`));
  using client = once({ baseUrl: server.origin });
  for (const [name, read] of Object.entries(readers)) {
    if (name === "clone") continue; // it is the copy that is read
    const response = await client.get("/");
    const reading = spawn(() => errorOf(read(response)));
    await calm();
    assertEquals([client.active, reading.ready], [1, false], name);
    response.discard();
    assertUnused(client);
    const error = await reading.get({ timeout: 1_000 });
    assert(error instanceof DOMException && error.name === "AbortError", `${name}: ${error}`);
    await server.left();
    const later = await client.get("/");
    later.discard();
    assertStrictEquals((await errorOf(later.text()) as Error).name, "AbortError");
  }
  assertIdle();
});

Deno.test("HttpResponse knows statuses that no Response can be made with", async () => {
  for (const status of [299, 599, 600, 999]) {
    await using server = new RawServer((to) => to.send(reply("odd", `${status} Odd`, "x-odd: yes")));
    using client = once();
    const response = await client.get(server.origin);
    assertEquals([response.status, response.ok, response.headers.get("x-odd")], [
      status,
      status < 300,
      "yes",
    ]);
    assertEquals([response.clone().status, await response.text()], [status, "odd"]);
  }
});

Deno.test("HttpResponse can be the answer of a server", async () => {
  await using origin = serveHttp(echo);
  using client = once({ baseUrl: origin.origin, maxPerHost: 2 });
  await using proxy = serveHttp((request) => {
    const { pathname } = new URL(request.url);
    return spawn(() => client.fetch(pathname, { method: request.method, body: request.body })).get();
  });
  using browser = once({ baseUrl: proxy.origin });
  const posts = Array.from(
    { length: 8 },
    (_, n) => spawn(async () => await (await browser.put(`/${n}`, `${n}`)).json()),
  );
  const got = await Promise.all(posts.map((post) => post.get()));
  assertEquals(got.map(({ path, text }) => path + text), [0, 1, 2, 3, 4, 5, 6, 7].map((n) => `/${n}${n}`));
  await eventually(() => client.active === 0);
  assertUnused(browser);
});

Deno.test("HttpResponse whose reading nobody awaits yet rejects quietly", async () => {
  await using server = new RawServer((to) => to.send(`${HEAD_OF_TEN}first`));
  using client = once({ baseUrl: server.origin });
  for (const [name, read] of Object.entries(readers)) {
    if (name === "iteration" || name === "reader") continue; // promises of the platform
    let reading = false;
    const greenlet = spawn(async () => {
      const text = read(await client.get("/"));
      reading = true;
      await sleep(MINUTE);
      return await text;
    });
    await eventually(() => reading);
    await calm();
    await greenlet.kill();
    assertInstanceOf(greenlet.value as unknown, GreenletExit);
    await server.left(); // an unhandled rejection would have failed the test by now
  }
});
