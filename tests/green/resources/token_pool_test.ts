import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { joinAll, sleep, spawn, Token, TokenPool } from "@verdant/green";

Deno.test("TokenPool lends different tokens, as many as it has", async () => {
  const pool = new TokenPool({ maxSize: 2 });
  const [one, two] = [await pool.get(), await pool.get()];
  assertInstanceOf(one, Token);
  assertInstanceOf(two, Token);
  assertEquals([one === two, pool.free], [false, 0]);
  const third = spawn(() => pool.get());
  await sleep();
  pool.put(two);
  assertEquals(await third.get() === two, true);
});

Deno.test("TokenPool limits how many do something at once", async () => {
  const pool = new TokenPool();
  let running = 0;
  let most = 0;
  const work = async () => {
    using _token = await pool.lease();
    most = Math.max(most, ++running);
    await sleep();
    running--;
  };
  await joinAll(Array.from({ length: 20 }, () => spawn(work)), { raiseError: true });
  assertEquals([most, pool.size, pool.idle], [4, 4, 4]);
});

Deno.test("TokenPool refuses bad sizes, and makes tokens in advance", async () => {
  assertThrows(() => new TokenPool({ maxSize: -1 }), RangeError, "Cannot create pool");
  const pool = new TokenPool({ minSize: 2, orderAsStack: true });
  await sleep();
  assertEquals(pool.idle, 2);
});
