import { toBytes } from "../to_bytes.ts";
import { SourceStream, type StreamSource } from "./source_stream.ts";

/**
 * A response whose body is what a source yields: a queue until its shutdown, a generator to its end. The source is
 * read in a greenlet of its own, and only as fast as the client takes the bytes. If the client leaves, or that
 * greenlet is killed, the source ends: its `finally` runs. Works with any server. Does not switch.
 *
 * @param source Text or bytes.
 * @param init Status and headers.
 * @throws {TypeError} If the source is not iterable.
 *
 * @example Lines from a queue
 * ```ts
 * import { Queue, respondFrom } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new Queue<string>(Infinity, ["a\n", "b\n"]);
 * queue.shutdown();
 * assertEquals(await respondFrom(queue).text(), "a\nb\n");
 * ```
 */
export function respondFrom(source: StreamSource<string | Uint8Array>, init?: ResponseInit): Response {
  const encode = (item: string | Uint8Array) => toBytes(item, "stream") as Uint8Array<ArrayBuffer>;
  return new Response(new SourceStream(source, { encode, endsOnKill: false }).stream, init);
}
