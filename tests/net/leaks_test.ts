/**
 * Connections are opened, killed in every phase and closed: nothing is left, no descriptor, no timer, no greenlet,
 * no memory.
 *
 * `GREEN_STRESS_CONNS` says how many. Memory is looked at only if they are many.
 */
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";
import { assert, assertEquals } from "@std/assert";
import {
  type Conn,
  connect,
  connectTls,
  getHub,
  type Greenlet,
  isKill,
  type Listener,
  listenTls,
  lookup,
  seededRandom,
  sleep,
  spawn,
  Timeout,
  TooLongError,
  until,
} from "@verdant/green";
import { turn } from "../helpers.ts";
import { assertIdleSoon, certificate, eventually, local, portOf } from "./network.ts";

const CONNECTIONS = Number(Deno.env.get("GREEN_STRESS_CONNS") ?? 300);
/** With fewer, what the runtime itself does with its memory hides everything. */
const ENOUGH_FOR_MEMORY = 5_000;
const AT_A_TIME = 20;
const MUCH = new Uint8Array(8 * 1024 * 1024);

const random = seededRandom(17);
const below = (n: number) => Math.floor(random() * n);

/** What clients can connect to. */
interface Servers {
  readonly plain: number;
  readonly tls: number;
  readonly caCerts: string[];
}

/** What a client does until it is done, or struck. */
const lives: ((servers: Servers) => Promise<unknown>)[] = [
  async function talks({ plain }) {
    using conn = await connect({ port: plain });
    await exchange(conn);
  },
  async function talksByName({ plain }) {
    using conn = await connect({ hostname: "localhost", port: plain });
    await exchange(conn);
  },
  async function talksInSecret({ tls, caCerts }) {
    using conn = await connectTls({ hostname: "localhost", port: tls, caCerts });
    await exchange(conn);
  },
  async function reads({ plain }) {
    using conn = await connect({ port: plain });
    await conn.readLine();
  },
  async function writesToADeafPeer({ plain }) {
    using conn = await connect({ port: plain });
    await conn.writeAll("deaf\n");
    await conn.writeAll(MUCH).catch(expectPlatformError); // it is too much for a line
  },
  async function pipes({ plain }) {
    using conn = await connect({ port: plain });
    await until(conn.readable.pipeTo(new WritableStream()));
  },
  async function isNotTrusted({ tls }) {
    await connectTls({ port: tls }).catch(expectClass(Deno.errors.InvalidData));
  },
  async function isRefused() {
    await connect({ port: 1 }).catch(expectClass(Deno.errors.ConnectionRefused));
  },
  async function isImpatient({ plain }) {
    using conn = await connect({ port: plain, timeout: 5_000 });
    await conn.readLine({ timeout: 1 }).catch(expectClass(Timeout));
  },
];

async function exchange(conn: Conn): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await conn.writeAll(`${i}\n`);
    assertEquals(await conn.readLine(), `${i}`);
  }
}

function expectClass(Class: abstract new (...args: never[]) => Error): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Class)) throw error;
  };
}

/** Answers lines, until its client goes, or tells it to listen no more. */
async function answer(client: Conn): Promise<void> {
  using conn = client;
  try {
    for await (const line of conn.lines()) {
      if (line === "deaf") await sleep(20);
      else await conn.writeAll(`${line}\n`);
    }
  } catch (error) {
    if (!(error instanceof TooLongError)) expectPlatformError(error);
  }
}

/** The other side has gone in the middle of something. */
function expectPlatformError(error: unknown): void {
  if (!Object.values(Deno.errors).some((Class) => error instanceof Class)) throw error;
}

function serve(listener: Listener): Greenlet {
  return spawn(async () => {
    for await (const client of listener) spawn(answer, client);
  });
}

/** Strikes a client at a random moment: after some switches, some turns of the event loop, or some time. */
async function strike(client: Greenlet): Promise<void> {
  for (let steps = below(8); steps > 0 && !client.ready; steps--) {
    if (below(3) === 0) await until(turn());
    else await sleep(below(2) * below(3));
  }
  await client.kill();
}

/** One client after the other; of three, two are struck. Those who are not may wait for ever: they get a while. */
async function clients(servers: Servers, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const life = lives[below(lives.length)]!;
    const client = spawn(life, servers);
    if (below(3) > 0) await strike(client);
    else await client.join({ timeout: 50 });
    await client.kill();
    if (client.failed && !isKill(client.error)) throw client.error;
  }
}

function descriptors(): number {
  return Deno.build.os === "linux" ? [...Deno.readDirSync("/proc/self/fd")].length : 0;
}

/** Bytes that are in use once what can be collected is. */
function heapInUse(): number {
  v8.setFlagsFromString("--expose-gc"); // for contexts made from now on
  vm.runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

Deno.test("connections that are killed in every phase leave nothing", async () => {
  const { cert, key } = await certificate();
  await lookup("localhost"); // what the platform opens for this stays open
  const before = descriptors();
  const heaps: number[] = [];
  {
    using plain = local(1000);
    using secret = listenTls({ hostname: "127.0.0.1", port: 0, backlog: 1000, cert, key });
    const servers: Servers = { plain: portOf(plain), tls: portOf(secret), caCerts: [cert] };
    const serving = [serve(plain), serve(secret)];
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = CONNECTIONS / 10 / AT_A_TIME;
      const crowd = Array.from({ length: AT_A_TIME }, () => spawn(clients, servers, share));
      for (const each of crowd) await each.get();
      await eventually(() => getHub().stats().greenlets === serving.length);
      if (CONNECTIONS >= ENOUGH_FOR_MEMORY) heaps.push(heapInUse());
    }
    plain.close();
    secret.close();
    for (const server of serving) await server.join();
  }
  await assertIdleSoon();
  await eventually(() => descriptors() <= before);
  const [, ...later] = heaps;
  const growth = later.length === 0 ? 0 : Math.max(...later) / Math.min(...later) - 1;
  const sizes = heaps.map((bytes) => (bytes / 1e6).toFixed(1));
  if (heaps.length > 0) console.log(`heap (MB) after each tenth: ${sizes.join(" ")}`);
  assert(growth <= 0.1, `The heap differs by ${(growth * 100).toFixed(0)} %: ${sizes.join(" ")} MB`);
});
