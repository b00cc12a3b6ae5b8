import { assertEquals } from "@std/assert";
import { type FileEvent, PendingEvents } from "../../../net/files/pending_events.ts";

const event = (kind: FileEvent["kind"], ...paths: string[]): FileEvent => ({ kind, paths });

function take(pending: PendingEvents): string[] {
  const taken: string[] = [];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    taken.push(`${next.kind} ${next.paths.join("+")}`);
  }
  return taken;
}

function pendingOf(capacity: number, ...events: FileEvent[]): PendingEvents {
  const pending = new PendingEvents(["/root"], capacity);
  for (const one of events) pending.add(one);
  return pending;
}

Deno.test("PendingEvents.add() drops what says again what is the last that is known of a file", () => {
  const pending = pendingOf(
    9,
    event("create", "a"),
    event("modify", "a"),
    event("modify", "b"),
    event("modify", "a"),
    event("remove", "a"),
    event("create", "a"),
    event("modify", "b"),
  );
  assertEquals(take(pending), ["create a", "modify a", "modify b", "remove a", "create a"]);
});

Deno.test("PendingEvents.add() keeps a renaming and what happens to its files afterwards", () => {
  const pending = pendingOf(
    9,
    event("rename", "a", "b"),
    event("rename", "a", "b"),
    event("rename", "a"),
    event("rename", "a", "b"),
    event("modify", "b"),
    event("rename", "a", "b"),
  );
  assertEquals(take(pending), ["rename a+b", "rename a", "rename a+b", "modify b", "rename a+b"]);
});

Deno.test("PendingEvents.add() keeps an event again once the one before was taken", () => {
  const pending = pendingOf(9, event("modify", "a"));
  pending.shift();
  pending.add(event("modify", "a"));
  assertEquals([pending.size, take(pending)], [1, ["modify a"]]);
});

Deno.test("PendingEvents.add() says overflow in place of what cannot be kept, and goes on", () => {
  const pending = pendingOf(2, event("create", "a"), event("modify", "a"), event("modify", "a"));
  assertEquals(pending.size, 2); // the third says nothing new
  pending.add(event("remove", "a"));
  assertEquals(pending.size, 1);
  pending.add(event("create", "a"));
  assertEquals(take(pending), ["overflow /root", "create a"]);
});

Deno.test("PendingEvents.add() takes the system's own overflow for what it is", () => {
  const pending = pendingOf(
    9,
    event("create", "a"),
    event("overflow", "a"),
    event("overflow"),
    event("create", "a"),
  );
  assertEquals(take(pending), ["overflow /root", "create a"]);
});

Deno.test("PendingEvents.merge() makes one of all", () => {
  const merged = (...events: FileEvent[]) => pendingOf(4, ...events).merge();
  assertEquals(merged(), undefined);
  assertEquals(merged(event("modify", "a")), event("modify", "a"));
  assertEquals(merged(event("modify", "a"), event("modify", "b")), event("modify", "a", "b"));
  assertEquals(
    merged(event("create", "a"), event("modify", "a"), event("modify", "b")),
    event("several", "a", "b"),
  );
  assertEquals(merged(event("overflow"), event("modify", "b")), event("overflow", "/root"));
  const pending = pendingOf(4, event("create", "a"), event("modify", "a"));
  pending.merge();
  pending.add(event("modify", "a"));
  assertEquals(take(pending), ["modify a"]);
});
