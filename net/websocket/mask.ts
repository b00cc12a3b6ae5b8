/** Below this many bytes, views of words cost more than they save. */
const LONG = 128;
/** Each call for randomness costs microseconds, so many keys are fetched at a time. */
const KEYS = 1024;

const pool = new Uint8Array(4 * KEYS);
let used = pool.length;
const keyBytes = new Uint8Array(4);
const keyWord = new Uint32Array(keyBytes.buffer);

/** Writes a fresh unpredictable key (RFC 6455, section 5.3) to `target[at .. at + 4)`. */
export function writeMaskKey(target: Uint8Array, at: number): void {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  for (let i = 0; i < 4; i++) target[at + i] = pool[used++]!;
}

/**
 * Masks or unmasks `bytes[start .. end)` in place with the key at `key[keyAt .. keyAt + 4)`.
 *
 * @param phase How many bytes of the payload came before.
 */
export function applyMask(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
  keyAt: number,
  phase = 0,
): void {
  const k0 = key[keyAt + (phase & 3)]!;
  const k1 = key[keyAt + (phase + 1 & 3)]!;
  const k2 = key[keyAt + (phase + 2 & 3)]!;
  const k3 = key[keyAt + (phase + 3 & 3)]!;
  let at = start;
  if (end - start >= LONG) at = maskWords(bytes, start, end, k0, k1, k2, k3);
  for (; at + 3 < end; at += 4) {
    bytes[at]! ^= k0;
    bytes[at + 1]! ^= k1;
    bytes[at + 2]! ^= k2;
    bytes[at + 3]! ^= k3;
  }
  if (at < end) bytes[at]! ^= k0;
  if (at + 1 < end) bytes[at + 1]! ^= k1;
  if (at + 2 < end) bytes[at + 2]! ^= k2;
}

/**
 * Masks the words of a long stretch, and the bytes before the first whole word. Says where it has stopped, which
 * is a multiple of four bytes from the start.
 */
function maskWords(
  bytes: Uint8Array,
  start: number,
  end: number,
  k0: number,
  k1: number,
  k2: number,
  k3: number,
): number {
  const lead = -(bytes.byteOffset + start) & 3;
  const key = [k0, k1, k2, k3];
  for (let i = 0; i < lead; i++) bytes[start + i]! ^= key[i]!;
  for (let i = 0; i < 4; i++) keyBytes[i] = key[lead + i & 3]!; // in memory order, whatever the machine's is
  const word = keyWord[0]!;
  // The words may end up to three bytes before a multiple of four from the start.
  const count = (end - start - lead >> 2) - 1;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + start + lead, count);
  for (let i = 0; i < count; i++) words[i]! ^= word;
  const stop = start + lead + 4 * count;
  const next = start + 4 * Math.ceil((stop - start) / 4);
  for (let i = stop; i < next; i++) bytes[i]! ^= key[i - start & 3]!;
  return next;
}
