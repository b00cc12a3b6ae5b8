import { until, type WaitOptions } from "../../hub/mod.ts";

/** Of RFC 6455, section 1.3. */
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes as base64. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

const encoder = new TextEncoder();

/** A fresh key for a request. */
export function makeKey(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64();
}

/** Whether it is what a client must send. */
export function isKey(key: string): boolean {
  return KEY.test(key);
}

/** What a server answers to a key. Switches. */
export async function acceptKey(key: string, options?: WaitOptions): Promise<string> {
  const digest = crypto.subtle.digest("SHA-1", encoder.encode(key + MAGIC));
  return new Uint8Array(await until(digest, { ...options, what: "a digest" })).toBase64();
}
