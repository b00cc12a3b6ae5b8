// deno-lint-ignore-file no-import-prefix -- only this test needs the package
/**
 * `axios`, unmodified, in greenlets that are killed and timed out, with a real server: the HTTP client that most
 * packages use. It sends by `node:http`, which nothing patches, or by `fetch`, which is patched: then a request is
 * aborted with whoever waits for it. The view is for both, because it makes errors of its own of what it catches.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { importPatched, joinAll, patch, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";

async function openClient(adapter: "http" | "fetch") {
  let hung = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request, info) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/hang") {
      hung++;
      request.signal.addEventListener("abort", () => hung--);
      info.completed.catch(() => {});
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      return new Response();
    }
    if (pathname === "/moved") return Response.redirect(new URL("/json", request.url));
    if (pathname === "/missing") return new Response("nothing", { status: 404 });
    if (request.method === "POST") return new Response(await request.text());
    return Response.json({ path: pathname, agent: request.headers.get("x-agent") });
  });
  const { default: axios } = await importPatched(() => import("npm:axios@^1.21.1"), {
    create: { view: true },
  });
  const controllers = new AbortController();
  const client = axios.create({
    baseURL: `http://127.0.0.1:${server.addr.port}`,
    adapter,
    headers: { "x-agent": "test", connection: "close" },
    signal: controllers.signal,
  });
  return {
    client,
    hung: () => hung,
    async [Symbol.asyncDispose]() {
      controllers.abort();
      await server.shutdown();
    },
  };
}

for (const adapter of ["http", "fetch"] as const) {
  Deno.test(`axios does its work in greenlets, by ${adapter}`, async () => {
    using _patches = patch({ fetch: true });
    await using opened = await openClient(adapter);
    const { client } = opened;
    const work = async (i: number) => {
      const { data } = await client.get(`/${i}`);
      assertEquals(data, { path: `/${i}`, agent: "test" });
      assertEquals((await client.post("/", { i })).data, { i });
    };
    await joinAll(Array.from({ length: 20 }, (_, i) => spawn(() => work(i))), { raiseError: true });
    assertEquals((await client.get("/moved")).data.path, "/json");
    const error = await client.get("/missing").catch((error) => error);
    assertEquals([error.response.status, error.response.data], [404, "nothing"]);
  });

  Deno.test(`axios that is killed and timed out does not hang, by ${adapter}`, async () => {
    using _patches = patch({ fetch: true });
    await using opened = await openClient(adapter);
    const { client, hung } = opened;
    const victim = spawn(() => client.get("/hang"));
    while (hung() === 0) await sleep(1);
    const report = dump();
    assert(report.includes("get") || report.includes("fetch"), report);
    await victim.kill();
    await spawn(() => assertRejects(() => withTimeout(20, () => client.get("/hang")), Timeout)).get();
    assertEquals((await client.get("/after")).data.path, "/after");
    if (adapter === "fetch") { while (hung() > 0) await sleep(1); // its requests were aborted
     }
  });
}
