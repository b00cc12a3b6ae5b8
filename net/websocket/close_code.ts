import { WebSocketError } from "./web_socket_error.ts";

/** The purpose is fulfilled. */
export const NORMAL = 1000;
/** A server stops, or a page is left. */
export const GOING_AWAY = 1001;
/** The peer breaks RFC 6455. */
export const PROTOCOL_ERROR = 1002;
/** The close frame had no code. Never sent. */
export const NO_CODE = 1005;
/** The connection ended without a close frame. Never sent. */
export const LOST = 1006;
/** Text that is not UTF-8. */
export const INVALID_TEXT = 1007;
/** The peer goes against a rule of ours. */
export const POLICY_VIOLATION = 1008;
/** A message is too big. */
export const TOO_BIG = 1009;
/** Something has failed on our side. */
export const INTERNAL_ERROR = 1011;

/** A control frame holds 125 bytes, and a code takes two. */
const MAX_REASON_BYTES = 123;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether a close frame may carry the code: those of RFC 6455 and its registry, and those of applications. */
export function maySend(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== NO_CODE && code !== LOST;
}

/**
 * Refuses what a close frame must not carry.
 *
 * @throws {RangeError} Naming the value.
 */
export function checkClose(code: number, reason: string): void {
  if (!maySend(code)) {
    throw new RangeError(
      `Cannot close WebSocket: code must be 1000 to 1003, 1007 to 1014 or 3000 to 4999, received ${code}`,
    );
  }
  if (typeof reason !== "string") {
    throw new TypeError(`Cannot close WebSocket: reason must be a string, received ${String(reason)}`);
  }
  const { length } = encoder.encode(reason);
  if (length > MAX_REASON_BYTES) {
    throw new RangeError(
      `Cannot close WebSocket: reason must have ${MAX_REASON_BYTES} bytes at most, received ${length}`,
    );
  }
}

/** The payload of a close frame; empty for {@linkcode NO_CODE}. */
export function encodeClose(code: number, reason: string): Uint8Array<ArrayBuffer> {
  if (code === NO_CODE) return new Uint8Array(0);
  const payload = new Uint8Array(2 + MAX_REASON_BYTES);
  payload[0] = code >> 8;
  payload[1] = code & 255;
  // Only whole characters are written: a text of ours that is too long is cut between two of them.
  const { written } = encoder.encodeInto(reason, payload.subarray(2));
  return payload.subarray(0, 2 + written);
}

/**
 * What a close frame says.
 *
 * @throws {WebSocketError} If it says what it must not.
 */
export function decodeClose(payload: Uint8Array): { code: number; reason: string } {
  if (payload.length === 0) return { code: NO_CODE, reason: "" };
  if (payload.length === 1) {
    throw new WebSocketError("A close frame has half a code", { code: PROTOCOL_ERROR });
  }
  const code = payload[0]! << 8 | payload[1]!;
  if (!maySend(code)) {
    throw new WebSocketError(`A close frame has the code ${code}`, { code: PROTOCOL_ERROR });
  }
  try {
    return { code, reason: decoder.decode(payload.subarray(2)) };
  } catch {
    throw new WebSocketError("The reason in a close frame is not UTF-8", { code: INVALID_TEXT });
  }
}
