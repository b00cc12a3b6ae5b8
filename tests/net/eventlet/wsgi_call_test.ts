/** One call of a WSGI application, without a network: who is interrupted when, and what is left of it. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { GreenletExit, shield, sleep, spawn } from "@verdant/green";
import { type WsgiApplication, WsgiCall } from "../../../net/eventlet/wsgi_call.ts";
import { environOf } from "../../../net/eventlet/wsgi_environ.ts";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon } from "../network.ts";

const remoteAddr = { transport: "tcp", hostname: "192.0.2.1", port: 50_000 } as const;

/** The call of an application for a request. */
function callOf(
  site: WsgiApplication,
  init: RequestInit = {},
  completed: Promise<void> = Promise.resolve(),
): WsgiCall {
  const request = new Request("http://example.org/path", init);
  return new WsgiCall(
    site,
    environOf(request, { remoteAddr, completed }, { address: undefined, secure: false, extra: {} }),
  );
}

/** An application that waits again and again, and tells how far it came. */
function walker(log: string[]): WsgiApplication {
  return async function* (environ, startResponse) {
    try {
      log.push("begun");
      await sleep();
      const write = startResponse("200 OK", []);
      await environ["wsgi.input"].read(2);
      await write("one");
      await sleep();
      yield "two";
      yield "three";
      await sleep();
      log.push("done");
    } finally {
      await shield(() => sleep());
      log.push("cleaned up");
    }
  };
}

const passes = async (count: number) => {
  for (let i = 0; i < count; i++) await sleep();
};

Deno.test("WsgiCall ends with the greenlet of its request, whenever that is killed", async () => {
  using errors = captureErrors();
  let [killed, answered] = [0, 0];
  for (let moment = 0; moment < 12; moment++) {
    const log: string[] = [];
    const greenlet = spawn(() => callOf(walker(log), { method: "POST", body: "12" }).answer());
    await passes(moment);
    await greenlet.kill();
    const { value } = greenlet;
    if (value instanceof GreenletExit) {
      killed++;
      // It may not have begun at all; if it has, it is cleaned up before the request is over.
      assertEquals(log, log.length === 0 ? [] : ["begun", "cleaned up"]);
    } else {
      answered++;
      assertInstanceOf(value, Response);
      assertEquals(await value.text(), "onetwothree");
      assertEquals(log, ["begun", "done", "cleaned up"]);
    }
    await assertIdleSoon();
  }
  assert(killed > 3 && answered > 1, `${killed} and ${answered}`);
  assertEquals(errors.seen, []);
});

Deno.test("WsgiCall ends with the body of its response, whenever its reader leaves", async () => {
  using errors = captureErrors();
  for (let chunks = 0; chunks < 4; chunks++) {
    for (let moment = 0; moment < 6; moment++) {
      const log: string[] = [];
      const { body } = await callOf(walker(log)).answer();
      const reader = body!.getReader();
      for (let i = 0; i < chunks; i++) await reader.read();
      const next = reader.read();
      await passes(moment);
      await reader.cancel();
      await next;
      assertEquals(log.at(-1), "cleaned up");
      await assertIdleSoon();
    }
  }
  assertEquals(errors.seen, []);
});

Deno.test("WsgiCall ends if nobody reads the body of its response", async () => {
  const log: string[] = [];
  const { body } = await callOf(walker(log)).answer();
  await passes(3);
  await body!.cancel();
  assertEquals(log, ["begun", "cleaned up"]);
  await assertIdleSoon();
});

Deno.test("WsgiCall gives no part before its reader has room for it", async () => {
  const log: string[] = [];
  const { body } = await callOf(async function* (_environ, startResponse) {
    startResponse("200 OK", []);
    for (const part of ["one", "two", "three"]) {
      log.push(part);
      yield part;
    }
    await sleep();
  }).answer();
  const reader = body!.getReader();
  const seen: number[] = [];
  for (let i = 0; i < 3; i++) {
    await passes(5);
    seen.push(log.length);
    await reader.read();
  }
  assertEquals(seen, [1, 2, 3]);
  assertEquals((await reader.read()).done, true);
});

Deno.test("WsgiCall that is killed itself breaks its response off", async () => {
  const call = callOf(walker([]));
  const { body } = await call.answer();
  const reader = body!.getReader();
  await reader.read();
  await call.kill();
  assertInstanceOf(await reader.read().catch((error) => error), GreenletExit);
  const unanswered = callOf(walker([]));
  const answering = spawn(() => unanswered.answer());
  await passes(2);
  await unanswered.kill();
  assertInstanceOf(await answering.get(), GreenletExit);
  await assertIdleSoon();
});

Deno.test("WsgiCall ends if its request is killed when it has the response, and has not gone on", async () => {
  const log: string[] = [];
  const site: WsgiApplication = async (_environ, startResponse) => {
    try {
      spawn(() => void greenlet.kill(undefined, { block: false })); // runs after the response has begun
      await startResponse("200 OK", [])("one");
      return [];
    } finally {
      log.push("cleaned up");
    }
  };
  const greenlet = spawn((): Promise<Response> => callOf(site).answer());
  await greenlet.join();
  assertInstanceOf(greenlet.value, GreenletExit);
  assertEquals(log, ["cleaned up"]);
  await assertIdleSoon();
});

Deno.test("WsgiCall leaves no reader of the request's body behind", async () => {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(); // nothing ever comes
  const call = callOf(async (environ, startResponse) => {
    const read = await environ["wsgi.input"].read(1, { timeout: 1 }).catch((error) => error);
    startResponse("200 OK", []);
    return [String(read.name)];
  }, { method: "POST", body });
  assertEquals(await (await call.answer()).text(), "Timeout");
  await assertIdleSoon();
});

Deno.test("WsgiCall does not begin its response with an empty part", async () => {
  const response = await callOf(async function* (_environ, startResponse) {
    startResponse("200 OK", []);
    yield "";
    startResponse("500 Sorry", [], new Error("too early to know"));
    await sleep();
    yield "sorry";
  }).answer();
  assertEquals([response.status, response.statusText, await response.text()], [500, "Sorry", "sorry"]);
});

Deno.test("WsgiCall gives no part too early to a slow reader if the application does not await write()", async () => {
  const log: string[] = [];
  const { body } = await callOf(async (_environ, startResponse) => {
    const write = startResponse("200 OK", []);
    for (const part of ["one", "two"]) void write(part);
    await write("three");
    log.push("written");
    return [];
  }).answer();
  const reader = body!.getReader();
  const seen: number[] = [];
  for (let i = 0; i < 3; i++) {
    await reader.read();
    await passes(5);
    seen.push(log.length);
  }
  assertEquals([seen, (await reader.read()).done], [[0, 0, 1], true]);
});

Deno.test("WsgiCall calls posthooks when the response has been sent, or could not be", async () => {
  for (const succeeds of [true, false]) {
    const log: string[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const site: WsgiApplication = (environ, startResponse) => {
      environ["eventlet.posthooks"].push([() => log.push("hook")]);
      startResponse("200 OK", []);
      return ["body"];
    };
    await callOf(site, {}, promise).answer();
    await passes(5);
    assertEquals(log, []);
    if (succeeds) resolve();
    else reject(new Error("The client has gone"));
    await assertIdleSoon();
    assertEquals(log, ["hook"]);
  }
});
