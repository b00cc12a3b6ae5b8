import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "@verdant/green";
import { type Timer, TimerHeap } from "../../hub/mod.ts";

function heapWithLog() {
  const fired: string[] = [];
  const heap = new TimerHeap();
  const add = (deadline: number, name: string, ref = true) =>
    heap.add(deadline, ref, (name: string) => fired.push(name), name);
  return { heap, fired, add };
}

Deno.test("TimerHeap.fireDue() fires the due timers by deadline, equal ones in the order they came", () => {
  const { heap, fired, add } = heapWithLog();
  add(5, "b1");
  add(3, "a");
  add(5, "b2");
  add(9, "c");
  heap.fireDue(5);
  assertEquals([fired, heap.size, heap.next], [["a", "b1", "b2"], 1, 9]);
});

Deno.test("TimerHeap.fireDue() also fires what a timer adds and is due", () => {
  const { heap, fired, add } = heapWithLog();
  heap.add(1, true, () => add(1, "second"), undefined);
  heap.fireDue(1);
  assertEquals(fired, ["second"]);
});

Deno.test("TimerHeap.fireDue() fires all that there are if time is over for good", () => {
  const { heap, fired, add } = heapWithLog();
  add(1, "one");
  add(Infinity, "never");
  heap.fireDue(Infinity);
  assertEquals([fired, heap.size], [["one", "never"], 0]);
  heap.fireDue(Infinity);
});

Deno.test("TimerHeap.cancel() is final, may be repeated, and counts the references", () => {
  const { heap, fired, add } = heapWithLog();
  const timer = add(1, "cancelled");
  add(2, "unreferenced", false);
  assertEquals([heap.size, heap.refs], [2, 1]);
  heap.cancel(timer);
  heap.cancel(timer);
  assertEquals([heap.size, heap.refs, heap.next], [1, 0, 2]);
  heap.fireDue(10);
  heap.cancel(timer);
  assertEquals([fired, heap.size], [["unreferenced"], 0]);
});

Deno.test("TimerHeap agrees with a sorted list under random additions, cancellations and firings", () => {
  for (const seed of [1, 2, 3]) {
    const random = seededRandom(seed);
    const heap = new TimerHeap();
    const fired: number[] = [];
    const expected: number[] = [];
    let model: { timer: Timer; id: number }[] = [];
    let now = 0;
    for (let id = 0; id < 5_000; id++) {
      const timer = heap.add(now + Math.floor(random() * 50), true, (id: number) => fired.push(id), id);
      model.push({ timer, id });
      if (random() < 0.6) {
        const [victim] = model.splice(Math.floor(random() * model.length), 1);
        heap.cancel(victim!.timer);
      }
      if (random() < 0.1) {
        now += Math.floor(random() * 30);
        const due = model.filter(({ timer }) => timer.deadline <= now);
        due.sort((a, b) => a.timer.deadline - b.timer.deadline || a.id - b.id);
        expected.push(...due.map(({ id }) => id));
        model = model.filter(({ timer }) => timer.deadline > now);
        heap.fireDue(now);
      }
      assertEquals(heap.size, model.length, `seed ${seed}`);
    }
    assertEquals(fired, expected, `seed ${seed}`);
    assert(fired.length > 500);
  }
});

Deno.test("TimerHeap keeps the order of what is left when most are cancelled", () => {
  const { heap, fired, add } = heapWithLog();
  const timers = Array.from({ length: 1000 }, (_, i) => add((i * 7919) % 1000, String((i * 7919) % 1000)));
  for (const timer of timers) if (timer.deadline % 10 !== 3) heap.cancel(timer);
  assertEquals([heap.size, heap.refs, heap.next], [100, 100, 3]);
  heap.fireDue(500);
  const due = Array.from({ length: 50 }, (_, i) => String(i * 10 + 3));
  assertEquals([fired, heap.size, heap.next], [due, 50, 503]);
});

Deno.test("TimerHeap lets a timer that fires cancel others that are due, and add later ones", () => {
  const { heap, fired, add } = heapWithLog();
  const victims = [2, 3].map((deadline) => add(deadline, `victim ${deadline}`));
  heap.add(1, true, () => {
    for (const victim of victims) heap.cancel(victim);
    add(9, "later");
  }, undefined);
  heap.fireDue(5);
  assertEquals([fired, heap.size, heap.next], [[], 1, 9]);
});

Deno.test("TimerHeap.next of an empty heap is Infinity, also when all were cancelled", () => {
  const { heap, add } = heapWithLog();
  assertEquals(heap.next, Infinity);
  heap.cancel(add(1, "never"));
  assertEquals([heap.next, heap.size, heap.refs], [Infinity, 0, 0]);
});
