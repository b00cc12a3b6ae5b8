/**
 * How the characters of a text file are stored. All texts can be written as `"utf-8"`; `"latin1"` has one byte
 * for each of the first 256 characters of Unicode, and no others.
 *
 * @example A file of former times
 * ```ts
 * import { open, type TextFileEncoding } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const encoding: TextFileEncoding = "latin1";
 * const path = await Deno.makeTempFile();
 * await Deno.writeFile(path, Uint8Array.of(0x63, 0x61, 0x66, 0xe9));
 * await using file = await open(path, "r", { encoding });
 * assertEquals(await file.read(), "café");
 * await Deno.remove(path);
 * ```
 */
export type TextFileEncoding = "utf-8" | "latin1";

/** Between text and bytes. In all of them a byte that looks like an ASCII character is one. */
export interface Codec {
  decode(bytes: Uint8Array): string;
  encode(text: string): Uint8Array;
  /** The length (bytes) of the character at `at`, `undefined` if it is not all there. */
  lengthAt(bytes: Uint8Array, at: number): number | undefined;
}

/**
 * The codec of an encoding.
 *
 * @throws {TypeError} If there is none.
 */
export function codecOf(encoding: TextFileEncoding, fatal: boolean): Codec {
  if (encoding === "utf-8") return new Utf8(fatal);
  if (encoding === "latin1") return LATIN1;
  throw new TypeError(
    `Cannot open file: encoding must be "utf-8" or "latin1", received ${JSON.stringify(encoding)}`,
  );
}

const encoder = new TextEncoder();

class Utf8 implements Codec {
  readonly #decoder: TextDecoder;

  constructor(fatal: boolean) {
    this.#decoder = new TextDecoder("utf-8", { fatal, ignoreBOM: true });
  }

  decode(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes);
  }

  encode(text: string): Uint8Array {
    return encoder.encode(text);
  }

  /** What is no UTF-8 counts as the decoder counts it, nearly: a first byte with the others that may follow it. */
  lengthAt(bytes: Uint8Array, at: number): number | undefined {
    const most = mostBytes(bytes[at]!);
    let length = 1;
    while (length < most && at + length < bytes.length && isContinuation(bytes[at + length]!)) length++;
    return length < most && at + length === bytes.length ? undefined : length;
  }
}

/** How many bytes a character has that begins like this. */
function mostBytes(first: number): number {
  if (first < 0xc2 || first > 0xf4) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** So many arguments at a time are safe. */
const MAX_ARGUMENTS = 4096;

const LATIN1: Codec = {
  // Not `TextDecoder`: what it calls latin1 is windows-1252.
  decode(bytes) {
    let text = "";
    for (let at = 0; at < bytes.length; at += MAX_ARGUMENTS) {
      text += String.fromCharCode(...bytes.subarray(at, at + MAX_ARGUMENTS));
    }
    return text;
  },
  encode(text) {
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0xff) {
        throw new TypeError(
          `Cannot write: latin1 has no ${JSON.stringify(String.fromCodePoint(text.codePointAt(i)!))}`,
        );
      }
      bytes[i] = code;
    }
    return bytes;
  },
  lengthAt: () => 1,
};
