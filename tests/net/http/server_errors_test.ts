/** What goes wrong in handlers: what is reported, and what the client is told. */
import { assert, assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "@std/assert";
import {
  Event,
  getCurrent,
  getHub,
  GreenletExit,
  type HttpHandler,
  type HttpServerOptions,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { eventually } from "../network.ts";
import { never } from "../servers.ts";
import { askOnce, begin, get, post, RawClient, type RawResponse, startHttp } from "./http_servers.ts";

interface Report {
  readonly context: string;
  readonly error: unknown;
}

/** Collects what the hub reports, with the names it would print, until disposed. */
function captureReports(): Disposable & { readonly seen: Report[] } {
  const hub = getHub();
  const { onError } = hub;
  const seen: Report[] = [];
  hub.onError = (context, error) => {
    seen.push({ context: (context as { label?: string }).label ?? String(context), error });
  };
  return {
    seen,
    [Symbol.dispose]() {
      hub.onError = onError;
    },
  };
}

/** Serves one request; returns the answer and what was reported. */
async function serveOnce(
  handler: HttpHandler,
  options: HttpServerOptions = {},
  request = get("/path?token=secret"),
): Promise<{ answer: RawResponse; reports: Report[] }> {
  using reports = captureReports();
  const server = await startHttp(handler, options);
  const answer = await askOnce(server, request);
  await server.stop();
  return { answer, reports: reports.seen };
}

const failure = new Error("disk full: /var/secrets");

for (
  const [how, handler] of Object.entries<HttpHandler>({
    "throws at once": () => {
      throw failure;
    },
    rejects: () => Promise.reject(failure),
    "throws later": async () => {
      await sleep();
      throw failure;
    },
    "throws after a foreign wait": async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      throw failure;
    },
  })
) {
  Deno.test(`HttpServer reports an error of a handler that ${how} once, and tells the client nothing of it`, async () => {
    const { answer, reports } = await serveOnce(handler);
    assertEquals([answer.status, answer.body], [500, "Internal Server Error\n"]);
    assertEquals(Object.keys(answer.headers).filter((name) => name.startsWith("x-")), []);
    assertEquals(reports.length, 1);
    assertEquals(reports[0]!.error, failure);
    assertMatch(reports[0]!.context, /^GET \/path from 127\.0\.0\.1:\d+ \(host: example\.org\)$/);
  });
}

Deno.test("HttpServer reports what is thrown, also if it is no Error", async () => {
  for (const thrown of ["text", undefined, null, 42, { a: 1 }]) {
    const { answer, reports } = await serveOnce(() => {
      throw thrown;
    });
    assertEquals([answer.status, reports.map(({ error }) => error)], [500, [thrown]]);
  }
});

Deno.test("HttpServer hides the values of secret headers in reports, and of those it is told to hide", async () => {
  const lines = [
    "Authorization: Bearer SECRET-1",
    "cookie: session=SECRET-2",
    "Cookie: other=SECRET-3",
    "proxy-authorization: Basic SECRET-4",
    "X-Api-Key: SECRET-5",
    "X-TOKEN: SECRET-6",
    "x-shown: visible",
  ];
  const fail = () => {
    throw failure;
  };
  const { reports } = await serveOnce(
    fail,
    { redact: ["X-Token"] },
    get("/path?SECRET-7#SECRET-8", ...lines),
  );
  const { context } = reports[0]!;
  assert(!context.includes("SECRET"), context);
  for (
    const part of [
      "authorization: [hidden]",
      "cookie: [hidden]",
      "proxy-authorization: [hidden]",
      "x-api-key: [hidden]",
      "x-token: [hidden]",
      "x-shown: visible",
    ]
  ) assertStringIncludes(context, part);
  const unhidden = await serveOnce(fail, {}, get("/", "x-token: value"));
  assertStringIncludes(unhidden.reports[0]!.context, "x-token: value");
});

Deno.test("HttpServer prints no secret to the standard error", async () => {
  const printed: string[] = [];
  const { error } = console;
  console.error = (...args) => printed.push(args.map(String).join(" "));
  try {
    await using server = await startHttp(() => {
      throw failure;
    });
    await askOnce(server, get("/path?SECRET-1", "cookie: SECRET-2", "authorization: SECRET-3"));
  } finally {
    console.error = error;
  }
  const text = printed.join("\n");
  assert(!text.includes("SECRET"), text);
  assertStringIncludes(text, "GET /path from 127.0.0.1");
  assertStringIncludes(text, "disk full");
});

Deno.test("HttpServer escapes what could command a terminal in reports", async () => {
  const { reports } = await serveOnce(
    () => {
      throw failure;
    },
    {},
    get("/", "user-agent: \x9b31mred\x85"),
  );
  assertStringIncludes(reports[0]!.context, "user-agent: \\x9b31mred\\x85");
});

Deno.test("HttpServer reports a handler's error under its greenlet, dead and with the error", async () => {
  let context: unknown;
  const hub = getHub();
  const { onError } = hub;
  hub.onError = (given) => context = given;
  let greenlet: unknown;
  try {
    await using server = await startHttp(() => {
      greenlet = getCurrent();
      throw failure;
    });
    await askOnce(server);
  } finally {
    hub.onError = onError;
  }
  assert(context === greenlet && getCurrent() === undefined);
});

Deno.test("HttpServer answers 503 quietly to who exits, and 500 to who is killed with an error", async () => {
  const exit = await serveOnce(() => {
    throw new GreenletExit("enough");
  });
  assertEquals([exit.answer.status, exit.reports], [503, []]);
  const killed = await serveOnce(async () => {
    getCurrent()!.throw(failure);
    await never();
    return new Response();
  });
  assertEquals([killed.answer.status, killed.reports.map(({ error }) => error)], [500, [failure]]);
});

for (
  const [name, value, shown] of [
    ["nothing", undefined, "undefined"],
    ["null", null, "null"],
    ["text", "hello", "hello"],
    ["an object like a response", { status: 200, body: "hello" }, "[object Object]"],
    ["a request", new Request("http://a/"), "[object Request]"],
  ] as const
) {
  Deno.test(`HttpServer reports a handler that returns ${name} instead of a response`, async () => {
    for (const handler of [() => value, async () => await Promise.resolve(value)]) {
      const { answer, reports } = await serveOnce(handler as unknown as HttpHandler);
      assertEquals([answer.status, answer.body, reports.length], [500, "Internal Server Error\n", 1]);
      assertInstanceOf(reports[0]!.error, TypeError);
      assertEquals(reports[0]!.error.message, `The handler must return a Response, it returned ${shown}`);
      assertStringIncludes(reports[0]!.context, "GET /path from");
    }
  });
}

const TEXT = {
  text: () => new Response("text"),
  "text with headers": () => new Response("text", { headers: { a: "b" } }),
};
const BODIES: Record<string, () => Response> = {
  ...TEXT,
  json: () => Response.json({ a: 1 }),
  bytes: () => new Response(new Uint8Array(3)),
  stream: () => new Response(new Blob(["stream"]).stream()),
  blob: () => new Response(new Blob(["blob"])),
};

for (const [name, make] of Object.entries(BODIES)) {
  Deno.test(`HttpServer reports a response (${name}) that was read, is being read or is locked`, async () => {
    const spoilers: Record<string, (response: Response) => unknown> = {
      read: (response) => response.text(),
      "read in part": async (response) => {
        const reader = response.body!.getReader();
        await reader.read();
        reader.releaseLock();
      },
      locked: (response) => response.body!.getReader(),
      cancelled: (response) => response.body!.cancel(),
    };
    for (const [how, spoil] of Object.entries(spoilers)) {
      const statuses: number[] = [];
      const { answer, reports } = await serveOnce(async () => {
        const response = make();
        await spoil(response);
        return response;
      }, { accessLog: ({ status }) => statuses.push(status) });
      assertEquals([how, answer.status, answer.body], [how, 500, "Internal Server Error\n"]);
      assertEquals([how, statuses, reports.length], [how, [500], 1]);
      assertInstanceOf(reports[0]!.error, TypeError);
      assertStringIncludes(reports[0]!.context, "GET /path from");
    }
  });
}

Deno.test("HttpServer reports Response.error()", async () => {
  const { answer, reports } = await serveOnce(() => Response.error());
  assertEquals([answer.status, reports.length], [500, 1]);
  assertStringIncludes(reports[0]!.context, "GET /path from");
});

Deno.test("HttpServer serves on after errors", async () => {
  using errors = captureErrors();
  await using server = await startHttp(async (request) => {
    await request.text();
    if (request.url.endsWith("/bad")) throw failure;
    return new Response("fine");
  });
  using client = await RawClient.connect(server);
  for (let i = 0; i < 5; i++) {
    assertEquals((await client.ask(get("/bad"))).status, 500); // and the connection is kept
    assertEquals((await client.ask(get("/good"))).body, "fine");
  }
  assertEquals(errors.seen.length, 5);
});

// ---- Streams that fail -----------------------------------------------------------------------------

/** A stream that yields so many chunks, and then fails. */
function failing(chunks: number, error: unknown): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull(controller) {
      if (chunks-- > 0) controller.enqueue(new TextEncoder().encode("chunk"));
      else controller.error(error);
    },
  });
}

for (const chunks of [0, 1, 3]) {
  Deno.test(`HttpServer breaks off and reports a response whose stream fails after ${chunks} chunks`, async () => {
    const entries: [number, number | undefined][] = [];
    const { answer, reports } = await serveOnce(() => new Response(failing(chunks, failure)), {
      accessLog: ({ status, bytes }) => entries.push([status, bytes]),
    });
    assertEquals([answer.status, answer.complete, answer.body], [200, false, "chunk".repeat(chunks)]);
    assertEquals([reports.map(({ error }) => error), entries], [[failure], [[200, 5 * chunks]]]);
    assertMatch(reports[0]!.context, /^GET \/path from 127\.0\.0\.1:\d+ \(host: example\.org\)$/);
  });
}

Deno.test("HttpServer breaks off quietly when a stream ends with a kill", async () => {
  const { answer, reports } = await serveOnce(() => new Response(failing(1, new GreenletExit())));
  assertEquals([answer.complete, reports], [false, []]);
});

Deno.test("HttpServer reports a stream that yields no bytes, and cancels it", async () => {
  let cancelled = 0;
  const { answer, reports } = await serveOnce(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue("text" as unknown as Uint8Array<ArrayBuffer>),
        cancel: () => void cancelled++,
      }),
    )
  );
  assertEquals([answer.complete, cancelled, reports.length], [false, 1, 1]);
  assertStringIncludes(String(reports[0]!.error), "must yield bytes, it yielded string");
});

// ---- onError ---------------------------------------------------------------------------------------

Deno.test("HttpServer lets onError answer what a handler throws, in the same greenlet, after the report", async () => {
  const log: unknown[] = [];
  const { answer, reports } = await serveOnce(
    async () => {
      log.push(getCurrent());
      await sleep();
      throw failure;
    },
    {
      async onError(error, request, info) {
        await sleep();
        log.push(getCurrent(), error, (info.remoteAddr as Deno.NetAddr).hostname);
        return Response.json({ path: new URL(request.url).pathname }, { status: 418 });
      },
    },
  );
  assertEquals([answer.status, answer.body], [418, '{"path":"/path"}']);
  assert(log[0] !== undefined && log[0] === log[1]);
  assertEquals([log.slice(2), reports.map(({ error }) => error)], [[failure, "127.0.0.1"], [failure]]);
});

Deno.test("HttpServer reports the error of onError, too, and answers 500", async () => {
  const second = new Error("and the template is missing");
  for (
    const onError of [() => Promise.reject(second), () => {
      throw second;
    }]
  ) {
    const { answer, reports } = await serveOnce(() => Promise.reject(failure), { onError });
    assertEquals([answer.status, answer.body], [500, "Internal Server Error\n"]);
    assertEquals(reports.map(({ error }) => error), [failure, second]);
  }
});

Deno.test("HttpServer reports an onError that returns no response", async () => {
  const onError = (() => "sorry") as unknown as () => Response;
  const { answer, reports } = await serveOnce(() => Promise.reject(failure), { onError });
  assertEquals([answer.status, reports.length], [500, 2]);
  assertStringIncludes(String(reports[1]!.error), "it returned sorry");
});

Deno.test("HttpServer does not call onError for kills, and kills who is in it", async () => {
  using errors = captureErrors();
  const log: string[] = [];
  const inside = new Event();
  await using server = await startHttp(async (request) => {
    if (request.url.endsWith("/fail")) throw failure;
    await never();
    return new Response();
  }, {
    requestTimeout: 20,
    async onError() {
      inside.set();
      try {
        await never();
        return new Response();
      } finally {
        log.push("clean-up");
      }
    },
  });
  assertEquals((await askOnce(server, get("/wait"))).status, 503);
  assertEquals([inside.isSet, errors.seen], [false, []]);
  assertEquals((await askOnce(server, get("/fail"))).status, 503);
  await eventually(() => server.running === 0);
  assertEquals([inside.isSet, log, errors.seen], [true, ["clean-up"], [failure]]);
});

Deno.test("HttpServer lets the handler's wrapped kill pass onError by", async () => {
  let called = 0;
  const { answer } = await serveOnce(async () => {
    const child = spawn(() => never());
    await sleep();
    await child.kill();
    throw new Error("fetch failed", { cause: child.value });
  }, { onError: () => new Response(`${++called}`) });
  assertEquals([answer.status, called], [500, 0]);
});

Deno.test("HttpServer reports an error while the client sends its body, and answers it", async () => {
  using errors = captureErrors();
  await using server = await startHttp(async () => {
    await sleep();
    throw failure;
  });
  using client = await begin(server, post("").replace("content-length: 0", "content-length: 1000"));
  await client.send("only a part");
  assertEquals([(await client.receive()).status, errors.seen.length], [500, 1]);
});
