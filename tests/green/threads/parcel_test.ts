import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { transfer, workerChannel } from "@verdant/green";
import { pack, prepare, unpack } from "../../../green/threads/parcel.ts";
import { anyMarked } from "../../../green/threads/transfer.ts";

Deno.test("pack() leaves a value alone in which nothing moves", () => {
  const value = { list: [1, { two: 2 }] };
  const parcel = pack(value);
  assertStrictEquals(parcel.body, value);
  assertEquals([parcel.parts, parcel.wired, parcel.alarms], [[], false, []]);
});

Deno.test("pack() finds what is marked in arrays and objects, once each, until it was sent", () => {
  const bytes = transfer(new Uint8Array(4));
  const message = transfer({ text: "hello", buffer: new ArrayBuffer(8) }, []);
  const value = [{ bytes, again: [bytes] }, message, new Map([[1, 2]])];
  const parcel = pack(value);
  assertStrictEquals(parcel.body, value);
  assertEquals(parcel.parts, [bytes.buffer]);
  assertEquals(anyMarked(), true);
  parcel.sent();
  assertEquals([anyMarked(), pack(value).parts], [false, []]);
});

Deno.test("pack() moves a buffer once that is marked twice, and looks at circles once", () => {
  const { buffer } = new Uint8Array(8);
  const halves = [transfer(new Uint8Array(buffer, 0, 4)), transfer(new Uint8Array(buffer, 4))];
  const circle: { halves: unknown; self?: unknown } = { halves };
  circle.self = circle;
  const parcel = pack(circle);
  assertEquals(parcel.parts, [buffer]);
  structuredClone(parcel.body, { transfer: parcel.parts });
  parcel.sent();
  assertEquals([buffer.byteLength, anyMarked()], [0, false]);
});

Deno.test("pack() replaces channel ends, also in circles, and unpack() makes them whole again", () => {
  const [here, there] = workerChannel<number>(3);
  const list: unknown[] = [there];
  const loop: { self?: unknown; list: unknown[] } = { list };
  loop.self = loop;
  const value = [loop, list, "plain"];
  const parcel = pack(value);
  assertEquals([parcel.wired, parcel.parts.length, parcel.alarms.length], [true, 2, 1]);
  assertStrictEquals(list[0], there);
  assertEquals(there.closed, false);
  const body = structuredClone(parcel.body, { transfer: parcel.parts });
  parcel.sent();
  assertEquals(there.closed, true);
  const [copy, sameList, plain] = unpack(body) as [{ self: unknown; list: unknown[] }, unknown, string];
  assertEquals([copy.self === copy, copy.list === sameList, plain], [true, true, "plain"]);
  const [end] = copy.list as [typeof there];
  assertEquals(end.capacity, 3);
  here.close();
  end.close();
  for (const alarm of parcel.alarms) alarm.close();
});

Deno.test("prepare() copies what is sent later, and refuses what cannot be sent", () => {
  const value = { list: [1] };
  const copy = prepare(value) as typeof value;
  value.list.push(2);
  assertEquals(copy, { list: [1] });
  assertThrows(() => prepare({ fn() {} }), DOMException, "could not be cloned");
  const bytes = transfer(new Uint8Array(4));
  const both = { bytes, list: [1] };
  assertStrictEquals(prepare(both), both);
  assertThrows(() => prepare([bytes, () => {}]), DOMException, "could not be cloned");
  assertEquals(bytes.length, 4);
  pack(both).sent(); // takes the mark off
  assertEquals(anyMarked(), false);
});
