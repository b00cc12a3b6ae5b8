import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { patch, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";

/** A server of the platform's that says when a request was given up. */
function startServer(answer: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, answer);
  const url = `http://127.0.0.1:${server.addr.port}/`;
  return { url, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function pageOf(url: string): Promise<string> { // knows nothing of greenlets
  const response = await fetch(url);
  return await response.text();
}

Deno.test("fetch() that is patched waits through the hub, and its body does", async () => {
  using _patches = patch({ fetch: true });
  let body!: ReadableStreamDefaultController<Uint8Array>;
  await using server = startServer(() =>
    new Response(new ReadableStream({ start: (controller) => void (body = controller) }))
  );
  const page = spawn(() => pageOf(server.url));
  await sleep();
  assertStringIncludes(dump(), "waits for fetch");
  while (body === undefined) await sleep(1);
  body.enqueue(new TextEncoder().encode("hello"));
  while (!dump().includes("fetch body")) await sleep(1);
  body.close();
  assertEquals(await page.get(), "hello");
});

for (const stage of ["headers", "body"] as const) {
  Deno.test(`fetch() that is patched and killed at its ${stage} aborts the request`, async () => {
    using _patches = patch({ fetch: true });
    const aborted = Promise.withResolvers<void>();
    let begun = false;
    await using server = startServer((request) => {
      begun = true;
      request.signal.addEventListener("abort", () => aborted.resolve());
      if (stage === "headers") {
        return new Promise<Response>((resolve) => aborted.promise.then(() => resolve(new Response())));
      }
      return new Response(
        new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1)), cancel: () => aborted.resolve() }),
      );
    });
    const page = spawn(() => pageOf(server.url));
    while (!begun) await sleep(1);
    if (stage === "body") { while (!dump().includes("fetch body")) await sleep(1); }
    await page.kill();
    await aborted.promise;
  });
}

Deno.test("WebSocket that a killed greenlet made is closed", async () => {
  using _patches = patch({ webSocket: true });
  const closed = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  await using server = startServer((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => opened.resolve();
    socket.onclose = () => closed.resolve();
    return response;
  });
  const owner = spawn(async () => {
    const socket = new WebSocket(server.url.replace("http", "ws"));
    assert(socket instanceof WebSocket);
    await sleep(1_000_000);
  });
  await opened.promise;
  await owner.kill();
  await closed.promise;
});

Deno.test("Deno.resolveDns() that is patched and times out is aborted", async () => {
  using _patches = patch({ dns: true });
  using silent = Deno.listen({ port: 0, hostname: "127.0.0.1" }); // speaks no DNS: nothing answers by UDP
  const { port } = silent.addr as Deno.NetAddr;
  const question = () => Deno.resolveDns("example.test", "A", { nameServer: { ipAddr: "127.0.0.1", port } });
  const asker = spawn(() => withTimeout(1, question).catch((error) => error));
  const error = await asker.get();
  assert(error instanceof Timeout || error instanceof Deno.errors.NotFound || error instanceof Error);
  await assertRejects(
    () => spawn(() => Deno.resolveDns("", "A", { signal: AbortSignal.abort(new Error("no")) })).get(),
    Error,
    "no",
  );
});

Deno.test("fetch() that is patched takes options as the platform does", async () => {
  using _patches = patch({ fetch: true });
  await using server = startServer(async (request) =>
    new Response(`${request.method} ${await request.text()}`)
  );
  await spawn(async () => {
    const textOf = async (init: unknown) => await (await fetch(server.url, init as RequestInit)).text();
    assertEquals(await textOf(null), "GET ");
    assertEquals(await textOf({ method: "POST", body: "a", timeout: "5s" }), "POST a"); // other clients know it
    assertEquals(await textOf(new Request(server.url, { method: "PUT", body: "b" })), "PUT b");
    class Options {
      get method() {
        return "DELETE";
      }
    }
    assertEquals(await textOf(new Options()), "DELETE ");
  }).get();
});
