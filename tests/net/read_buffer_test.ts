import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { seededRandom } from "@verdant/green";
import { ReadBuffer } from "../../net/read_buffer.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** What a read does: writes into the room. Returns how many bytes. */
function arrive(buffer: ReadBuffer, data: Uint8Array): number {
  const room = buffer.room();
  const count = Math.min(room.length, data.length);
  room.set(data.subarray(0, count));
  buffer.commit(count);
  return count;
}

function arriveAll(buffer: ReadBuffer, data: Uint8Array): void {
  for (let at = 0; at < data.length;) at += arrive(buffer, data.subarray(at));
}

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

Deno.test("ReadBuffer.room() is at least 2 KiB, however much is in it", () => {
  const buffer = new ReadBuffer();
  for (let i = 0; i < 100; i++) {
    assert(buffer.room().length >= 2 * KIB);
    buffer.commit(1000);
  }
  assertEquals(buffer.size, 100_000);
});

Deno.test("ReadBuffer.room() grows while reads fill it, up to 64 KiB, and shrinks again", () => {
  const buffer = new ReadBuffer();
  const sizes: number[] = [];
  for (let i = 0; i < 5; i++) {
    const room = buffer.room().length;
    sizes.push(room / KIB);
    buffer.commit(room);
    buffer.skip(room);
  }
  assertEquals(sizes, [2, 8, 32, 64, 64]);
  for (let i = 0; i < 10; i++) {
    buffer.room();
    buffer.commit(1);
    buffer.skip(1);
  }
  // The memory is there still, but a read asks for no more than small ones need.
  let least = Infinity;
  for (let i = 0; i < 64 * KIB; i++) {
    least = Math.min(least, buffer.room().length);
    buffer.commit(1);
  }
  assertEquals(least, 2 * KIB);
});

Deno.test("ReadBuffer.room() keeps what has not been taken, in order, wherever it must move to", () => {
  const random = seededRandom(11);
  const below = (n: number) => Math.floor(random() * n);
  const data = counting(2 * MIB);
  const buffer = new ReadBuffer();
  let arrived = 0;
  let taken = 0;
  const expect = (bytes: Uint8Array) => {
    assertEquals(bytes, data.subarray(taken, taken + bytes.length));
    taken += bytes.length;
  };
  while (taken < data.length) {
    arrived += arrive(buffer, data.subarray(arrived, arrived + 1 + below(3) * below(40_000)));
    assertEquals(buffer.size, arrived - taken);
    const count = below(buffer.size + 1);
    switch (below(3)) {
      case 0:
        expect(buffer.take(count));
        break;
      case 1: {
        const target = new Uint8Array(count);
        assertEquals(buffer.moveTo(target), count);
        expect(target);
        break;
      }
      default:
        expect(buffer.bytes.slice(0, count));
        buffer.skip(count);
    }
  }
  assertEquals([taken, buffer.size], [data.length, 0]);
});

Deno.test("ReadBuffer.moveTo() moves as much as fits, small or large", () => {
  for (const length of [0, 1, 127, 128, 129, 5000]) {
    const buffer = new ReadBuffer();
    const data = counting(3000);
    arriveAll(buffer, data);
    const target = new Uint8Array(length);
    const count = buffer.moveTo(target);
    assertEquals(count, Math.min(length, 3000));
    assertEquals(target.subarray(0, count), data.subarray(0, count));
    assertEquals(buffer.bytes, data.subarray(count) as Uint8Array<ArrayBuffer>);
  }
});

Deno.test("ReadBuffer.take() returns a copy: later reads do not write into it", () => {
  const buffer = new ReadBuffer();
  arriveAll(buffer, counting(10));
  const taken = buffer.take(10);
  arriveAll(buffer, new Uint8Array(10).fill(255));
  assertEquals(taken, counting(10) as Uint8Array<ArrayBuffer>);
});

Deno.test("ReadBuffer.take() while a read is under way moves nothing the read writes to", () => {
  const buffer = new ReadBuffer();
  arriveAll(buffer, counting(100));
  const room = buffer.room();
  assertEquals(buffer.take(100), counting(100) as Uint8Array<ArrayBuffer>);
  assertEquals(buffer.size, 0);
  room.set([1, 2, 3]);
  buffer.commit(3);
  assertEquals([...buffer.bytes], [1, 2, 3]);
});

Deno.test("ReadBuffer.room() reuses the memory once all is taken", () => {
  const buffer = new ReadBuffer();
  const memory = buffer.room().buffer;
  for (let i = 0; i < 1000; i++) {
    arriveAll(buffer, counting(100));
    buffer.skip(100);
  }
  assertStrictEquals(buffer.room().buffer, memory);
});

Deno.test("ReadBuffer.room() lets go of the memory of a long message once it is taken", () => {
  const buffer = new ReadBuffer();
  arriveAll(buffer, new Uint8Array(8 * MIB));
  assert(buffer.room().buffer.byteLength >= 8 * MIB);
  buffer.skip(buffer.size);
  assertEquals(buffer.room().buffer.byteLength, 64 * KIB);
});

Deno.test("ReadBuffer.room() copies a long message a few times only, however small its pieces are", () => {
  const buffer = new ReadBuffer();
  const memories = new Set<ArrayBufferLike>();
  for (let i = 0; i < 10_000; i++) {
    memories.add(buffer.room().buffer);
    buffer.commit(500);
  }
  assertEquals(buffer.size, 5_000_000);
  assert(memories.size <= 20, `${memories.size} times`);
});
