import { assertEquals } from "@std/assert";
import type { GreenletSnapshot } from "../../../hub/mod.ts";
import { RowBook } from "../../../net/inspector/row_book.ts";
import { KILL_PENDING, KILLED, STUCK, TextTable } from "../../../net/inspector/wire.ts";
import { greenlet, wait } from "./fake_observer.ts";

const NOW = 1_000_000;
const see = (book: RowBook, greenlets: GreenletSnapshot[], takenAt = NOW, duration = 0) =>
  book.see({ greenlets, takenAt }, duration);
const changed = (book: RowBook, version: number) =>
  book.changedSince(version, new TextTable()).map(([id]) => id);

function only(seen: GreenletSnapshot, takenAt = NOW) {
  const book = new RowBook();
  see(book, [seen], takenAt);
  const table = new TextTable();
  const [row] = book.changedSince(0, table);
  const [id, name, state, spawner, waitsFor, since, flags, blockers, ...counted] = row!;
  const { texts } = table;
  return {
    id,
    name: texts[name],
    state,
    spawner,
    waitsFor: texts[waitsFor],
    since,
    flags,
    blockers,
    counted,
  };
}

Deno.test("RowBook says what a greenlet does, in short", () => {
  assertEquals(
    only(greenlet(7, { spawner: 3, waits: [wait("acquire", "Lock(till)", [5], 250)], state: "waiting" })),
    {
      id: 7,
      name: "g7",
      state: 2,
      spawner: 3,
      waitsFor: "Lock(till) acquire",
      since: NOW - 250,
      flags: 0,
      blockers: [5],
      counted: [],
    },
  );
  const counters = { switches: 4, waits: 3, held: 1.5 };
  const { flags, counted, since, spawner, blockers, waitsFor } = only(
    greenlet(1, { stuck: true, kills: 2, killPending: true, counters }),
  );
  assertEquals([flags, counted], [STUCK | KILLED | KILL_PENDING, [4, 3, 1500]]);
  assertEquals([since, spawner, blockers, waitsFor], [0, -1, 0, undefined]);
});

Deno.test("RowBook puts several waits into one text, of bounded length", () => {
  const waits = Array.from({ length: 6 }, (_, i) => wait("get", `Queue(${i})`, [i]));
  const { waitsFor, blockers } = only(greenlet(1, { waits }));
  assertEquals(waitsFor, "Queue(0) get + Queue(1) get + Queue(2) get + Queue(3) get + 2 more");
  assertEquals(blockers, [0, 1, 2, 3, 4, 5]);
  const long = only(greenlet(1, { name: "n".repeat(1000), waits: [wait("get", "w".repeat(1000))] }));
  assertEquals([long.name!.length, long.waitsFor!.length], [120, 160]);
});

Deno.test("RowBook tells what has changed after a version", () => {
  const book = new RowBook();
  see(book, [greenlet(1), greenlet(2)]);
  assertEquals([book.version, changed(book, 0), changed(book, 1)], [1, [1, 2], []]);
  const changes: Partial<GreenletSnapshot>[] = [
    { name: "other" },
    { state: "detached" },
    { spawner: 9 },
    { stuck: true },
    { kills: 1 },
    { killPending: true },
    { waits: [wait("sleep")] },
    { waits: [wait("sleep", undefined, [4])] },
    { counters: { switches: 1, waits: 1, held: 1 } },
  ];
  for (const change of changes) {
    see(book, [greenlet(1), greenlet(2, change)]);
    assertEquals(changed(book, book.version - 1), [2], JSON.stringify(change));
    see(book, [greenlet(1), greenlet(2)]);
  }
  see(book, [greenlet(1), greenlet(2)]);
  assertEquals(changed(book, book.version - 1), []);
});

Deno.test("RowBook takes a wait that began at about the same time for the same", () => {
  const book = new RowBook();
  const waiting = (since: number) => [greenlet(1, { waits: [wait("sleep", undefined, [], since)] })];
  see(book, waiting(0));
  see(book, waiting(540), NOW + 500); // ages are exact to within 16 ms
  assertEquals(changed(book, 1), []);
  see(book, waiting(900), NOW + 1_000);
  assertEquals(changed(book, 2), [1], "it waits anew");
  see(book, waiting(1_800), NOW + 2_000, 100);
  assertEquals(changed(book, 3), [], "the snapshot took long");
});

Deno.test("RowBook remembers who has ended, and knows when it has forgotten", () => {
  const book = new RowBook();
  see(book, [greenlet(1), greenlet(2), greenlet(3)]);
  see(book, [greenlet(1), greenlet(3)]);
  see(book, [greenlet(3)]);
  assertEquals([book.goneSince(1), book.goneSince(2), book.goneSince(3)], [[2, 1], [1], []]);
  assertEquals([book.knows(0), book.knows(1), book.knows(3), book.knows(4)], [false, true, true, false]);
  see(book, Array.from({ length: 10_000 }, (_, i) => greenlet(100 + i)));
  see(book, []);
  assertEquals([book.knows(1), book.knows(3), book.knows(4)], [false, false, true]);
  assertEquals(book.goneSince(4).length, 10_000);
});
