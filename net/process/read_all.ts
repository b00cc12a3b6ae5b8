import type { Want } from "../inflow.ts";
import type { ReadBuffer } from "../read_buffer.ts";
import { TooLongError } from "../wants.ts";

/** All bytes up to the end. None is taken before. */
export class ReadAll implements Want<Uint8Array<ArrayBuffer>> {
  constructor(readonly maxBytes: number, readonly from: object) {}

  take(buffer: ReadBuffer): undefined {
    if (buffer.size <= this.maxBytes) return;
    throw new TooLongError(`Cannot read all of ${this.from}: it is longer than ${this.maxBytes} bytes`);
  }

  end(buffer: ReadBuffer): Uint8Array<ArrayBuffer> {
    return buffer.take(buffer.size);
  }
}
