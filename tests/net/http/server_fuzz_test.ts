/**
 * Thousands of requests that are almost right, many at a time: the server answers properly or closes, serves good
 * clients all along, and has nothing left in the end.
 *
 * `GREEN_FUZZ_INPUTS` says how many, `GREEN_FUZZ_SEED` which.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import { eventStream, type HttpServer, Pool, respondFrom, seededRandom, sleep } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { fromLatin1, get, post, RawClient, startHttp } from "./http_servers.ts";
import { mutated, SEEDS, statusesIn } from "./mutations.ts";

const REQUESTS = Number(Deno.env.get("GREEN_FUZZ_INPUTS") ?? 10_000);
const SEED = Number(Deno.env.get("GREEN_FUZZ_SEED") ?? 2_026);
const AT_A_TIME = 32;
/** Far above what one exchange takes (ms). */
const LIMIT_MS = 10_000;
/** How long (ms) a client listens at least that may not have asked for anything. */
const PATIENCE_MS = 8;
/** What the handler below and the server may answer. */
const STATUSES = [100, 200, 400, 413, 500, 503];

async function answer(request: Request): Promise<Response> {
  const path = URL.parse(request.url)?.pathname;
  switch (path) {
    case "/wait":
      await sleep(1);
      return new Response(await request.text());
    case "/json":
      return Response.json(await request.json()); // which may fail
    case "/stream":
      return respondFrom(["a", "b", "c"]);
    case "/events":
      return eventStream(["a"]);
    case "/next":
      return new Response("not read");
    default:
      return new Response(request.body);
  }
}

/** Fails if it takes too long: somebody hangs. */
async function inTime<T>(work: Promise<T>, what: () => string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It hangs: ${what()}`)), LIMIT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends one bad request; returns the statuses of the answers. */
async function attack(
  server: HttpServer,
  bytes: Uint8Array,
  how: number,
  patience: number,
): Promise<number[]> {
  using client = await RawClient.connect(server);
  if (how < 0.2) { // in two pieces
    const at = Math.floor(bytes.length * how * 5);
    await client.send(bytes.subarray(0, at));
    await client.send(bytes.subarray(at));
  } else await client.send(bytes);
  if (how > 0.8) return []; // and is gone
  if (how > 0.4) await client.endSending(); // the server ends the connection, whatever it was
  const timer = how > 0.4 ? undefined : setTimeout(() => client.leave(), patience);
  try {
    return statusesIn(await client.rest());
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until told to stop, on old and on new connections; tells how long (ms) an answer took. */
async function behave(server: HttpServer, over: () => boolean, took: (ms: number) => void): Promise<number> {
  let asked = 0;
  while (!over()) {
    using client = await RawClient.connect(server);
    for (let i = 0; i < 5; i++, asked += 2) {
      const ask = (request: string) => inTime(client.ask(request), () => "a good client");
      const begin = performance.now();
      assertEquals((await ask(get("/wait"))).status, 200);
      took(performance.now() - begin);
      assertEquals((await ask(post("abc"))).body, "abc");
    }
  }
  return asked;
}

Deno.test(`HttpServer survives ${REQUESTS} mutated requests (seed ${SEED})`, async () => {
  using errors = captureErrors();
  const random = seededRandom(SEED);
  const pool = new Pool(100);
  let logged = 0;
  const server = await startHttp(answer, {
    spawn: pool,
    maxBodyBytes: 500,
    requestTimeout: 2_000,
    accessLog: () => logged++,
  });
  const counts = new Map<number, number>();
  let [sent, over, patience] = [0, false, PATIENCE_MS];
  const attackers = Array.from({ length: AT_A_TIME }, async () => {
    while (sent < REQUESTS) {
      sent++;
      const [bytes, how] = [mutated(random), random()];
      const what = () => JSON.stringify(fromLatin1(bytes));
      for (const status of await inTime(attack(server, bytes, how, patience), what)) {
        assert(STATUSES.includes(status), `${status} for ${what()}`);
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
    }
  });
  const attacking = Promise.all(attackers).finally(() => over = true);
  const behaving = behave(server, () => over, (ms) => patience = Math.max(PATIENCE_MS, 2 * ms)).finally(() =>
    sent = Math.max(sent, REQUESTS)
  ); // if it fails
  const [asked] = await Promise.all([behaving, attacking]);
  assertGreaterOrEqual(asked, 10);
  assertGreaterOrEqual(sent, REQUESTS);
  // They were close enough to the truth, and far enough from it.
  for (const status of [200, 400]) assertGreaterOrEqual(counts.get(status) ?? 0, REQUESTS / 100);
  for (const error of errors.seen) assert(error instanceof SyntaxError, Deno.inspect(error)); // of request.json()
  await eventually(() => server.running === 0);
  assertEquals([server.queued, pool.size, pool.freeCount], [0, 0, 100]);
  assertGreaterOrEqual(logged, REQUESTS / 10);
  await server.stop();
  await assertIdleSoon();
});

Deno.test("mutated() of the same seed is the same, and differs from what is right", () => {
  const some = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 1_000 }, () => fromLatin1(mutated(random)));
  };
  assertEquals(some(1), some(1));
  const wrong = some(1).filter((text) => !SEEDS.includes(text));
  assertGreaterOrEqual(wrong.length, 950);
  assertGreaterOrEqual(new Set(wrong).size, 900);
});

Deno.test("statusesIn() takes answers, and nothing else", () => {
  const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab";
  const chunked = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
  assertEquals(statusesIn(""), []);
  assertEquals(statusesIn(ok + chunked + "HTTP/1.1 100 Continue\r\n\r\n" + ok), [200, 201, 100, 200]);
  assertEquals(statusesIn(ok + ok.slice(0, -1)), [200, 200]); // the last one may be cut
  for (const bad of ["garbage", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200 OK\nx: y\n\n", `${ok}x`, `x${ok}`]) {
    assertThrows(() => statusesIn(bad), Error, "No answer");
  }
});
