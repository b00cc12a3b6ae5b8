/** `BodyGreenlet`: stands for a response that is being sent. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Greenlet, GreenletExit } from "@verdant/green";
import { BodyGreenlet, BrokenOff } from "../../../net/http/body_greenlet.ts";
import { assertIdleSoon } from "../network.ts";
import { turns } from "./http_servers.ts";

interface Trial {
  readonly body: BodyGreenlet;
  /** How often the stream was cancelled. */
  readonly cancelled: () => number;
  /** How often its end was told. */
  readonly ended: () => number;
}

function started(chunks: string[], type = "text/plain"): Trial {
  let [cancelled, ended] = [0, 0];
  const left = chunks.map((chunk) => new TextEncoder().encode(chunk));
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const chunk = left.shift();
      if (chunk !== undefined) controller.enqueue(chunk);
      return chunk === undefined ? new Promise(() => {}) : undefined; // it has no end
    },
    cancel: () => void cancelled++,
  }, { highWaterMark: 0 });
  const source = new Response(null, { status: 203, statusText: "Fine", headers: { "content-type": type } });
  const body = new BodyGreenlet(source, stream, () => {}, () => ended++);
  body.start();
  return { body, cancelled: () => cancelled, ended: () => ended };
}

Deno.test("BodyGreenlet.response is the same response", async () => {
  const { body } = started([]);
  const { status, statusText, headers } = body.response;
  assertEquals([status, statusText, headers.get("content-type")], [203, "Fine", "text/plain"]);
  await body.kill();
});

Deno.test("BodyGreenlet.endless is true for event streams", async () => {
  for (
    const [type, endless] of [["text/event-stream", true], ["text/event-stream; charset=utf-8", true], [
      "text/plain",
      false,
    ]] as const
  ) {
    const { body } = started([], type);
    assertEquals([type, body.endless], [type, endless]);
    await body.kill();
  }
});

Deno.test("BodyGreenlet.finish() ends the response as if the stream had ended, once", async () => {
  const { body, cancelled, ended } = started(["one"], "text/event-stream");
  const reader = body.response.body!.getReader();
  assertEquals((await reader.read()).value?.length, 3);
  const waiting = reader.read();
  body.finish();
  body.finish();
  assertEquals((await waiting).done, true);
  await body.join();
  body.finish();
  assertEquals([cancelled(), ended(), body.bytes, body.fault, body.value], [1, 1, 3, undefined, undefined]);
  await assertIdleSoon();
});

for (const when of ["before it began", "while it was sent"]) {
  Deno.test(`BodyGreenlet.kill() ${when} breaks the response off and cancels the stream, once`, async () => {
    const { body, cancelled, ended } = started(["one"]);
    const reader = body.response.body!.getReader();
    if (when === "while it was sent") {
      await reader.read();
      await turns();
    }
    await body.kill("enough");
    await body.kill();
    const error = await assertRejects(() => reader.read(), BrokenOff);
    assert(error.cause instanceof GreenletExit);
    assertEquals([cancelled(), ended(), body.fault], [1, 1, undefined]);
    await assertIdleSoon();
  });
}

Deno.test("BodyGreenlet tells of a fault before the platform hears of it, and of its end afterwards", async () => {
  const log: string[] = [];
  const stream = new ReadableStream({ pull: (controller) => controller.error(new Error("disk full")) });
  const body = new BodyGreenlet(new Response(), stream, () => log.push("fault"), ({ fault }) => {
    log.push(`end: ${fault?.error}`);
  });
  body.start();
  await assertRejects(() => body.response.text().finally(() => log.push("broken off")), BrokenOff);
  await body.join();
  assertEquals(log, ["fault", "broken off", "end: Error: disk full"]);
});

Deno.test("BodyGreenlet forgets what comes after its end", async () => {
  const gate = Promise.withResolvers<void>();
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      await gate.promise;
      controller.error(new Error("too late"));
    },
  }, { highWaterMark: 0 });
  const ended: Greenlet[] = [];
  const body = new BodyGreenlet(new Response(), stream, () => {}, (body) => ended.push(body));
  body.start();
  const reader = body.response.body!.getReader();
  const reading = reader.read();
  await turns();
  body.finish();
  assertEquals((await reading).done, true);
  gate.resolve();
  await turns();
  assertEquals([body.fault, ended.length, body.ready], [undefined, 1, true]);
});
