import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  AsyncResult,
  fetch,
  getHub,
  GreenletExit,
  sleep,
  spawn,
  Timeout,
  until,
  withTimeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { startServer } from "./fetch_server.ts";

/** The ways to read a body to its end. */
const readers: Record<string, (response: Response) => Promise<unknown>> = {
  text: (response) => response.text(),
  json: (response) => response.json(),
  bytes: (response) => response.bytes(),
  arrayBuffer: (response) => response.arrayBuffer(),
  blob: (response) => response.blob(),
  async iteration(response) {
    for await (const _chunk of response.body!);
  },
  async reader(response) {
    const reader = response.body!.getReader();
    while (!(await reader.read()).done);
  },
  formData: (response) => response.formData(),
  clone: (response) => response.clone().text(),
};

Deno.test("fetch() body is read as text, JSON, bytes, buffer, blob or form", async () => {
  await using server = startServer();
  const get = (path: string) => fetch(server.url(path));
  const hello = new TextEncoder().encode("hello");
  assertEquals(await (await get("/text")).text(), "hello");
  assertEquals(await (await get("/json")).json(), { ok: true });
  assertEquals(await (await get("/text")).bytes(), hello);
  assertEquals(new Uint8Array(await (await get("/text")).arrayBuffer()), hello);
  assertEquals(await (await (await get("/text")).blob()).text(), "hello");
  assertEquals([...await (await get("/form")).formData()], [["a", "1"], ["b", "2"]]);
});

Deno.test("fetch() body is iterated, and read into a buffer of one's own", async () => {
  await using server = startServer();
  const chunks: number[] = [];
  for await (const chunk of (await fetch(server.url("/text"))).body!) chunks.push(...chunk);
  assertEquals(new TextDecoder().decode(new Uint8Array(chunks)), "hello");
  const reader = (await fetch(server.url("/text"))).body!.getReader({ mode: "byob" });
  const { value, done } = await reader.read(new Uint8Array(3));
  assertEquals([new TextDecoder().decode(value), done], ["hel", false]);
  assertEquals(new TextDecoder().decode((await reader.read(new Uint8Array(9))).value), "lo");
  assertEquals((await reader.read(new Uint8Array(9))).done, true);
});

Deno.test("fetch() body can be piped, and is used up once", async () => {
  await using server = startServer();
  const response = await fetch(server.url("/text"));
  const piped = response.body!.pipeThrough(new TextDecoderStream());
  assertEquals((await Array.fromAsync(piped)).join(""), "hello");
  assert(response.bodyUsed);
  await assertRejects(() => response.text(), TypeError);
});

Deno.test("fetch() body that is read as a whole is locked and used at once, like the platform's", async () => {
  await using server = startServer();
  for (const get of [fetch, globalThis.fetch]) {
    const response = await get(server.url("/text"));
    const body = response.body!;
    const [first, second] = [response.text(), response.json()];
    assertEquals([body.locked, response.bodyUsed, response.body], [true, true, body]);
    await assertRejects(() => second, TypeError);
    assertEquals(await first, "hello");
    await assertRejects(() => response.text(), TypeError);
    await assertRejects(() => body.cancel(), TypeError);
    assertEquals([body.locked, response.bodyUsed], [true, true]);
    assertThrows(() => response.clone(), TypeError);
  }
});

Deno.test("fetch() body that nobody has looked at before it was read is locked and used then", async () => {
  await using server = startServer();
  for (const get of [fetch, globalThis.fetch]) {
    const response = await get(server.url("/text"));
    assertEquals(await response.text(), "hello");
    assertEquals([response.body!.locked, response.bodyUsed, response.body], [true, true, response.body]);
    await assertRejects(() => response.text(), TypeError);
  }
});

Deno.test("fetch() body whose stream is locked cannot be read as a whole, until it is let go unread", async () => {
  await using server = startServer();
  const response = await fetch(server.url("/text"));
  const reader = response.body!.getReader();
  await assertRejects(() => response.text(), TypeError);
  reader.releaseLock();
  assertEquals(await response.text(), "hello");
  const begun = await fetch(server.url("/text"));
  const other = begun.body!.getReader();
  await other.read();
  other.releaseLock();
  await assertRejects(() => begun.text(), TypeError);
  await begun.body!.cancel();
});

Deno.test("fetch() body that a server passes on reaches its client, and cannot be read any more", async () => {
  await using server = startServer();
  const passed: Response[] = [];
  const relay = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
    passed.push(await fetch(server.url("/text")));
    return passed[0]!;
  });
  const answer = await globalThis.fetch(`http://127.0.0.1:${relay.addr.port}/`);
  assertEquals(await answer.text(), "hello");
  await assertRejects(() => passed[0]!.text());
  await relay.shutdown();
});

Deno.test("fetch() body that is not what it is read as rejects, and leaves nothing at its greenlet", async () => {
  await using server = startServer();
  const read = new AsyncResult<string[]>();
  const greenlet = spawn(async () => {
    const json = await (await fetch(server.url("/text"))).json().catch((error) => error.name);
    const form = await (await fetch(server.url("/text"))).formData().catch((error) => error.name);
    read.set([json, form]);
    await sleep(60_000);
  });
  assertEquals(await read.get(), ["SyntaxError", "TypeError"]);
  assertEquals([greenlet.links?.size ?? 0, getHub().stats().foreignWaits], [0, 0]);
  await greenlet.kill();
});

Deno.test("fetch() body can be cloned, with all that the response knows", async () => {
  await using server = startServer();
  const response = await fetch(server.url("/redirect"));
  const copy = response.clone();
  const other = copy.clone();
  assertEquals([copy.url, copy.redirected, copy.type, other.url], [
    response.url,
    true,
    response.type,
    response.url,
  ]);
  assertEquals([await copy.text(), await response.text(), await other.text()], ["hello", "hello", "hello"]);
});

Deno.test("fetch() body that is cancelled closes the connection", async () => {
  await using server = startServer();
  await (await fetch(server.url("/slow/cancel"))).body!.cancel();
  await until(server.gone("/slow/cancel"));
  for await (const _chunk of (await fetch(server.url("/slow/break"))).body!) break;
  await until(server.gone("/slow/break"));
});

Deno.test("fetch() whose greenlet is killed while it reads the body closes the connection", async () => {
  await using server = startServer();
  for (const [name, read] of Object.entries(readers)) {
    const path = `/slow/${name}`;
    const reading = new AsyncResult<void>();
    const greenlet = spawn(async () => {
      const response = await fetch(server.url(path));
      reading.set();
      await read(response);
    });
    await reading.get();
    await sleep();
    await greenlet.kill();
    assertInstanceOf(greenlet.value as unknown, GreenletExit, `${name}: ${greenlet.error}`);
    await until(server.gone(path));
  }
});

Deno.test("fetch() whose greenlet is killed before it read the body closes the connection", async () => {
  await using server = startServer();
  const got = new AsyncResult<void>();
  const greenlet = spawn(async () => {
    const response = await fetch(server.url("/slow/unread"));
    got.set();
    await sleep(60_000);
    return response;
  });
  await got.get();
  await greenlet.kill();
  await until(server.gone("/slow/unread"));
});

Deno.test("fetch() whose greenlet fails before it read the body closes the connection", async () => {
  using errors = captureErrors();
  await using server = startServer();
  const failure = new Error("did not like the headers");
  let response: Response | undefined;
  const greenlet = spawn(async () => {
    response = await fetch(server.url("/slow/failed"));
    throw failure;
  });
  await greenlet.join();
  await until(server.gone("/slow/failed"));
  assertEquals(errors.seen, [failure]);
  await assertRejects(() => response!.text());
});

Deno.test("fetch() of a greenlet that returned its response can still be read", async () => {
  await using server = startServer();
  const response = await spawn(() => fetch(server.url("/text"))).get();
  await sleep();
  assertEquals(await response.text(), "hello");
});

Deno.test("fetch() body that another greenlet reads is stopped by the kill of that one", async () => {
  await using server = startServer();
  const response = await spawn(() => fetch(server.url("/slow/handed-on"))).get();
  const reader = spawn(() => response.text());
  await sleep();
  await reader.kill();
  assertInstanceOf(reader.value as unknown, GreenletExit);
  await until(server.gone("/slow/handed-on"));
});

Deno.test("fetch() body that was read to its end leaves nothing at its greenlet", async () => {
  await using server = startServer();
  const read = new AsyncResult<void>();
  const greenlet = spawn(async () => {
    await (await fetch(server.url("/text"))).text();
    read.set();
    await sleep(60_000);
  });
  await read.get();
  assertEquals([greenlet.links?.size ?? 0, getHub().stats().foreignWaits], [0, 0]);
  await greenlet.kill();
});

Deno.test("fetch() body is limited by withTimeout(), which closes the connection", async () => {
  await using server = startServer();
  for (const [name, read] of Object.entries(readers)) {
    const path = `/slow/late-${name}`;
    const limit = new Timeout(60_000);
    const reading = new AsyncResult<void>();
    const greenlet = spawn(() =>
      withTimeout(limit, async () => {
        const response = await fetch(server.url(path));
        reading.set();
        await read(response);
      }).catch((error) => error)
    );
    await reading.get();
    await sleep();
    getHub().timers.fireDue(getHub().now() + 60_000);
    assertStrictEquals(await greenlet.get(), limit, name);
    await until(server.gone(path));
  }
});

Deno.test("fetch() body ends with the reason of the signal that its call was given", async () => {
  await using server = startServer();
  const controller = new AbortController();
  const response = await fetch(server.url("/slow/signal"), { signal: controller.signal });
  const reading = response.text().catch((reason) => reason);
  controller.abort("changed my mind");
  assertEquals(await reading, "changed my mind");
  await until(server.gone("/slow/signal"));
});

Deno.test("fetch() lets the other greenlets run while a body is read", async () => {
  await using server = startServer();
  const log: string[] = [];
  const got = new AsyncResult<void>();
  const reading = spawn(async () => {
    const response = await fetch(server.url("/slow/others"));
    got.set();
    await response.text();
  });
  await got.get();
  await spawn(() => log.push("other")).join();
  assertEquals([log, reading.ready, getHub().stats().detached], [["other"], false, 0]);
  await reading.kill();
  await until(server.gone("/slow/others"));
});

Deno.test("fetch() body whose reading nobody awaits yet rejects quietly", async () => {
  await using server = startServer();
  for (const [name, read] of Object.entries(readers)) {
    if (name === "iteration" || name === "reader") continue; // the platform's own promises
    const path = `/slow/unawaited-${name}`;
    const reading = new AsyncResult<void>();
    const greenlet = spawn(async () => {
      const response = await fetch(server.url(path));
      const text = read(response);
      reading.set();
      await sleep(60_000);
      return await text;
    });
    await reading.get();
    await sleep();
    await greenlet.kill();
    assertInstanceOf(greenlet.value as unknown, GreenletExit);
    await until(server.gone(path)); // an unhandled rejection would have failed the test by now
  }
});
