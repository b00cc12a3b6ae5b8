/** Server-sent events. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { eventStream, Queue, type ServerSentEvent, sleep, until } from "@verdant/green";

async function text(...events: (ServerSentEvent | string)[]): Promise<string> {
  return await eventStream(events).text();
}

Deno.test("eventStream() has the headers of an event stream, and those it is given", () => {
  const { headers } = eventStream([], { headers: { "cache-control": "no-store", "x-more": "1" } });
  assertEquals(headers.get("content-type"), "text/event-stream; charset=utf-8");
  assertEquals([headers.get("cache-control"), headers.get("x-more")], ["no-store", "1"]);
  assertEquals(eventStream([]).headers.get("cache-control"), "no-cache");
});

Deno.test("eventStream() writes events as the format asks for", async () => {
  assertEquals(await text("hello"), "data: hello\n\n");
  assertEquals(await text("two\nlines\r\nor\rfour"), "data: two\ndata: lines\ndata: or\ndata: four\n\n");
  assertEquals(await text(""), "data: \n\n");
  assertEquals(await text({ data: { a: "x\ny" } }), 'data: {"a":"x\\ny"}\n\n');
  assertEquals(await text({ data: null }), "data: null\n\n");
  assertEquals(await text({ event: "tick", id: "7", data: 5 }), "event: tick\nid: 7\ndata: 5\n\n");
  assertEquals(await text({ retry: 1_000 }, "a"), "retry: 1000\n\ndata: a\n\n");
});

Deno.test("eventStream() refuses names and ids that would break the format, and times that are none", async () => {
  for (const bad of ["a\nb", "a\rb", "a\0b"]) {
    await assertRejects(() => text({ event: bad }), TypeError, "event must be a single line");
    await assertRejects(() => text({ id: bad }), TypeError, "id must be a single line");
  }
  await assertRejects(() => text({ retry: -1 }), RangeError, "retry");
  assertThrows(() => eventStream([], { heartbeat: -1 }), RangeError, "heartbeat");
  assertThrows(() => eventStream(5 as unknown as string[]), TypeError, "source must be iterable");
});

Deno.test("eventStream() sends a comment when nothing has come for a while, and loses no event by it", async () => {
  const queue = new Queue<string>();
  const reader = eventStream(queue, { heartbeat: 5 }).body!.pipeThrough(new TextDecoderStream()).getReader();
  const read = async () => (await until(() => reader.read())).value;
  assertEquals([await read(), await read()], [":\n\n", ":\n\n"]);
  queue.putNowait("a");
  assertEquals(await read(), "data: a\n\n");
  queue.shutdown();
  assertEquals(await read(), undefined);
});

Deno.test("eventStream() without a heartbeat says nothing by itself", async () => {
  async function* late() {
    await sleep(30);
    yield "a";
  }
  assertEquals(await eventStream(late(), { heartbeat: Infinity }).text(), "data: a\n\n");
});
