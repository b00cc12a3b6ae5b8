/** `wsgi.server()`: its beginning, its end, its errors, its log and its limits. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  eventlet,
  getHub,
  GreenletExit,
  listen,
  Pool,
  sleep,
  spawn,
  wrapTls,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, certificate, eventually, portOf } from "../network.ts";
import { isRefused } from "../servers.ts";
import { get } from "../http/http_servers.ts";
import { answering, type App, askOnce, dial, startWsgi } from "./wsgi_servers.ts";

const hello: App = answering(() => "hello");
const never = () => sleep(60_000).then(() => "never");

Deno.test("wsgi.server() ends when its greenlet is killed: idle clients are closed, requests may finish", async () => {
  const log: string[] = [];
  const serving = await startWsgi(answering(async ({ PATH_INFO }) => {
    if (PATH_INFO === "/idle") return "";
    log.push("begun");
    await sleep(50);
    log.push("done");
    return "finished";
  }));
  using idle = await dial(serving);
  await idle.ask(get("/idle"));
  using busy = await dial(serving);
  await busy.send(get("/busy"));
  await eventually(() => log.length === 1);
  const killed = serving.greenlet.kill();
  assertEquals([await idle.rest(), log], ["", ["begun"]]);
  assertEquals(await isRefused(serving.port), true);
  assertEquals((await busy.receive()).body, "finished");
  assertEquals([await killed, log], [true, ["begun", "done"]]);
  assertInstanceOf(serving.greenlet.value, GreenletExit);
  await assertIdleSoon();
});

Deno.test("wsgi.server() ends when its listener is closed, and returns", async () => {
  const { sock, greenlet, port } = await startWsgi(hello);
  sock.close();
  sock.close();
  assertEquals(await greenlet.get(), undefined);
  assertEquals(await isRefused(port), true);
  await assertIdleSoon();
});

Deno.test("wsgi.server() waits for requests when its listener is closed, as long as stopTimeout", async () => {
  const log: string[] = [];
  const { sock, greenlet, ...serving } = await startWsgi(
    answering(async () => {
      try {
        log.push("begun");
        return await never();
      } finally {
        await sleep(1);
        log.push("cleaned up");
      }
    }),
    { stopTimeout: 20 },
  );
  using client = await dial(serving);
  await client.send(get());
  await eventually(() => log.length === 1);
  sock.close();
  assertEquals((await client.receive()).status, 503);
  await greenlet.get();
  assertEquals(log, ["begun", "cleaned up"]);
  await assertIdleSoon();
});

Deno.test("wsgi.server() breaks off bodies that take longer than stopTimeout; the application cleans up", async () => {
  const log: string[] = [];
  const { sock, greenlet, ...serving } = await startWsgi(async function* (_environ, startResponse) {
    startResponse("200 OK", []);
    try {
      for (;;) {
        yield "part";
        await sleep(1);
      }
    } finally {
      log.push("closed");
    }
  }, { stopTimeout: 20 });
  using client = await dial(serving);
  await client.send(get());
  await client.until("part");
  sock.close();
  await greenlet.get();
  assert(!(await client.rest()).includes("\r\n0\r\n\r\n"));
  await eventually(() => log.length === 1);
  await assertIdleSoon();
});

Deno.test("wsgi.server() with a listener that `using` closes", async () => {
  let greenlet;
  {
    using sock = eventlet.listen(["127.0.0.1", 0]);
    ({ greenlet } = await startWsgi(hello, {}, sock));
  }
  assertEquals(await greenlet.get(), undefined);
});

Deno.test("wsgi.server() takes the place of its listener, which accepts nobody any more", async () => {
  await using serving = await startWsgi(hello);
  assertEquals([serving.sock.closed, portOf(serving.sock)], [true, serving.port]);
  await assertRejects(() => serving.sock.accept(), Deno.errors.BadResource);
  assertEquals((await askOnce(serving, get())).body, "hello");
});

Deno.test("wsgi.server() kills an application whose client has gone, before and after its response began", async () => {
  const log: string[] = [];
  await using serving = await startWsgi(async function* ({ PATH_INFO }, startResponse) {
    try {
      log.push(`${PATH_INFO} begins`);
      if (PATH_INFO === "/before") await never();
      startResponse("200 OK", []);
      yield "part";
      await never();
    } finally {
      log.push(`${PATH_INFO} ends`);
    }
  });
  for (const path of ["/before", "/after"]) {
    log.length = 0;
    const client = await dial(serving);
    await client.send(get(path));
    if (path === "/after") await client.until("part");
    else await eventually(() => log.length === 1);
    client.leave();
    await eventually(() => log.length === 2);
    assertEquals(log, [`${path} begins`, `${path} ends`]);
  }
});

Deno.test("wsgi.server() reports what an application throws, once, and answers 500 without details", async () => {
  using errors = captureErrors();
  const apps: Record<string, App> = {
    "/throws": () => {
      throw new RangeError("secret");
    },
    "/rejects": async () => {
      await sleep();
      throw new RangeError("secret");
    },
    "/generator": async function* (_environ, startResponse) {
      startResponse("200 OK", []);
      await sleep();
      yield* [];
      throw new RangeError("secret");
    },
    "/close": (_environ, startResponse) => {
      startResponse("200 OK", []);
      const close = () => {
        throw new RangeError("secret");
      };
      return { *[Symbol.iterator]() {}, close };
    },
  };
  await using serving = await startWsgi((environ, startResponse) =>
    apps[environ.PATH_INFO]!(environ, startResponse)
  );
  for (const path of Object.keys(apps)) {
    const { status, body } = await askOnce(serving, get(path));
    // One that fails in close() has answered before.
    assertEquals(
      [path, status, body],
      path === "/close" ? [path, 200, ""] : [path, 500, "Internal Server Error\n"],
    );
  }
  await eventually(() => errors.seen.length === 4);
  assertEquals(errors.seen.map((error) => (error as Error).message), Array(4).fill("secret"));
});

Deno.test("wsgi.server() breaks a response off if the application fails in the middle, and reports it once", async () => {
  using errors = captureErrors();
  await using serving = await startWsgi(async function* (_environ, startResponse) {
    startResponse("200 OK", []);
    yield "part";
    await sleep(1);
    throw new RangeError("in the middle");
  });
  const { status, body, complete } = await askOnce(serving, get());
  assertEquals([status, body, complete], [200, "part", false]);
  await eventually(() => errors.seen.length > 0);
  await sleep(5);
  assertEquals(errors.seen.map((error) => (error as Error).message), ["in the middle"]);
});

Deno.test("wsgi.server() reports what an application throws when it is killed", async () => {
  using errors = captureErrors();
  const log: string[] = [];
  await using serving = await startWsgi(async function* ({ PATH_INFO }, startResponse) {
    startResponse("200 OK", []);
    try {
      log.push("begun");
      if (PATH_INFO === "/after") yield "part";
      await never();
    } finally {
      // deno-lint-ignore no-unsafe-finally -- that is what is tested
      throw new RangeError(`cannot clean up ${PATH_INFO}`);
    }
  });
  for (const path of ["/before", "/after"]) {
    const client = await dial(serving);
    await client.send(get(path));
    if (path === "/after") await client.until("part");
    await eventually(() => log.length > 0);
    client.leave();
    await eventually(() => errors.seen.length === 1);
    assertEquals((errors.seen.pop() as Error).message, `cannot clean up ${path}`);
    log.length = 0;
  }
  await sleep(5);
  assertEquals(errors.seen, []);
});

Deno.test("wsgi.server() with debug tells its clients the stack", async () => {
  using _errors = captureErrors();
  const fails = answering(() => {
    throw new RangeError("details");
  });
  await using serving = await startWsgi(fails, { debug: true });
  const { status, headers, body } = await askOnce(serving, get());
  assertEquals([status, headers["content-type"]], [500, "text/plain;charset=UTF-8"]);
  assertMatch(body, /^RangeError: details\n +at .*wsgi_server_test/);
});

Deno.test("startResponse() may start another response for an error, as long as nothing was sent", async () => {
  using errors = captureErrors();
  await using serving = await startWsgi(async (environ, startResponse) => {
    const write = startResponse("200 OK", [["X-First", "1"]]);
    try {
      if (environ.PATH_INFO === "/sent") await write("part");
      throw new RangeError("broken");
    } catch (error) {
      startResponse("500 Sorry", [["X-Second", "2"]], error);
      return ["sorry"];
    }
  });
  const unsent = await askOnce(serving, get("/unsent"));
  assertEquals([unsent.status, unsent.body, unsent.headers["x-first"]], [500, "sorry", undefined]);
  assertEquals([unsent.headers["x-second"], errors.seen], ["2", []]);
  const sent = await askOnce(serving, get("/sent"));
  assertEquals([sent.status, sent.body, sent.complete], [200, "part", false]);
  await eventually(() => errors.seen.length === 1);
  assertInstanceOf(errors.seen[0], RangeError);
});

Deno.test("wsgi.server() answers 500 to applications that break the rules, and says which", async () => {
  using errors = captureErrors();
  const apps: [App, string][] = [
    [() => ["body"], "Cannot respond: the application has not called startResponse"],
    [() => [], "Cannot respond: the application has not called startResponse"],
    [function* () {
      yield "part";
    }, "Cannot respond: the application has not called startResponse"],
    [(_environ, startResponse) => {
      startResponse("200 OK", []);
      startResponse("200 OK", []);
      return [];
    }, "Cannot start response: it was started before; only an error may start another one"],
    [(_environ, startResponse) => {
      startResponse("200 OK", []);
      return undefined as never;
    }, "Cannot respond: the application must return an iterable, received undefined"],
    [(_environ, startResponse) => {
      startResponse("200 OK", []);
      return [1 as never];
    }, "Cannot send body: data must be a Uint8Array or a string, received 1"],
    [(_environ, startResponse) => {
      startResponse("200 OK", { "X-Name": "1" } as never);
      return [];
    }, "Cannot start response: headers must be pairs in an array, received [object Object]"],
    ...["OK", "99 Low", "100 Continue", "600 High", "200OK", ""].map((status): [App, string] => [
      (_environ, startResponse) => {
        startResponse(status, []);
        return [];
      },
      `Cannot start response: status must look like "200 OK", received ${status}`,
    ]),
  ];
  let app: App;
  await using serving = await startWsgi((environ, startResponse) => app(environ, startResponse));
  for (const [next, message] of apps) {
    app = next;
    assertEquals((await askOnce(serving, get())).status, 500);
    assertEquals((errors.seen.pop() as Error).message, message);
  }
});

Deno.test("wsgi.server() takes a status without words", async () => {
  await using serving = await startWsgi((_environ, startResponse) => {
    startResponse("202", []);
    return [];
  });
  assertEquals((await askOnce(serving, get())).status, 202);
});

Deno.test("wsgi.server() refuses a second response after the first has begun", async () => {
  using errors = captureErrors();
  await using serving = await startWsgi(async (_environ, startResponse) => {
    await startResponse("200 OK", [])("part");
    return new Response("another one");
  });
  const { body, complete } = await askOnce(serving, get());
  assertEquals([body, complete], ["part", false]);
  await eventually(() => errors.seen.length === 1);
  assertMatch((errors.seen[0] as Error).message, /has begun another response/);
});

Deno.test("wsgi.server() logs its beginning, its requests and its end, as eventlet does", async () => {
  const lines: string[] = [];
  const options = { logOutput: true, log: (line: string) => lines.push(line) };
  const serving = await startWsgi(hello, options);
  await askOnce(serving, get("/path?query"));
  await eventually(() => lines.length === 2);
  await serving.greenlet.kill();
  assertEquals(lines[0], `(${Deno.pid}) wsgi starting up on ${serving.url}`);
  assertMatch(lines[1]!, /^127\.0\.0\.1 - - \[.*\] "GET \/path\?query HTTP\/1\.1" 200 5 \d+\.\d{6}$/);
  assertEquals(lines.slice(2), [`(${Deno.pid}) wsgi exited`]);
});

Deno.test("wsgi.server() logs in a format of one's own, or not at all", async () => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  {
    await using serving = await startWsgi(hello, {
      logOutput: true,
      log,
      logFormat: ({ method, status }) => `${method} ${status}`,
    });
    await askOnce(serving, get());
    await eventually(() => lines.length === 2);
  }
  assertEquals(lines[1], "GET 200");
  lines.length = 0;
  {
    await using serving = await startWsgi(hello, { logOutput: false, log });
    await askOnce(serving, get());
  }
  assertEquals(lines, []);
});

Deno.test("wsgi.server() logs to the standard error output if nothing else is said", async () => {
  const { error } = console;
  const lines: unknown[] = [];
  console.error = (line) => lines.push(line);
  try {
    await using serving = await startWsgi(hello, { logOutput: undefined });
    await askOnce(serving, get());
    await eventually(() => lines.length === 2);
  } finally {
    console.error = error;
  }
  assertEquals(lines.length, 3);
});

Deno.test("wsgi.server() handles maxSize requests at a time; the others wait", async () => {
  let [running, most] = [0, 0];
  const counting = answering(async () => {
    most = Math.max(most, ++running);
    await sleep(1);
    running--;
    return "";
  });
  for (
    const [options, expected] of [[{ maxSize: 2 }, 2], [{ customPool: new Pool(3), maxSize: 1 }, 3]] as const
  ) {
    most = 0;
    await using serving = await startWsgi(counting, options);
    const answers = await Promise.all(Array.from({ length: 12 }, () => askOnce(serving, get())));
    assertEquals([answers.every(({ status }) => status === 200), most], [true, expected]);
  }
});

Deno.test("wsgi.server() answers 503 if a request takes longer than requestTimeout; the application is killed", async () => {
  const log: string[] = [];
  const { greenlet, ...serving } = await startWsgi(
    answering(async () => {
      try {
        return await never();
      } finally {
        log.push("killed");
      }
    }),
    { requestTimeout: 10 },
  );
  assertEquals((await askOnce({ greenlet, ...serving }, get())).status, 503);
  await eventually(() => log.length === 1);
  await greenlet.kill();
  await assertIdleSoon();
});

Deno.test("wsgi.server() lets no application behind whose time is up just as it answers", async () => {
  const { greenlet, ...serving } = await startWsgi(async function* (_environ, startResponse) {
    await sleep(10);
    startResponse("200 OK", []);
    yield "part";
    await sleep(1);
  }, { requestTimeout: 10 });
  for (let i = 0; i < 20; i++) {
    const { status } = await askOnce({ greenlet, ...serving }, get());
    assert(status === 200 || status === 503);
  }
  await greenlet.kill();
  await assertIdleSoon();
});

Deno.test("wsgi.server() refuses bad arguments at the call, and leaves the listener open", async () => {
  using sock = eventlet.listen(["127.0.0.1", 0]);
  const cases: [() => unknown, new () => Error, string][] = [
    [() => eventlet.wsgi.server(sock, 1 as never), TypeError, "site must be a function, received 1"],
    [
      () => eventlet.wsgi.server(8090 as never, hello),
      TypeError,
      "sock must come from eventlet.listen(), received 8090",
    ],
    [
      () => eventlet.wsgi.server(sock, hello, { maxSize: 0 }),
      RangeError,
      "maxSize must be a positive integer",
    ],
    [() => eventlet.wsgi.server(sock, hello, { log: {} as never }), TypeError, "log must be a function"],
    [
      () => eventlet.wsgi.server(sock, hello, { logFormat: "%s" as never }),
      TypeError,
      "logFormat must be a function",
    ],
    [
      () => eventlet.wsgi.server(sock, hello, { customPool: 3 as never }),
      TypeError,
      "customPool must be a Pool",
    ],
    [() => eventlet.wsgi.server(sock, hello, { requestTimeout: -1 }), RangeError, "received -1"],
    [() => eventlet.wsgi.server(sock, hello, { stopTimeout: NaN }), RangeError, "received NaN"],
    [() => eventlet.wsgi.server(sock, hello, { maxBodyBytes: -1 }), RangeError, "received -1"],
  ];
  for (const [call, Class, message] of cases) assertThrows(call, Class, message);
  const seen: unknown[] = [];
  getHub().runCallback(() =>
    seen.push(assertThrows(() => eventlet.wsgi.server(sock, hello), BlockingSwitchOutError))
  );
  await sleep();
  assertEquals([seen.length, sock.closed], [1, false]);
});

Deno.test("wsgi.server() refuses a listener of another kind: it could not tell that it is closed", async () => {
  using sock = listen({ hostname: "127.0.0.1", port: 0 });
  assertThrows(
    () => eventlet.wsgi.server(sock as never, hello),
    TypeError,
    "sock must come from eventlet.listen()",
  );
  const { cert, key } = await certificate();
  using secure = wrapTls(sock, { cert, key });
  assertThrows(() => eventlet.wsgi.server(secure as never, hello), TypeError);
});

Deno.test("wsgi.server() refuses a closed listener", () => {
  const sock = eventlet.listen(["127.0.0.1", 0]);
  sock.close();
  assertThrows(() => eventlet.wsgi.server(sock, hello), Deno.errors.BadResource, `${portOf(sock)} is closed`);
});

Deno.test("wsgi.server() throws AddrInUse if another one serves there", async () => {
  await using serving = await startWsgi(hello);
  using other = new eventlet.ListeningSocket(
    { addr: serving.sock.addr, close() {} } as unknown as Deno.Listener,
    () => undefined as never,
  );
  assertThrows(() => eventlet.wsgi.server(other, hello), Deno.errors.AddrInUse, String(serving.port));
  assertEquals((await askOnce(serving, get())).body, "hello");
});

Deno.test("wsgi.server() that is killed as soon as it is called stops", async () => {
  for (let passes = 0; passes < 4; passes++) {
    const sock = eventlet.listen(["127.0.0.1", 0]);
    const serving = spawn(() => eventlet.wsgi.server(sock, hello, { logOutput: false }));
    for (let i = 0; i < passes; i++) await sleep();
    await serving.kill();
    sock.close();
    assertEquals(await isRefused(portOf(sock)), true);
  }
  await assertIdleSoon();
});
