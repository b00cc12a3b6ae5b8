import { assertEquals, assertThrows } from "@std/assert";
import { type Buffer, Queue, seededRandom, sleep, spawn } from "@verdant/green";
import { Heap, Stack } from "../../sync/buffer.ts";

const ascending = (a: number, b: number) => a - b;

function drain<T>(buffer: Buffer<T>): T[] {
  return Array.from({ length: buffer.size }, () => buffer.shift()!);
}

Deno.test("Stack.shift() returns the item pushed last, peek() shows it", () => {
  const stack = new Stack<number>();
  assertEquals([stack.size, stack.shift(), stack.peek()], [0, undefined, undefined]);
  for (const n of [1, 2, 3]) stack.push(n);
  assertEquals([stack.peek(), stack.size, [...stack]], [3, 3, [1, 2, 3]]);
  assertEquals([drain(stack), stack.size], [[3, 2, 1], 0]);
});

Deno.test("Heap.shift() returns the smallest for every order of arrival", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed);
    const items = Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * 20));
    const heap = new Heap<number>(ascending);
    for (const item of items) heap.push(item);
    const sorted = items.toSorted(ascending);
    assertEquals(heap.peek(), sorted[0], `seed ${seed}`);
    assertEquals([...heap], sorted, `seed ${seed}`);
    assertEquals(drain(heap), sorted, `seed ${seed}`);
  }
});

Deno.test("Heap.shift() returns equal items in the order in which they came", () => {
  const heap = new Heap<string>((a, b) => a.length - b.length);
  for (const item of ["bb", "a", "cc", "b", "aa", "c"]) heap.push(item);
  assertEquals([...heap], ["a", "b", "c", "bb", "cc", "aa"]);
  assertEquals(drain(heap), ["a", "b", "c", "bb", "cc", "aa"]);
});

Deno.test("Heap.shift() of an empty one returns undefined", () => {
  const heap = new Heap<number>(ascending);
  assertEquals([heap.size, heap.shift(), heap.peek()], [0, undefined, undefined]);
});

Deno.test("Heap.push() of an item that cannot be compared leaves the heap as it was", () => {
  const heap = new Heap<number>((a, b) => {
    if (a > 100 || b > 100) throw new TypeError("too large to compare");
    return a - b;
  });
  for (const item of [3, 1, 2]) heap.push(item);
  assertThrows(() => heap.push(101), TypeError, "too large");
  assertEquals([heap.size, drain(heap)], [3, [1, 2, 3]]);
});

Deno.test("Queue with a buffer of one's own gives out what the buffer does", async () => {
  class Newest<T> implements Buffer<T> {
    #items: T[] = [];
    get size() {
      return this.#items.length;
    }
    push(item: T) {
      this.#items = [item];
    }
    shift() {
      return this.#items.pop();
    }
    peek() {
      return this.#items[0];
    }
    [Symbol.iterator]() {
      return this.#items.values();
    }
  }
  const queue = new Queue<string>(Infinity, [], new Newest<string>());
  for (const item of ["old", "new"]) await queue.put(item);
  assertEquals([await queue.peek(), queue.size, await queue.get(), queue.size], ["new", 1, "new", 0]);
  const getter = spawn(() => queue.get());
  await sleep();
  queue.putNowait("handed over");
  assertEquals(await getter.get(), "handed over");
});
