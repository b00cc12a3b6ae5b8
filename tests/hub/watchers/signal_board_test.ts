import { assertEquals, assertThrows } from "@std/assert";
import { SignalBoard } from "@verdant/green/hub";

/** A system whose signals are raised by hand. */
class FakeSystem {
  readonly listeners = new Map<string, Set<() => void>>();
  readonly known = new Set(["SIGINT", "SIGTERM"]);

  constructor(readonly hasFew = false) {}

  add(signal: Deno.Signal, listener: () => void): void {
    if (!this.known.has(signal)) throw new TypeError(`Invalid signal: ${signal}`);
    this.listeners.set(signal, (this.listeners.get(signal) ?? new Set()).add(listener));
  }

  remove(signal: Deno.Signal, listener: () => void): void {
    if (!this.known.has(signal)) throw new TypeError(`Invalid signal: ${signal}`);
    this.listeners.get(signal)?.delete(listener);
  }

  raise(signal: string): void {
    for (const listener of [...this.listeners.get(signal) ?? []]) listener();
  }

  /** How many listen. */
  count(signal: string): number {
    return this.listeners.get(signal)?.size ?? 0;
  }
}

Deno.test("SignalBoard.listen() has all who listen called, in the order in which they came", () => {
  const system = new FakeSystem();
  const board = new SignalBoard(system);
  const seen: string[] = [];
  const a = () => seen.push("a");
  board.listen("SIGINT", a);
  board.listen("SIGINT", () => seen.push("b"));
  board.listen("SIGTERM", () => seen.push("other"));
  system.raise("SIGINT");
  assertEquals([seen, system.count("SIGINT")], [["a", "b"], 1]);
  board.unlisten("SIGINT", a);
  system.raise("SIGINT");
  assertEquals(seen, ["a", "b", "b"]);
});

Deno.test("SignalBoard.unlisten() asks the system for a signal no more when nobody is left", () => {
  const system = new FakeSystem();
  const board = new SignalBoard(system);
  const [a, b] = [() => {}, () => {}];
  board.listen("SIGINT", a);
  board.listen("SIGINT", b, true);
  board.unlisten("SIGINT", a);
  assertEquals(system.count("SIGINT"), 1);
  board.unlisten("SIGINT", b);
  board.unlisten("SIGINT", b);
  assertEquals(system.count("SIGINT"), 0);
  board.listen("SIGINT", a);
  assertEquals(system.count("SIGINT"), 1);
});

Deno.test("SignalBoard.listen() has a fallback called only while there is no other", () => {
  const system = new FakeSystem();
  const board = new SignalBoard(system);
  const seen: string[] = [];
  const own = () => seen.push("own");
  board.listen("SIGINT", () => seen.push("fallback"), true);
  system.raise("SIGINT");
  board.listen("SIGINT", own);
  system.raise("SIGINT");
  board.unlisten("SIGINT", own);
  system.raise("SIGINT");
  assertEquals(seen, ["fallback", "own", "fallback"]);
});

Deno.test("SignalBoard does not fall back on a signal during which the last listener has gone", () => {
  const system = new FakeSystem();
  const board = new SignalBoard(system);
  const seen: string[] = [];
  const own = () => {
    seen.push("own");
    board.unlisten("SIGINT", own);
  };
  board.listen("SIGINT", own);
  board.listen("SIGINT", () => seen.push("fallback"), true);
  system.raise("SIGINT");
  assertEquals(seen, ["own"]);
});

Deno.test("SignalBoard does not call one who was removed by one before, nor one who came meanwhile", () => {
  const system = new FakeSystem();
  const board = new SignalBoard(system);
  const seen: string[] = [];
  const removed = () => seen.push("removed");
  board.listen("SIGINT", () => {
    board.unlisten("SIGINT", removed);
    board.listen("SIGINT", () => seen.push("new"));
  });
  board.listen("SIGINT", removed);
  system.raise("SIGINT");
  assertEquals(seen, []);
});

Deno.test("SignalBoard.leaveToSystem() forgets the fallbacks alone", () => {
  const system = new FakeSystem();
  const board = new SignalBoard(system);
  const own = () => {};
  const fallback = () => {};
  board.leaveToSystem("SIGINT");
  board.listen("SIGINT", own);
  board.listen("SIGINT", fallback, true);
  board.listen("SIGTERM", fallback, true);
  board.leaveToSystem("SIGINT");
  board.leaveToSystem("SIGTERM");
  assertEquals([system.count("SIGINT"), system.count("SIGTERM")], [1, 0]);
  board.unlisten("SIGINT", own);
  assertEquals(system.count("SIGINT"), 0);
});

Deno.test("SignalBoard refuses signals that the system does not have, and changes nothing", () => {
  const system = new FakeSystem();
  const board = new SignalBoard(system);
  const message = "Cannot listen to signal SIGHUP: Invalid signal: SIGHUP";
  assertThrows(() => board.check("SIGHUP"), TypeError, message);
  assertThrows(() => board.listen("SIGHUP", () => {}), TypeError, message);
  system.known.add("SIGHUP");
  board.check("SIGHUP");
  assertEquals(system.count("SIGHUP"), 0);
  board.listen("SIGHUP", () => {});
  board.check("SIGHUP");
  assertEquals(system.count("SIGHUP"), 1);
});

Deno.test("SignalBoard of a system with few signals takes the others, which never come", () => {
  const system = new FakeSystem(true);
  const board = new SignalBoard(system);
  const listener = () => {};
  board.check("SIGHUP");
  board.listen("SIGHUP", listener);
  board.unlisten("SIGHUP", listener);
  for (const nonsense of ["nonsense", 5, undefined]) {
    const message = `Cannot listen to signal ${nonsense}`;
    assertThrows(() => board.check(nonsense as Deno.Signal), TypeError, message);
  }
});
