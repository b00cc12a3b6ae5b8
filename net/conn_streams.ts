/** The two directions of a connection as streams of the platform. */
import type { Conn } from "./conn.ts";

/** What is read, when somebody asks for it. Cancelling it closes the connection. */
export function readableOf(conn: Conn): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const { byobRequest } = controller;
      if (byobRequest !== null) return await fill(byobRequest, conn, controller);
      const bytes = await conn.readSome();
      if (bytes === null) controller.close();
      else controller.enqueue(bytes);
    },
    cancel: () => conn.close(),
  });
}

/** For a reader that brings its own memory: reads no more than fits there. */
async function fill(
  request: ReadableStreamBYOBRequest,
  conn: Conn,
  controller: ReadableByteStreamController,
): Promise<void> {
  const { buffer, byteOffset, byteLength } = request.view!;
  const count = await conn.read(new Uint8Array(buffer, byteOffset, byteLength));
  if (count === null) controller.close();
  request.respond(count ?? 0); // after `close()` this, too, must be said
}

/** What is to be written. Closing it closes the writing side, aborting it the connection. */
export function writableOf(conn: Conn): WritableStream<Uint8Array> {
  return new WritableStream({
    // The signal: an abort must not wait for a peer that does not read.
    write: (chunk, { signal }) => conn.writeAll(chunk, { signal }),
    close: () => conn.closeWrite(),
    abort: () => conn.close(),
  });
}
