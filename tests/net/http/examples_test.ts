/** The examples of HTTP, each as a process of its own that plain Deno clients talk to. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "../../example_program.ts";

async function postJob(port: number, body: string): Promise<Response> {
  return await fetch(`http://127.0.0.1:${port}/jobs`, { method: "POST", body });
}

/** Asks for a job until it is done. */
async function result(port: number, id: number): Promise<unknown> {
  for (;;) {
    const job = await (await fetch(`http://127.0.0.1:${port}/jobs/${id}`)).json();
    if (job.state === "done") return job.result;
  }
}

Deno.test("examples/http_server.ts does the jobs that are posted, and those in the queue when it is stopped", async () => {
  await using program = new Program("http_server.ts", "127.0.0.1:0");
  const port = await program.port();
  const posted = await postJob(port, '{"text":"hello"}');
  assertEquals([posted.status, await posted.json()], [202, { id: 1, state: "waiting" }]);
  assertEquals(await result(port, 1), "HELLO");
  for (const body of ["rubbish", '{"text":5}', "null", ""]) {
    const refused = await postJob(port, body);
    assertEquals([body, refused.status, await refused.json()], [body, 400, {
      error: 'expected {"text": "…"}',
    }]);
  }
  const missing = await fetch(`http://127.0.0.1:${port}/jobs/7`);
  assertEquals([missing.status, await missing.json()], [404, { error: "not found" }]);
  await (await postJob(port, '{"text":"late"}')).body?.cancel();
  assertEquals(await program.end("SIGINT"), { code: 0, lines: [], errors: "" });
});

Deno.test("examples/http_server.ts answers 503 when its queue stays full", async () => {
  await using program = new Program("http_server.ts", "127.0.0.1:0");
  const port = await program.port();
  const answers = await Promise.all(Array.from({ length: 40 }, () => postJob(port, '{"text":"x"}')));
  await Promise.all(answers.map((answer) => answer.body?.cancel()));
  const statuses = new Set(answers.map(({ status }) => status));
  assertEquals(statuses, new Set([202, 503]));
  assertEquals((await program.end("SIGTERM")).code, 0);
});

Deno.test("examples/sse_clock.ts ticks, counts who watches, and ends the streams when it is stopped", async () => {
  await using program = new Program("sse_clock.ts", "127.0.0.1:0");
  const port = await program.port();
  const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  assertMatch(page, /new EventSource\("\/ticks"\)/);
  const first = await fetch(`http://127.0.0.1:${port}/ticks`);
  const reader = first.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertMatch((await reader.read()).value!, /^event: tick\ndata: \{"time":".*Z","watchers":1\}\n\n$/);
  const second = await fetch(`http://127.0.0.1:${port}/ticks`);
  const watcher = second.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertMatch((await watcher.read()).value!, /"watchers":2/);
  await watcher.cancel();
  let text = "";
  while (!/"watchers":1/.test(text)) text = (await reader.read()).value!;
  const ended = program.end("SIGINT");
  while (!(await reader.read()).done);
  assertEquals(await ended, { code: 0, lines: [], errors: "" });
});

Deno.test("examples/reverse_proxy.ts passes requests and bodies on, and says when a server is gone or silent", async () => {
  await using backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    const forwarded = request.headers.get("x-forwarded-for");
    return Response.json({ pathname, search, forwarded, body: await request.text() }, { status: 201 });
  });
  await using program = new Program(
    "reverse_proxy.ts",
    "127.0.0.1:0",
    `http://127.0.0.1:${backend.addr.port}`,
  );
  const url = `http://127.0.0.1:${await program.port()}/a/b?c=d`;
  const large = "x".repeat(1_000_000);
  const answer = await fetch(url, { method: "POST", body: large });
  assertEquals(answer.status, 201);
  assertEquals(await answer.json(), {
    pathname: "/a/b",
    search: "?c=d",
    forwarded: "127.0.0.1",
    body: large,
  });
  await backend.shutdown();
  const gone = await fetch(url);
  assertEquals([gone.status, await gone.text()], [502, "Bad Gateway\n"]);
  assertEquals((await program.end("SIGINT")).code, 0);
});

Deno.test("examples/reverse_proxy.ts breaks a request off whose client goes", async () => {
  const broken = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  await using backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    const endless = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new Uint8Array(10));
        begun.resolve();
      },
      cancel: () => broken.resolve(),
    });
    return new Response(endless);
  });
  await using program = new Program(
    "reverse_proxy.ts",
    "127.0.0.1:0",
    `http://127.0.0.1:${backend.addr.port}`,
  );
  const client = await fetch(`http://127.0.0.1:${await program.port()}/`);
  const reader = client.body!.getReader();
  assert((await reader.read()).value!.length > 0);
  await begun.promise;
  await reader.cancel();
  await broken.promise;
  assertEquals((await program.end("SIGINT")).code, 0);
});
