/**
 * A JSON API with a queue behind it: jobs are posted, two workers do them, and everybody can look how far they are.
 *
 *     deno run --allow-net examples/http_server.ts               on 127.0.0.1:8000
 *     curl -d '{"text":"hello"}' http://127.0.0.1:8000/jobs      202 {"id":1,"state":"waiting"}
 *     curl http://127.0.0.1:8000/jobs/1                          200 {"id":1,"state":"done","result":"HELLO"}
 *
 * With ten jobs waiting, a client waits for room up to a second, then gets 503. Ctrl-C ends it: the workers finish
 * the jobs that are in the queue.
 */
import { Full, HttpServer, main, nursery, Queue, sleep } from "@verdant/green";

interface Job {
  readonly id: number;
  readonly text: string;
  state: "waiting" | "running" | "done";
  result?: string;
}

const jobs = new Map<number, Job>();
const queue = new Queue<Job>(10);

async function work() {
  for await (const job of queue) {
    job.state = "running";
    await sleep(100); // the hard part
    job.result = job.text.toUpperCase();
    job.state = "done";
  }
}

async function post(request: Request): Promise<Response> {
  const text = await textOf(request);
  if (text === undefined) return Response.json({ error: 'expected {"text": "…"}' }, { status: 400 });
  const job: Job = { id: jobs.size + 1, text, state: "waiting" };
  jobs.set(job.id, job);
  try {
    await queue.put(job, { timeout: 1_000 });
  } catch (error) {
    if (!(error instanceof Full)) throw error;
    jobs.delete(job.id);
    return Response.json({ error: "too many jobs" }, { status: 503, headers: { "retry-after": "1" } });
  }
  return Response.json({ id: job.id, state: job.state }, { status: 202 });
}

async function textOf(request: Request): Promise<string | undefined> {
  try {
    const { text } = await request.json();
    return typeof text === "string" ? text : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function handle(request: Request): Response | Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/jobs" && request.method === "POST") return post(request);
  const job = jobs.get(Number(/^\/jobs\/(\d+)$/.exec(pathname)?.[1]));
  if (job === undefined) return Response.json({ error: "not found" }, { status: 404 });
  return Response.json(job);
}

main(() =>
  nursery(async (workers) => {
    workers.spawn(work);
    workers.spawn(work);
    const server = new HttpServer(Deno.args[0] ?? "127.0.0.1:8000", handle, { requestTimeout: 5_000 });
    await server.start();
    console.log(`listening on ${server}`);
    await server.serveForever();
    queue.shutdown(); // the workers end once it is empty
  })
);
