/**
 * A program with a backdoor: whoever connects from this machine sees what it does, and can change it while it runs.
 *
 *     deno run --allow-net examples/backdoor.ts              on 127.0.0.1:4000
 *     deno run --allow-net examples/backdoor.ts :5000        elsewhere; port 0 takes any free one
 *     nc 127.0.0.1 4000                                      or telnet: look inside
 *
 * What to type there, for example:
 *
 *     greenlets()                      what each of them waits for
 *     stats
 *     jobs.size
 *     await jobs.put("mow the lawn")
 *     workers.push(spawn(work, "dan")); greenlets()
 *     kill(workers[0].id)
 *     quit()
 *
 * Ctrl-C ends it.
 */
import { BackdoorServer, type Greenlet, main, named, Queue, sleep, spawn, spawnWith } from "@verdant/green";

const jobs = named(new Queue<string>(), "jobs");
const stats = { done: 0, last: "" };

async function work(name: string): Promise<void> {
  for await (const job of jobs) {
    await sleep(50); // it takes some time
    stats.done++;
    stats.last = `${name} did: ${job}`;
  }
}

main(async () => {
  const workers: Greenlet[] = ["ann", "bob", "cem"].map((name) => spawnWith({ name }, work, name));
  const locals = { jobs, stats, workers, work };
  const banner = "You are inside examples/backdoor.ts: jobs, stats, workers, work; help() tells the rest";
  const server = new BackdoorServer(Deno.args[0] ?? "127.0.0.1:4000", { locals, banner });
  await server.start();
  console.log(`${server}`);
  spawn(async () => {
    for (let n = 1; n <= 3; n++) await jobs.put(`job ${n}`);
  });
  await server.serveForever();
  for (const worker of workers) await worker.kill();
  console.log("closed");
});
