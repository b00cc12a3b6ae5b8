import { assertEquals } from "@std/assert";
import type { RecordedEvent } from "@verdant/green";
import { SpanBuilder } from "../../../../green/inspect/timeline/span_builder.ts";

const ROOT = 0;

/** `"1 waiting 5-7 Queue get"`. */
function spansOf(
  events: [kind: RecordedEvent["kind"], id: number, time: number, other?: number][],
): string[] {
  const spans: string[] = [];
  const builder = new SpanBuilder(events[0]![2], ROOT, ({ id, state, start, end, wait, cause }) => {
    const by = cause === undefined ? "" : ` by ${cause.id}`;
    spans.push(`${id} ${state} ${start}-${end}${wait === undefined ? "" : ` ${wait}`}${by}`);
  });
  let waits = 0;
  for (const [kind, id, time, other] of events) {
    const wait = kind === "parked" ? `wait ${++waits}` : undefined;
    builder.add({ kind, id, time, error: 0, other, wait });
  }
  builder.finish(100);
  return spans;
}

Deno.test("SpanBuilder.add(): who gets the token ends the run of who had it, and is not woken twice", () => {
  const spans = spansOf([["switched", 1, 0], ["switched", 2, 5], ["woken", 3, 6, 2], ["ended", 2, 8], [
    "switched",
    3,
    9,
  ]]);
  assertEquals(spans, [
    "1 queued 0-0",
    "1 running 0-5",
    "2 queued 0-5",
    "3 waiting 0-6",
    "2 running 5-8",
    "3 queued 6-9",
    "1 queued 5-100",
    "3 running 9-100 by 2",
  ]);
});

Deno.test("SpanBuilder.add(): one that runs goes on if another of its waits ends", () => {
  const spans = spansOf([
    ["switched", 1, 0],
    ["parked", 1, 1],
    ["parked", 1, 1],
    ["woken", 1, 2, 2],
    ["switched", 1, 3],
    ["woken", 1, 4, 1],
    ["parked", 1, 6],
  ]);
  assertEquals(spans.slice(1), [
    "1 running 0-1",
    "1 waiting 1-2 wait 1 and for wait 2",
    "1 queued 2-3",
    "1 running 3-6",
    "1 waiting 6-100 wait 3",
  ]);
});

Deno.test("SpanBuilder.add(): code outside greenlets has stopped when somebody is woken from outside", () => {
  const spans = spansOf([["switched", ROOT, 0], ["woken", 1, 50], ["switched", 1, 51], [
    "switched",
    ROOT,
    60,
  ]]);
  assertEquals(spans, [
    "0 running 0-50",
    "1 waiting 0-50",
    "1 queued 50-51",
    "1 running 51-60",
    "0 running 60-100",
    "1 queued 60-100",
  ]);
});

Deno.test("SpanBuilder.add(): only one can have run before the first event that is known of it", () => {
  const spans = spansOf([["switched", 1, 0], ["parked", 2, 5], ["parked", 1, 6]]);
  assertEquals(spans, [
    "1 queued 0-0",
    "2 outside 0-5",
    "1 running 0-6",
    "1 waiting 6-100 wait 2",
    "2 waiting 5-100 wait 1",
  ]);
  assertEquals(spansOf([["spawned", 1, 0], ["parked", 2, 5]])[0], "2 running 0-5");
});
