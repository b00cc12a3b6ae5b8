import { assert, assertEquals } from "@std/assert";
import { Program } from "../../example_program.ts";
import { Follower } from "./visitors.ts";

Deno.test("examples/inspector.ts is a busy shop with a deadlock now and then", async () => {
  await using program = new Program("inspector.ts");
  const line = (await program.out.next())!;
  const url = new URL(line.replace("look at ", ""));
  {
    const token = url.searchParams.get("token")!;
    await using follower = await Follower.of({ port: Number(url.port) }, token);
    const { mayKill } = (await follower.next())!;
    assertEquals(mayKill, true);
    const { deadlocks, stats } = await follower.until(({ deadlocks }) => deadlocks.length > 0);
    assertEquals(deadlocks[0]!.greenlets.map((id) => follower.names.get(id)), ["waiter 1", "waiter 2"]);
    assert(stats.greenlets > 10);
    await follower.until(({ strip }) => strip.buckets.length > 0);
  }
  assertEquals(await program.end("SIGINT"), { code: 130, lines: [], errors: "" });
});
