/** What the reading methods of a file ask for, in bytes. */
import type { Want } from "../inflow.ts";
import type { ReadBuffer } from "../read_buffer.ts";

/** A number of bytes; fewer at the end, `null` if there are none. */
export class ReadUpTo implements Want<Uint8Array<ArrayBuffer> | null> {
  constructor(readonly count: number) {}

  take(buffer: ReadBuffer): Uint8Array<ArrayBuffer> | undefined {
    return buffer.size >= this.count ? buffer.take(this.count) : undefined;
  }

  end(buffer: ReadBuffer): Uint8Array<ArrayBuffer> | null {
    return buffer.size > 0 ? buffer.take(buffer.size) : null;
  }
}

/** All that is left. */
export const READ_REST: Want<Uint8Array<ArrayBuffer>> = {
  take: () => undefined,
  end: (buffer) => buffer.take(buffer.size),
};
