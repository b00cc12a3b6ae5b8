import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  DatagramConn,
  type DatagramDestination,
  getHub,
  joinAll,
  type RawDatagramSocket,
  sleep,
  spawn,
  spawnWith,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { interruptAnywhere } from "../interrupt_anywhere.ts";

const decoder = new TextDecoder();
const text = ([data]: [Uint8Array, unknown]) => decoder.decode(data);

type Listener = (...args: unknown[]) => void;
type Sent = (error: Error | null, bytes: number) => void;

/** A socket whose datagrams come and go when the test says so. */
class FakeSocket implements RawDatagramSocket {
  readonly sent: string[] = [];
  /** Ends the sending that is under way. */
  done: Sent | undefined = undefined;
  readonly #listeners = new Map<string, Listener>();

  address() {
    return { address: "10.0.0.1", port: 7 };
  }

  on(event: string, listener: unknown) {
    this.#listeners.set(event, listener as Listener);
  }

  emit(event: "message" | "error", ...args: unknown[]) {
    this.#listeners.get(event)!(...args);
  }

  arrive(...texts: string[]) {
    for (const text of texts) {
      this.emit("message", new TextEncoder().encode(text), { address: "10.0.0.2", port: 9 });
    }
  }

  send(data: Uint8Array, port: number, address: string, done: Sent) {
    this.sent.push(`${decoder.decode(data)} to ${address}:${port}`);
    this.done = done;
  }

  addMembership() {}
  dropMembership() {}
  setBroadcast() {}
  unref() {}
  close() {}
}

function fake(maxQueue?: number): [DatagramConn, FakeSocket] {
  const raw = new FakeSocket();
  return [new DatagramConn(raw, maxQueue), raw];
}

interruptAnywhere("DatagramConn.receive()", () => {
  const [conn, raw] = fake();
  const received: string[] = [];
  const receive = async () => {
    for (let i = 0; i < 2; i++) received.push(text(await conn.receive()));
  };
  return {
    victim: receive,
    others: [receive, async () => {
      for (const word of ["1", "2", "3", "4"]) {
        await sleep();
        raw.arrive(word);
      }
    }],
    async check() {
      while (received.length < 4) received.push(text(await conn.receive({ timeout: 0 })));
      conn.close();
      assertEquals(received, ["1", "2", "3", "4"]);
    },
  };
});

interruptAnywhere("DatagramConn.send()", () => {
  const [conn, raw] = fake();
  const to = { hostname: "10.0.0.2", port: 1 };
  const send = async (word: string) => void await conn.send(word, to);
  let over = 0;
  return {
    victim: () => send("victim").finally(() => over++),
    others: [() => send("other").finally(() => over++), async () => {
      while (over < 2) {
        await sleep();
        const { done } = raw;
        raw.done = undefined;
        done?.(null, 1);
      }
    }],
    check(interrupted) {
      conn.close();
      const words = raw.sent.map((line) => line.split(" ")[0]);
      assertEquals(words.filter((word) => word === "other"), ["other"]);
      const gone = words.filter((word) => word === "victim").length;
      assert(interrupted ? gone <= 1 : gone === 1);
    },
  };
});

Deno.test("DatagramConn.receive() serves several greenlets first come first served", async () => {
  const [conn, raw] = fake();
  using _conn = conn;
  const log: string[] = [];
  const receive = (name: string) => spawn(async () => log.push(`${name} ${text(await conn.receive())}`));
  const receivers = ["a", "b", "c"].map(receive);
  await sleep();
  raw.arrive("1", "2", "3");
  await joinAll(receivers);
  assertEquals(log, ["a 1", "b 2", "c 3"]);
});

Deno.test("DatagramConn.receive() takes what is there in the order in which it came", async () => {
  const [conn, raw] = fake();
  using _conn = conn;
  raw.arrive("1", "2");
  const [data, from] = await conn.receive({ timeout: 0 });
  assertEquals([decoder.decode(data), from], ["1", { transport: "udp", hostname: "10.0.0.2", port: 9 }]);
  assertEquals(text(await conn.receive()), "2");
});

Deno.test("DatagramConn.receive() that was served before the kill keeps its datagram", async () => {
  const [conn, raw] = fake();
  using _conn = conn;
  const served = spawn(async () => text(await conn.receive()));
  const next = spawn(async () => text(await conn.receive()));
  await sleep();
  raw.arrive("1");
  await served.kill();
  assertEquals([served.value, next.ready], ["1", false]);
  raw.arrive("2");
  assertEquals(await next.get(), "2");
});

Deno.test("DatagramConn.receive() throws Timeout, the one it was given as well, and an abort reason", async () => {
  const [conn] = fake();
  using _conn = conn;
  await assertRejects(() => conn.receive({ timeout: 0 }), Timeout, "0 ms: receiving on 10.0.0.1:7");
  await assertRejects(() => conn.receive({ timeout: 1 }), Timeout, "1 ms: receiving on 10.0.0.1:7");
  const mine = new Timeout(1);
  assertEquals(await conn.receive({ timeout: mine }).catch((error) => error), mine);
  using _errors = captureErrors();
  const controller = new AbortController();
  const aborted = spawn(() => conn.receive({ signal: controller.signal }));
  await sleep();
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await aborted.get().catch((error) => error), reason);
  assertThrows(() => conn.receive({ timeout: -1 }), RangeError, "Cannot receive datagram: timeout");
});

Deno.test("DatagramConn.receive() cannot be called in a callback of the hub", async () => {
  const [conn] = fake();
  using _conn = conn;
  const errors: unknown[] = [];
  const attempt = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      errors.push(error);
    }
  };
  getHub().runCallback(() => {
    attempt(() => conn.receive());
    attempt(() => conn.send("x", conn.addr));
  });
  await sleep();
  assertEquals(errors.map((error) => error instanceof BlockingSwitchOutError), [true, true]);
});

Deno.test("DatagramConn.dropped counts what came when maxQueue datagrams were waiting; the oldest are kept", async () => {
  const [conn, raw] = fake(2);
  using _conn = conn;
  raw.arrive("1", "2", "3", "4");
  assertEquals(conn.dropped, 2);
  assertEquals([text(await conn.receive()), text(await conn.receive())], ["1", "2"]);
  raw.arrive("5");
  assertEquals([text(await conn.receive()), conn.dropped], ["5", 2]);
  assertThrows(() => fake(0), RangeError, "maxQueue");
});

Deno.test("DatagramConn.receive() fails with an error of the system, which nobody else notices", async () => {
  const [conn, raw] = fake();
  using _conn = conn;
  raw.emit("error", new Error("nobody waits"));
  const told = spawn(() => conn.receive().catch((error) => error));
  const next = spawn(() => conn.receive());
  await sleep();
  raw.emit("error", Object.assign(new Error("recvmsg ENOMEM"), { code: "ENOMEM" }));
  const error = await told.get();
  assertEquals([error.message, error.code], [
    "Cannot receive on 10.0.0.1:7: recvmsg ENOMEM",
    "ENOMEM",
  ]);
  raw.arrive("1");
  assertEquals(text(await next.get()), "1");
});

Deno.test("DatagramConn.send() that is killed in the line is not sent; one that is under way is", async () => {
  const [conn, raw] = fake();
  using _conn = conn;
  const to = { hostname: "10.0.0.3", port: 1 };
  const send = (word: string) => spawn(() => conn.send(word, to));
  const [underWay, waiting, patient] = ["a", "b", "c"].map(send);
  await sleep();
  await underWay!.kill();
  await waiting!.kill();
  assertEquals(raw.sent, ["a to 10.0.0.3:1"]);
  raw.done!(null, 1);
  await sleep();
  assertEquals(raw.sent, ["a to 10.0.0.3:1", "c to 10.0.0.3:1"]);
  raw.done!(null, 1);
  assertEquals(await patient!.get(), 1);
  const late = await conn.send("d", to, { timeout: 1 }).catch((error) => error);
  assertInstanceOf(late, Timeout);
  assertStringIncludes(late.message, "sending to 10.0.0.3:1");
  raw.done!(null, 1);
  await assertRejects(() => conn.send("e", to, { timeout: 0 }), Timeout);
  assertEquals(raw.sent.length, 3); // with a time-out of 0 nothing is sent
});

Deno.test("DatagramConn.send() that fails does not stop those behind it", async () => {
  const [conn, raw] = fake();
  using _conn = conn;
  const to = { hostname: "10.0.0.3", port: 1 };
  const failing = spawn(() => conn.send("a", to).catch((error) => error));
  const next = spawn(() => conn.send("b", to));
  await sleep();
  raw.done!(Object.assign(new Error("send EPERM"), { code: "EPERM" }), 0);
  const error = await failing.get();
  assertInstanceOf(error, Deno.errors.PermissionDenied);
  assertEquals(error.message, "Cannot send 1 bytes to 10.0.0.3:1: send EPERM");
  raw.done!(null, 1);
  assertEquals(await next.get(), 1);
  raw.send = () => {
    throw new Error("not running");
  };
  await assertRejects(() => conn.send("c", to), Error, "not running");
});

Deno.test("DatagramConn.send() refuses bad arguments with their value, at the call", () => {
  const [conn, raw] = fake();
  using _conn = conn;
  const to = { hostname: "10.0.0.2", port: 1 };
  const bad: [unknown, unknown, new (message: string) => Error, string][] = [
    [5, to, TypeError, "data must be a Uint8Array or a string, received 5"],
    ["x", undefined, TypeError, "to must be an object with hostname and port, received undefined"],
    ["x", { port: 1 }, TypeError, "hostname must be a non-empty string, received undefined"],
    ["x", { ...to, port: 0 }, RangeError, "port must not be 0"],
    ["x", { ...to, port: 65_536 }, RangeError, "received 65536"],
    [
      "x",
      { hostname: "::1", port: 1 },
      TypeError,
      "Cannot send to ::1: the socket on 10.0.0.1:7 is an IPv4 socket",
    ],
  ];
  for (const [data, target, Class, message] of bad) {
    assertThrows(() => conn.send(data as string, target as DatagramDestination), Class, message);
  }
  assertThrows(() => conn.send("x", to, { timeout: NaN }), RangeError, "received NaN");
  assertEquals(raw.sent, []);
});

Deno.test("DatagramConn.close() tells those who receive and send who closed it; and is idempotent", async () => {
  const [conn, raw] = fake();
  using _conn = conn;
  const to = { hostname: "10.0.0.2", port: 1 };
  const acts = [
    () => conn.receive(),
    () => conn.receive(),
    () => conn.send("a", to),
    () => conn.send("b", to),
  ];
  const victims = acts.map((act) => spawn(() => act().catch((error) => error)));
  await sleep();
  raw.arrive("1");
  const closer = spawnWith({ name: "closer" }, () => conn.close());
  await joinAll([...victims, closer]);
  const [served, ...told] = victims.map(({ value }) => value);
  assertEquals(served.length, 2); // a datagram had come for it
  for (const error of told) {
    assertInstanceOf(error, Deno.errors.Interrupted);
  }
  assertEquals(told.map(({ message }) => message), [
    `Receiving on 10.0.0.1:7 ended: it was closed by #${closer.id} closer`,
    `Sending from 10.0.0.1:7 ended: it was closed by #${closer.id} closer`,
    `Sending from 10.0.0.1:7 ended: it was closed by #${closer.id} closer`,
  ]);
  conn.close();
  conn[Symbol.dispose]();
  await conn[Symbol.asyncDispose]();
  assert(conn.closed);
  raw.done!(null, 1); // too late for anybody
  raw.arrive("2");
  await assertRejects(() => conn.receive(), Deno.errors.BadResource, "closer");
  await assertRejects(() => conn.send("x", to), Deno.errors.BadResource, "closer");
  assertThrows(() => conn.setBroadcast(true), Deno.errors.BadResource, "closer");
  assertEquals(raw.sent, ["a to 10.0.0.2:1"]);
});

Deno.test("DatagramConn[Symbol.asyncIterator]() yields datagrams until it is closed, also while waiting", async () => {
  const [conn, raw] = fake();
  using _conn = conn;
  const seen: string[] = [];
  const reader = spawn(async () => {
    for await (const datagram of conn) seen.push(text(datagram));
    return "end";
  });
  raw.arrive("1", "2");
  await sleep();
  raw.arrive("3");
  await sleep();
  conn.close();
  assertEquals([await reader.get(), seen], ["end", ["1", "2", "3"]]);
  for await (const _ of conn) throw new Error("it is closed");
});

Deno.test("DatagramConn[Symbol.asyncIterator]() passes errors and kills on", async () => {
  using _errors = captureErrors();
  const [conn, raw] = fake();
  using _conn = conn;
  const iterate = () =>
    spawn(async () => {
      for await (const _ of conn);
    });
  const failing = iterate();
  await sleep();
  raw.emit("error", new Error("broken"));
  await assertRejects(() => failing.get(), Error, "broken");
  const victim = iterate();
  await sleep();
  await victim.kill();
  assertInstanceOf(victim.value, Error);
});

Deno.test("DatagramConn counts as something to wait for while somebody receives or sends, and no longer", async () => {
  const hub = getHub();
  const before = hub.stats().foreignWaits;
  const [conn, raw] = fake();
  using _conn = conn;
  const to = { hostname: "10.0.0.2", port: 1 };
  const busy = [
    spawn(() => conn.receive()),
    spawn(() => conn.send("a", to)),
    spawn(() => conn.send("b", to)),
  ];
  await sleep();
  assertEquals(hub.stats().foreignWaits, before + 3);
  raw.arrive("1");
  raw.done!(null, 1);
  raw.done!(null, 1);
  await joinAll(busy);
  assertEquals(hub.stats().foreignWaits, before);
  const victims = [
    spawn(() => conn.receive()),
    spawn(() => conn.send("a", to)),
    spawn(() => conn.send("b", to)),
  ];
  await sleep();
  for (const victim of victims) await victim.kill();
  assertEquals(hub.stats().foreignWaits, before);
  raw.done!(null, 1); // it had gone
  assertEquals(hub.stats().foreignWaits, before);
});
