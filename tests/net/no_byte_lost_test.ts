/**
 * Readers, writers and acceptors are killed and timed out at seeded moments and replaced, again and again: every
 * byte and datagram arrives, in order, and every client is served.
 *
 * `GREEN_STRESS_MIB` says how much goes through each connection.
 */
import { createHash, type Hash } from "node:crypto";
import { assert, assertEquals } from "@std/assert";
import {
  type Conn,
  connect,
  getCurrent,
  type Greenlet,
  isKill,
  listenDatagram,
  type Listener,
  seededRandom,
  Semaphore,
  sleep,
  spawn,
  Timeout,
  until,
} from "@verdant/green";
import { turn } from "../helpers.ts";
import { assertIdleSoon, local, pairs, portOf } from "./network.ts";

const MIB = 1024 * 1024;
const AMOUNT = Number(Deno.env.get("GREEN_STRESS_MIB") ?? 4) * MIB;
const DATAGRAMS = 500 * Number(Deno.env.get("GREEN_STRESS_MIB") ?? 4);
const CLIENTS = 100 * Number(Deno.env.get("GREEN_STRESS_MIB") ?? 4);

/** Numbers that are the same for the same seed. */
class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i++) words[i] = this.#random() * 2 ** 32;
    return new Uint8Array(words.buffer, 0, length);
  }
}

/**
 * Starts workers one after the other, until one is done: each is killed or timed out at some moment. With each,
 * `pace` lets a few more pieces go, so that there are many strikes for every piece, however fast the machine is.
 */
async function torment(dice: Dice, pace: Semaphore, work: () => Promise<void>): Promise<number> {
  let strikes = 0;
  for (let done = false; !done; strikes++) {
    let begun = false;
    for (let pieces = dice.below(4); pieces > 0; pieces--) pace.release();
    const worker: Greenlet = spawn(async () => {
      begun = true;
      try {
        await work();
        done = true;
      } catch (error) {
        if (!isKill(error) && !(error instanceof Timeout)) throw error;
      }
    });
    await letRun(dice, worker);
    if (begun && dice.below(2) === 0) worker.throw(new Timeout(0));
    else await worker.kill();
    await worker.join();
    if (worker.failed) throw worker.error;
  }
  return strikes - 1;
}

/** Until a random moment: after a few switches, or turns of the event loop, or so much time. */
async function letRun(dice: Dice, worker: Greenlet): Promise<void> {
  for (let steps = dice.below(6); steps > 0 && !worker.ready; steps--) {
    const kind = dice.below(16);
    if (kind === 0) await worker.join({ timeout: dice.below(3) / 4 });
    else if (kind < 4) await until(turn());
    else await sleep();
  }
}

/** A reader's step, by any of the methods. What it gets goes into the hash before anything else happens. */
async function readSome(conn: Conn, dice: Dice, hash: Hash): Promise<boolean> {
  const limits = { timeout: dice.below(8) === 0 ? dice.below(4) / 4 : Infinity };
  const kind = dice.below(8);
  if (kind === 0) {
    const some = await conn.readSome(limits);
    if (some === null) return false;
    hash.update(some);
  } else if (kind < 4) {
    try {
      hash.update(await conn.readExactly(dice.below(2_000), limits));
    } catch (error) {
      if (!(error instanceof Deno.errors.UnexpectedEof)) throw error; // fewer are left: others take them
    }
  } else {
    const target = new Uint8Array(1 + dice.below(2_000));
    const count = await conn.read(target, limits);
    if (count === null) return false;
    hash.update(target.subarray(0, count));
  }
  return true;
}

for (const [kind, makePair] of Object.entries(pairs)) {
  Deno.test(`no byte is lost by readers that are killed and timed out (${kind})`, async () => {
    const dice = new Dice(1);
    using pair = await makePair();
    const { conn, peer } = pair;
    const pace = new Semaphore(0);
    const sent = createHash("sha256");
    const got = createHash("sha256");
    const sender = spawn(async () => {
      const source = new Dice(2);
      for (let left = AMOUNT; left > 0;) {
        await pace.acquire();
        const piece = source.bytes(Math.min(left, 1 + source.below(2_000)));
        left -= piece.length;
        sent.update(piece);
        await peer.writeAll(piece);
      }
      await peer.closeWrite();
    });
    const strikes = await torment(dice, pace, async () => {
      while (await readSome(conn, dice, got));
    });
    await sender.get();
    assertEquals(got.digest("hex"), sent.digest("hex"));
    assert(strikes > AMOUNT / 2_000, `only ${strikes} strikes`);
    await assertIdleSoon();
  });

  Deno.test(`no byte that was written is lost by writers that are killed and timed out (${kind})`, async () => {
    const dice = new Dice(3);
    using pair = await makePair();
    const { conn, peer } = pair;
    const pace = new Semaphore(0);
    const arriving = spawn(() => new Response(peer.readable).text());
    const sent: { readonly message: string; done: boolean }[] = [];
    let left = AMOUNT / 4;
    const strikes = await torment(dice, pace, async () => {
      while (left > 0) {
        await pace.acquire();
        const entry = { message: `<${sent.length} ${"x".repeat(dice.below(2_000))}>`, done: false };
        sent.push(entry);
        left -= entry.message.length;
        await conn.writeAll(entry.message, { timeout: dice.below(8) === 0 ? dice.below(3) / 4 : Infinity });
        entry.done = true;
      }
    });
    await conn.closeWrite();
    const arrived = (await arriving.get()).split(/(?=<)/);
    // Of a message whose writer was struck a beginning has come, or nothing, or all of it.
    for (const { message, done } of sent) {
      if (arrived[0] !== undefined && message.startsWith(arrived[0])) {
        const [part] = arrived.splice(0, 1);
        assert(!done || part === message, "A message that was written has come in part");
      } else assert(!done, "A message that was written has not come");
    }
    assertEquals(arrived.length, 0, "Something has come that nobody has written");
    assert(strikes > AMOUNT / 8_000, `only ${strikes} strikes`);
    await assertIdleSoon();
  });
}

Deno.test("no datagram is lost by receivers that are killed and timed out", async () => {
  const dice = new Dice(4);
  const here = { hostname: "127.0.0.1", port: 0 };
  using conn = await listenDatagram({ ...here, maxQueue: Infinity });
  using peer = await listenDatagram(here);
  const pace = new Semaphore(0);
  const got: number[] = [];
  const sender = spawn(async () => {
    for (let number = 0; number < DATAGRAMS; number++) {
      await pace.acquire();
      await peer.send(`${number}`, conn.addr);
    }
  });
  const strikes = await torment(dice, pace, async () => {
    while (got.length < DATAGRAMS) {
      const [data] = await conn.receive(dice.below(4) === 0 ? { timeout: dice.below(3) / 4 } : {});
      got.push(Number(new TextDecoder().decode(data)));
    }
  });
  await sender.get();
  assertEquals(got, Array.from({ length: DATAGRAMS }, (_, number) => number));
  assert(strikes > DATAGRAMS / 4, `only ${strikes} strikes`);
  await assertIdleSoon();
});

Deno.test("no client is lost by acceptors that are killed and timed out", async () => {
  const dice = new Dice(5);
  using listener = local(1000);
  const served = new Set<number>();
  const pace = new Semaphore(0);
  const clients = spawn(() => callAll(portOf(listener), pace));
  const strikes = await torment(dice, pace, async () => {
    while (served.size < CLIENTS) await serve(listener, served, dice);
  });
  await clients.get();
  assertEquals(served.size, CLIENTS);
  assert(strikes > CLIENTS / 2, `only ${strikes} strikes`);
  await assertIdleSoon();
});

/** Accepts a client and leaves the rest to a greenlet that nobody strikes. */
async function serve(listener: Listener, served: Set<number>, dice: Dice): Promise<void> {
  const client = await listener.accept(dice.below(4) === 0 ? { timeout: dice.below(3) / 4 } : {});
  spawn(async () => {
    using conn = client;
    const name = Number(await conn.readLine());
    assert(!served.has(name), `client ${name} was served twice`);
    served.add(name);
    await conn.writeAll(`${name}\n`);
  });
}

/** Each client says its number, and waits until it was served. */
async function callAll(port: number, pace: Semaphore): Promise<void> {
  const running = new Set<Greenlet>();
  for (let name = 0; name < CLIENTS; name++) {
    await pace.acquire();
    const caller = spawn(async () => {
      using conn = await connect({ port });
      await conn.writeAll(`${name}\n`);
      assertEquals(await conn.readLine({ timeout: 10_000 }), `${name}`);
      running.delete(getCurrent()!);
    });
    running.add(caller);
    if (running.size >= 20) await [...running][0]!.get();
  }
  for (const caller of [...running]) await caller.get();
}
