/** `eventlet.wsgi`: what an application may do, and what its clients get. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventlet, getCurrent, sleep } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { get, latin1, post } from "../http/http_servers.ts";
import { answering, type App, askOnce, dial, startWsgi } from "./wsgi_servers.ts";

const OK = "200 OK";
const PLAIN: [string, string][] = [["Content-Type", "text/plain"]];

/** An application that is one of eventlet's documentation. */
const helloWorld: App = (env, startResponse) => {
  if (env.PATH_INFO !== "/") {
    startResponse("404 Not Found", PLAIN);
    return ["Not Found\r\n"];
  }
  startResponse(OK, PLAIN);
  return ["Hello, World!\r\n"];
};

Deno.test("wsgi.server() serves the application of eventlet's documentation", async () => {
  await using serving = await startWsgi(helloWorld);
  const hello = await askOnce(serving, get("/"));
  assertEquals([hello.status, hello.body, hello.headers["content-type"]], [
    200,
    "Hello, World!\r\n",
    "text/plain",
  ]);
  assertEquals(hello.headers["content-length"], "15");
  const missing = await askOnce(serving, get("/missing"));
  assertEquals([missing.status, missing.body], [404, "Not Found\r\n"]);
});

Deno.test("wsgi.server() serves many requests of one connection", async () => {
  await using serving = await startWsgi(answering(({ PATH_INFO }) => PATH_INFO));
  using client = await dial(serving);
  for (let i = 0; i < 5; i++) assertEquals((await client.ask(get(`/${i}`))).body, `/${i}`);
  const bodies = ["a", "b", "c"];
  await client.send(bodies.map((name) => get(`/${name}`)).join(""));
  for (const name of bodies) assertEquals((await client.receive()).body, `/${name}`);
});

Deno.test("wsgi.server() joins the parts of an array, text as UTF-8, and sends their length", async () => {
  await using serving = await startWsgi((_env, startResponse) => {
    startResponse(OK, PLAIN);
    return ["é", latin1("\xff\x00"), "", "x"];
  });
  const { body, headers } = await askOnce(serving, get());
  assertEquals([body, headers["content-length"]], ["\xc3\xa9\xff\x00x", "5"]);
});

Deno.test("wsgi.server() takes text, bytes and nothing for a whole body", async () => {
  const results = ["text", latin1("bytes"), []];
  await using serving = await startWsgi((_env, startResponse) => {
    startResponse(OK, []);
    return results.shift()!;
  });
  for (const expected of ["text", "bytes", ""]) {
    const { body, headers } = await askOnce(serving, get());
    assertEquals([body, headers["content-length"]], [expected, String(expected.length)]);
    assertEquals(headers["content-type"], undefined); // no default
  }
});

Deno.test("wsgi.server() sends what comes part by part in chunks, each as soon as it is there", async () => {
  const go = new eventlet.Event();
  await using serving = await startWsgi(async function* (_env, startResponse) {
    startResponse(OK, PLAIN);
    yield "one";
    yield "";
    await go.wait();
    yield latin1("two");
  });
  using client = await dial(serving);
  await client.send(get());
  const head = await client.until("one\r\n");
  assertStringIncludes(head!.toLowerCase(), "transfer-encoding: chunked");
  go.send(undefined);
  assertEquals(await client.until("0\r\n\r\n"), "3\r\ntwo\r\n0\r\n\r\n");
});

Deno.test("wsgi.server() takes a generator that calls startResponse with its first part", async () => {
  await using serving = await startWsgi(function* (_env, startResponse) {
    startResponse("201 Created", [["X-Name", "value"]]);
    yield "a";
    yield "b";
  });
  const { status, body, headers } = await askOnce(serving, get());
  assertEquals([status, body, headers["x-name"]], [201, "ab", "value"]);
});

Deno.test("wsgi.server() answers a generator without parts with an empty body", async () => {
  await using serving = await startWsgi(async function* (_env, startResponse) {
    startResponse(OK, PLAIN);
    yield* [];
    await sleep();
  });
  const { body, headers } = await askOnce(serving, get());
  assertEquals([body, headers["content-length"]], ["", "0"]);
});

Deno.test("startResponse() returns write(), which sends at once, before the application has returned", async () => {
  const go = new eventlet.Event();
  await using serving = await startWsgi(async (_env, startResponse) => {
    const write = startResponse(OK, PLAIN);
    await write("one ");
    await go.wait();
    await write("two ");
    return ["three ", "four"];
  });
  using client = await dial(serving);
  await client.send(get());
  await client.until("one \r\n");
  go.send(undefined);
  const rest = (await client.until("0\r\n\r\n"))!;
  assertEquals(rest.replace(/^[\da-f]*\r\n|\r\n/gm, ""), "two three four");
});

Deno.test("write() that is not awaited loses nothing, and keeps the order", async () => {
  await using serving = await startWsgi((env, startResponse) => {
    const write = startResponse(OK, PLAIN);
    for (const part of ["", "a", "b", "", "c"]) void write(part);
    if (env.PATH_INFO === "/whole") return ["d", "e"];
    return function* () {
      yield "d";
      for (const part of ["", "e", "f"]) void write(part);
      yield "g";
      void write("h");
    }();
  });
  for (const [path, expected] of [["/whole", "abcde"], ["/parts", "abcdefgh"]] as const) {
    const { body, complete } = await askOnce(serving, get(path));
    assertEquals([path, body, complete], [path, expected, true]);
  }
});

Deno.test("write() before text does not take the text apart", async () => {
  await using serving = await startWsgi(async (env, startResponse) => {
    const write = startResponse(OK, PLAIN);
    await write("one ");
    return env.PATH_INFO === "/text" ? "two" : latin1("two");
  });
  for (const path of ["/text", "/bytes"]) assertEquals((await askOnce(serving, get(path))).body, "one two");
});

Deno.test("wsgi.server() sends headers in the application's order, repeated ones included", async () => {
  await using serving = await startWsgi((_env, startResponse) => {
    startResponse(OK, [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["X-Name", "1"]]);
    return [];
  });
  using client = await dial(serving);
  await client.send(get());
  const head = await client.until("\r\n\r\n");
  assertEquals(head!.match(/set-cookie: \w=\d/gi)!.map((line) => line.slice(-3)), ["a=1", "b=2"]);
});

Deno.test("wsgi.server() sends no body with 204, 205 and 304, which eventlet does", async () => {
  const log: string[] = [];
  await using serving = await startWsgi((env, startResponse) => {
    startResponse(`${env.PATH_INFO.slice(1, 4)} Nothing`, []);
    if (env.PATH_INFO.endsWith("whole")) return ["body"];
    return function* () {
      try {
        yield "";
        yield "body";
        yield "more";
        log.push("never");
      } finally {
        log.push("closed");
      }
    }();
  });
  for (const path of ["/204/whole", "/204", "/205", "/304", "/304/whole"]) {
    using client = await dial(serving);
    await client.send(get(path) + get("/205/whole"));
    await client.until("\r\n\r\n");
    assertStringIncludes((await client.until("\r\n\r\n"))!, "HTTP/1.1 205"); // directly behind
  }
  assertEquals(log, ["closed", "closed", "closed"]);
});

Deno.test("wsgi.server() sends no body in answer to HEAD, which eventlet does, and ends the application", async () => {
  const log: string[] = [];
  await using serving = await startWsgi((env, startResponse) => {
    startResponse(OK, PLAIN);
    if (env.PATH_INFO === "/whole") return ["body"];
    return async function* () {
      try {
        for (;;) {
          yield "part";
          await sleep();
        }
      } finally {
        log.push("closed");
      }
    }();
  });
  using client = await dial(serving);
  const whole = await client.ask(get("/whole").replace("GET", "HEAD"), "HEAD");
  assertEquals([whole.status, whole.headers["content-length"]], [200, "4"]);
  const endless = await client.ask(get("/endless").replace("GET", "HEAD"), "HEAD");
  assertEquals([endless.status, endless.headers["content-length"]], [200, undefined]);
  assertEquals((await client.ask(get("/whole"))).body, "body");
  await eventually(() => log.length === 1);
});

Deno.test("wsgi.server() calls close() of the result, whatever happens", async () => {
  using _errors = captureErrors();
  const closed: string[] = [];
  await using serving = await startWsgi((env, startResponse) => {
    startResponse(OK, PLAIN);
    return {
      *[Symbol.iterator]() {
        yield "part";
        if (env.PATH_INFO === "/broken") throw new Error("broken");
      },
      close: () => void closed.push(env.PATH_INFO),
    };
  });
  assertEquals((await askOnce(serving, get("/whole"))).complete, true);
  assertEquals((await askOnce(serving, get("/broken"))).complete, false);
  await eventually(() => closed.length === 2);
  assertEquals(closed, ["/whole", "/broken"]);
});

Deno.test("wsgi.server() takes a Response instead of startResponse()", async () => {
  await using serving = await startWsgi(({ "green.request": request, "green.info": info }) => {
    return Response.json({ url: request.url, transport: info.remoteAddr.transport }, { status: 202 });
  });
  const { status, body } = await askOnce(serving, get("/path"));
  assertEquals([status, body], [202, '{"url":"http://example.org/path","transport":"tcp"}']);
});

Deno.test("wsgi.server() lets an application call another one with a changed environment", async () => {
  const inner = answering(({ SCRIPT_NAME, PATH_INFO, "my.key": key }) =>
    `${SCRIPT_NAME} ${PATH_INFO} ${key}`
  );
  const outer: App = (environ, startResponse) => {
    const changed = { ...environ, SCRIPT_NAME: "/app", PATH_INFO: environ.PATH_INFO.slice(4), "my.key": 1 };
    return inner(changed, startResponse);
  };
  await using serving = await startWsgi(outer);
  assertEquals((await askOnce(serving, get("/app/path"))).body, "/app /path 1");
});

Deno.test("wsgi.server() runs an application in a greenlet that reports call after its request", async () => {
  await using serving = await startWsgi(answering(() => getCurrent()!.label));
  assertEquals((await askOnce(serving, get("/path?secret"))).body, "GET /path");
});

Deno.test("wsgi.server() handles requests side by side", async () => {
  const all = new eventlet.Event<string>();
  let here = 0;
  await using serving = await startWsgi(answering(async () => {
    if (++here === 10) all.send("all are here");
    return (await all.wait())!;
  }));
  const answers = await Promise.all(Array.from({ length: 10 }, () => askOnce(serving, get())));
  assertEquals(answers.map(({ body }) => body), Array(10).fill("all are here"));
});

Deno.test("eventlet.posthooks are called after the response, with the environment and their arguments", async () => {
  const log: unknown[] = [];
  using errors = captureErrors();
  await using serving = await startWsgi(answering((environ) => {
    const { PATH_INFO } = environ;
    environ["eventlet.posthooks"].push(
      [(env, a: number, b: number) => log.push([env.PATH_INFO, a, b]), [1, 2]],
      [() => {
        throw new Error("broken hook");
      }],
      [async () => {
        await sleep();
        log.push("last");
      }],
    );
    log.push("application");
    return PATH_INFO;
  }));
  await askOnce(serving, get("/hooked"));
  await eventually(() => log.length === 3);
  assertEquals(log, ["application", ["/hooked", 1, 2], "last"]);
  assertEquals(errors.seen.map((error) => (error as Error).message), ["broken hook"]);
});

Deno.test("eventlet.posthooks are called although the application fails or its client leaves", async () => {
  using _errors = captureErrors();
  const log: string[] = [];
  await using serving = await startWsgi(answering(async (environ) => {
    const { PATH_INFO } = environ;
    environ["eventlet.posthooks"].push([(env) => log.push(env.PATH_INFO)]);
    if (PATH_INFO === "/fails") throw new Error("broken");
    await sleep(60_000);
    return "";
  }));
  assertEquals((await askOnce(serving, get("/fails"))).status, 500);
  await eventually(() => log.length === 1);
  const client = await dial(serving);
  await client.send(get("/leaves"));
  await sleep(20);
  client.leave();
  await eventually(() => log.length === 2);
  assertEquals(log, ["/fails", "/leaves"]);
});

Deno.test("wsgi.server() survives an application that empties its environment", async () => {
  const log: string[] = [];
  await using serving = await startWsgi((environ, startResponse) => {
    environ["eventlet.posthooks"].push([() => log.push("hook")]);
    for (const key of Object.keys(environ)) delete environ[key];
    startResponse(OK, PLAIN);
    return ["gone"];
  });
  assertEquals((await askOnce(serving, post("ignored"))).body, "gone");
  await eventually(() => log.length === 1);
});

Deno.test("wsgi.server() leaves nothing behind", async () => {
  const serving = await startWsgi(async function* (environ, startResponse) {
    await environ["wsgi.input"].read(3);
    startResponse(OK, PLAIN);
    yield "one";
    await sleep(1);
    yield "two";
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => askOnce(serving, post("0123456789"))));
  assert(answers.every(({ body, complete }) => complete && body === "onetwo"));
  await serving[Symbol.asyncDispose]();
  await assertIdleSoon();
});
