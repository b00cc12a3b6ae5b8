import { assertEquals } from "@std/assert";
import { seededRandom } from "@verdant/green";
import { Ring } from "../../hub/mod.ts";

Deno.test("Ring.shift() returns the entries in the order of push(), however it grew", () => {
  const random = seededRandom(1);
  const ring = new Ring<number>();
  const model: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    if (random() < 0.55) {
      ring.push(i);
      model.push(i);
    } else {
      assertEquals(ring.peek(), model[0]);
      assertEquals(ring.shift(), model.shift());
    }
    assertEquals(ring.size, model.length);
  }
  assertEquals([...ring], model);
});
