import { assert, assertEquals } from "@std/assert";
import { sleep, spawnProcess } from "@verdant/green";
import { Child } from "../../../net/process/child.ts";
import { ProcessGroup } from "../../../net/process/process_group.ts";
import { stopChild } from "../../../net/process/stop_child.ts";
import { longNap, processes, untilLiving } from "./processes.ts";

Deno.test("ProcessGroup of a process that was reaped is no more if another one has its number", async () => {
  await using stranger = spawnProcess(["sleep", "60"], { processGroup: true });
  // As if a child of ours had ended, and its number had been given to the stranger.
  const status = Promise.resolve({ success: true, code: 0, signal: null });
  const child = new Child({ pid: stranger.pid, status } as unknown as Deno.ChildProcess, "child", true);
  assertEquals(await child.ended(), 0);
  assertEquals(child.group?.exists, false);
  child.sendSignal("SIGKILL");
  await stopChild(child, 0);
  assertEquals(await stranger.wait({ timeout: 20 }), undefined);
});

Deno.test("ProcessGroup.vanish() does not wait for zombies, nor for members of other groups", async () => {
  const nap = longNap();
  await using other = spawnProcess(["sleep", nap], { processGroup: true });
  // The parent does not reap: the leader of the group becomes a zombie.
  await using parent = spawnProcess("setsid true & echo $!; exec sleep 60", { shell: true, stdout: "pipe" });
  const leader = Number(await parent.stdout.readLine());
  while ((await processes()).find(({ pid }) => pid === leader)?.state[0] !== "Z") await sleep(5);
  const group = new ProcessGroup(leader);
  assert(group.exists);
  assert(await group.vanish(60_000, sleep));
  assertEquals(other.ready, false);
});

Deno.test("ProcessGroup.vanish() gives up when the time is over, and then looks no more", async () => {
  const nap = longNap();
  await using child = spawnProcess(["sleep", nap], { processGroup: true });
  await untilLiving(nap, 1);
  const group = new ProcessGroup(child.pid);
  const pauses: number[] = [];
  const pause = (ms: number) => Promise.resolve(void pauses.push(ms));
  assertEquals(await group.vanish(100, pause), false);
  assertEquals(pauses, [5, 10, 20, 40, 25]);
  assertEquals(await group.vanish(0, pause), false);
  child.kill();
  await child.wait();
  assertEquals([await group.vanish(0, pause), group.exists, pauses.length], [true, false, 5]);
  group.signal("SIGKILL"); // nothing happens
});

Deno.test("ProcessGroup that is no more stays so, whoever gets its number", async () => {
  await using child = spawnProcess(["sh", "-c", "read x; exec setsid sleep 60"], { stdin: "pipe" });
  const group = new ProcessGroup(child.pid);
  assertEquals(group.exists, false); // it is a member of ours
  child.stdin.close();
  while (!new ProcessGroup(child.pid).exists) await sleep(1);
  assertEquals(group.exists, false);
  group.signal("SIGKILL");
  assertEquals(await child.wait({ timeout: 20 }), undefined);
});
