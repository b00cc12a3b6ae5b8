import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Feed } from "../../../net/inspector/feed.ts";
import { Visit } from "../../../net/inspector/visit.ts";
import { FeedStream } from "../../../net/inspector/feed_stream.ts";
import { FakeClient, FakeObserver, greenlet } from "./fake_observer.ts";

const idsIn = ({ rows }: { rows: readonly (readonly unknown[])[] }) => rows.map(([id]) => id);

/** A feed that looks all the time, and is ended with the block. */
function feedOf(observer: FakeObserver, errors: unknown[] = []): Feed & Disposable {
  const feed = new Feed(observer, { interval: 1, mayKill: false, onError: (error) => errors.push(error) });
  // So that sanitizers see no timer left; timers of a feed keep no process alive.
  const alive = setInterval(() => {}, 1_000);
  const end = () => {
    clearInterval(alive);
    feed.stop();
  };
  return Object.assign(feed, { [Symbol.dispose]: end });
}

Deno.test("Feed looks while somebody wants to know, and only then", async () => {
  const observer = new FakeObserver();
  using feed = feedOf(observer);
  const [a, b] = [new FakeClient(), new FakeClient()];
  assertEquals([observer.snapshots, observer.watching], [0, 0]);
  feed.add(a);
  assertEquals([a.updates.length, observer.watching], [1, 1], "the first is told at once");
  feed.add(b);
  assertEquals([b.updates.length, observer.snapshots], [1, 1], "the second sees the same");
  await a.next();
  feed.delete(a);
  assertEquals(observer.watching, 1);
  feed.delete(b);
  feed.delete(b);
  const { snapshots } = observer;
  assertEquals([observer.watching, feed.latest, feed.size], [0, undefined, 0]);
  await new Promise((resolve) => setTimeout(resolve, 5)); // it would look now
  assertEquals(observer.snapshots, snapshots);
});

Deno.test("Feed leaves out updates for a client that is not ready, and loses no change", async () => {
  const observer = new FakeObserver();
  observer.greenlets = [greenlet(1), greenlet(2), greenlet(3)];
  using feed = feedOf(observer);
  const [slow, quick] = [new FakeClient(), new FakeClient()];
  feed.add(slow);
  feed.add(quick);
  slow.ready = false;
  observer.greenlets = [greenlet(1, { name: "renamed" }), greenlet(3), greenlet(4)];
  await quick.next();
  observer.greenlets = [greenlet(1, { name: "again" }), greenlet(3), greenlet(5)];
  await quick.next();
  observer.strip.add({ id: 1, label: "again" }, observer.time - 30, observer.time - 25);
  await quick.next();
  observer.time += 20;
  assertEquals(slow.updates.length, 1);
  slow.ready = true;
  const update = await slow.next();
  assertEquals([update.full, idsIn(update), update.gone], [false, [1, 5], [2, 4]]);
  assertEquals(update.rows.map(([, name]) => update.texts[name]), ["again", "g5"]);
  assertEquals(idsIn(await slow.next()), []);
});

Deno.test("Feed makes an update once for all who know the same", async () => {
  const observer = new FakeObserver();
  using feed = feedOf(observer);
  const clients = [new FakeClient(), new FakeClient(), new FakeClient()];
  for (const client of clients) feed.add(client);
  await clients[2]!.next();
  const [a, b, c] = clients.map(({ texts }) => texts.at(-1)!);
  assertStrictEquals(a, b);
  assertStrictEquals(b, c);
});

Deno.test("Feed looks less often if a look costs much, again and again", async () => {
  const observer = new FakeObserver();
  using feed = feedOf(observer);
  const client = new FakeClient();
  observer.cost = 0.4;
  feed.add(client);
  const second = await client.next();
  assertEquals(second.interval, 1, "one slow look may be an accident");
  const third = await client.next();
  assertEquals(Math.round(third.interval), 8, "a twentieth of the time");
  observer.cost = 0;
  await client.next();
  assertEquals((await client.next()).interval, 1);
});

Deno.test("Feed lists no more greenlets than can be looked at, and says so", () => {
  const observer = new FakeObserver();
  observer.count = 50_001;
  using feed = feedOf(observer);
  const client = new FakeClient();
  feed.add(client);
  const [update] = client.updates;
  assertEquals([update!.listed, update!.stats.greenlets, observer.snapshots], [false, 50_001, 0]);
});

Deno.test("Feed tells deadlocks, and looks for them only if somebody is stuck", async () => {
  const observer = new FakeObserver();
  observer.greenlets = [greenlet(1)];
  using feed = feedOf(observer);
  const client = new FakeClient();
  feed.add(client);
  assertEquals(client.updates[0]!.deadlocks, []);
  observer.greenlets = [greenlet(1, { stuck: true })];
  const update = await client.next();
  assertEquals(update.deadlocks, [{ greenlets: [1, 2], report: "1 -> 2 -> 1" }]);
});

Deno.test("Feed ends its clients and reports once if it cannot look, and does not end the program", async () => {
  const observer = new FakeObserver();
  const errors: unknown[] = [];
  using feed = feedOf(observer, errors);
  const client = new FakeClient();
  feed.add(client);
  const error = new Error("broken");
  observer.snapshot = () => {
    throw error;
  };
  while (!client.closed) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals([errors, feed.size, observer.watching], [[error], 0, 0]);
  const again = new FakeClient();
  feed.add(again);
  assertEquals([again.closed, errors.length], [true, 1]);
});

Deno.test("Feed tells rates per second, and none at first", async () => {
  const observer = new FakeObserver();
  using feed = feedOf(observer);
  const client = new FakeClient();
  feed.add(client);
  assertEquals(client.updates[0]!.rates, { spawned: 0, switches: 0, turns: 0 });
  observer.time += 2_000;
  Object.assign(observer.counts, { spawned: 10, switches: 500 });
  assertEquals((await client.next()).rates, { spawned: 5, switches: 250, turns: 0 });
});

/** A connection that takes what it is told to. */
class FakeConn {
  written = "";
  closed = false;
  #take: PromiseWithResolvers<void> | undefined;

  unref(): void {}
  ref(): void {}
  close(): void {
    this.closed = true;
    this.take();
  }
  take(): void {
    this.#take?.resolve();
  }
  async write(bytes: Uint8Array): Promise<number> {
    this.#take = Promise.withResolvers();
    await this.#take.promise;
    if (this.closed) throw new Deno.errors.BadResource();
    const count = Math.min(bytes.length, 100);
    this.written += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  }
}

Deno.test("FeedStream is ready when all was taken, and writes its head once", async () => {
  const conn = new FakeConn();
  const stream = new FeedStream(new Visit(conn as unknown as Deno.TcpConn));
  const takeAll = async () => {
    for (let i = 0; i < 20; i++) {
      conn.take();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  assertEquals(stream.ready, true);
  stream.send("1");
  assertEquals(stream.ready, false);
  await takeAll();
  assert(conn.written.startsWith("HTTP/1.1 200 OK\r\n") && conn.written.endsWith("\r\n\r\ndata: 1\n\n"));
  assertEquals(stream.ready, true);
  const before = conn.written;
  stream.send("2");
  await takeAll();
  assertEquals(conn.written, `${before}data: 2\n\n`);
  stream.close();
  assertEquals([stream.ready, conn.closed], [false, true]);
});
