/** Streams that wait through the hub: made so when they are taken from what a patched function made. */
import { until } from "../../hub/mod.ts";
import { isOutside } from "../../green/outside.ts";
import { Leftovers, resumable } from "./leftovers.ts";
import { type AnyFunction, cleaningUp, replaceGetters, replaceMethods, throughHub } from "./through_hub.ts";

type Result = ReadableStreamReadResult<unknown>;

/** Reads whose reader was interrupted, by stream. */
const unread = /* @__PURE__ */ new Leftovers<Result>();
/** Streams are the same ones each time they are asked for. */
const known = new WeakSet<object>();

/** Makes the default readers of a stream, and `for await`, wait through the hub. */
export function greenReadable<S extends ReadableStream>(stream: S): S {
  if (known.has(stream)) return stream;
  known.add(stream);
  return replaceMethods(stream, {
    getReader: (original) =>
      function getReader(this: S, options?: ReadableStreamGetReaderOptions) {
        const reader = Reflect.apply(original, this, [options]) as ReadableStreamDefaultReader;
        return options?.mode === "byob" ? reader : greenReader(stream, reader);
      },
    values: iterating,
    [Symbol.asyncIterator]: iterating,
  });
}

/** Makes the writers of a stream wait through the hub. */
export function greenWritable<S extends WritableStream>(stream: S): S {
  if (known.has(stream)) return stream;
  known.add(stream);
  return replaceMethods(stream, {
    getWriter: (original) =>
      function getWriter(this: S) {
        return greenWriter(Reflect.apply(original, this, []) as WritableStreamDefaultWriter);
      },
    close: cleaningUp,
    abort: cleaningUp,
  });
}

function greenReader(
  stream: ReadableStream,
  reader: ReadableStreamDefaultReader,
): ReadableStreamDefaultReader {
  return replaceMethods(reader, {
    read: (original) =>
      resumable<Result>(original, { leftovers: unread, targetOf: () => stream, what: "read of a stream" }),
    cancel: cleaningUp,
    releaseLock: (original) =>
      function releaseLock(this: ReadableStreamDefaultReader) {
        const left = unread.drop(stream);
        Reflect.apply(original, this, []);
        // Those that wait are refused, and nothing is lost; a chunk that has come already is for the next reader.
        for (const operation of left) operation.result.then(() => unread.leave(stream, operation), () => {});
      },
  });
}

function greenWriter(writer: WritableStreamDefaultWriter): WritableStreamDefaultWriter {
  replaceGetters(writer, {
    ready: (ready: Promise<void>) => isOutside() ? ready : until(ready, { what: "room in a stream" }),
  });
  return replaceMethods(writer, {
    write: (original) => throughHub(original, { what: "write to a stream" }),
    close: cleaningUp,
    abort: cleaningUp,
  });
}

function iterating(original: AnyFunction): AnyFunction {
  return function values(this: ReadableStream, options?: ReadableStreamIteratorOptions) {
    if (isOutside()) return Reflect.apply(original, this, [options]);
    return chunksOf(this.getReader(), options?.preventCancel ?? false);
  };
}

/** An interruption gives the stream back as it is; who leaves the loop cancels it. */
async function* chunksOf(
  reader: ReadableStreamDefaultReader,
  preventCancel: boolean,
): AsyncGenerator<unknown> {
  let left = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      left = true;
      yield value;
      left = false;
    }
  } finally {
    if (left && !preventCancel) await reader.cancel();
    reader.releaseLock();
  }
}
