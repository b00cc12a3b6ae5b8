import { assert, assertFalse } from "@std/assert";
import { GreenletExit, isKill } from "@verdant/green";

Deno.test("isKill() looks through cause, SuppressedError and AggregateError", () => {
  const kill = new GreenletExit();
  assert(isKill(kill));
  assert(isKill(new Error("outer", { cause: new Error("inner", { cause: kill }) })));
  assert(isKill(new SuppressedError(new Error("clean-up"), kill)));
  assert(isKill(new SuppressedError(kill, new Error("first"))));
  assert(isKill(new AggregateError([new Error("a"), new Error("b", { cause: kill })])));
});

Deno.test("isKill() is false for other errors, other values and circular causes", () => {
  const circular = new Error("a");
  circular.cause = new Error("b", { cause: circular });
  for (const other of [circular, new Error("x"), "GreenletExit", undefined, null, { name: "GreenletExit" }]) {
    assertFalse(isKill(other));
  }
});
