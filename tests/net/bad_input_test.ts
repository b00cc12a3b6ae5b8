/** Bad input to what is in net/: refused at the call, with the class, the value and nothing changed. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  connect,
  connectTls,
  createSocketPair,
  getHub,
  listen,
  Listener,
  listenTls,
  lookup,
  sleep,
  startTls,
  TlsConn,
} from "@verdant/green";
import { assertIdle, bytes } from "./network.ts";
import { ScriptedRaw, ScriptedRawListener } from "./scripted.ts";

// deno-lint-ignore no-explicit-any -- what the types forbid is what is tested
type Any = any;

const raw = new ScriptedRaw();
const conn = raw.conn();
const listener = new ScriptedRawListener().listener();
const tls = { port: 443, cert: "cert", key: "key" };

const INTEGER = "must be a positive integer, received";
const WHOLE = "must be a non-negative integer, received";
const PORT = "port must be an integer from 0 to 65535, received";
const TIME = "must be 0 or more milliseconds, received";
const DURATION = "must be a number of milliseconds or a Temporal.Duration, received";

/** Calls by what they are to say. */
const refused: [call: () => unknown, Class: new (message: string) => Error, message: string][] = [
  // Places
  [() => connect({ port: -1 }), RangeError, `Cannot connect: ${PORT} -1`],
  [() => connect({ port: 65_536 }), RangeError, `Cannot connect: ${PORT} 65536`],
  [() => connect({ port: 1.5 }), RangeError, `Cannot connect: ${PORT} 1.5`],
  [() => connect({ port: NaN }), RangeError, `Cannot connect: ${PORT} NaN`],
  [() => connect({ port: "80" as Any }), RangeError, `Cannot connect: ${PORT} 80`],
  [
    () => connect({ port: 80, hostname: "" }),
    TypeError,
    'Cannot connect: hostname must be a non-empty string, received ""',
  ],
  [
    () => connect({ port: 80, hostname: 5 as Any }),
    TypeError,
    "Cannot connect: hostname must be a non-empty string, received 5",
  ],
  [
    () => connect({ path: "/a", port: 80 } as Any),
    TypeError,
    "Cannot connect: either path or port and hostname can be given, received both",
  ],
  [
    () => connect({ path: "/a", hostname: "a" } as Any),
    TypeError,
    "Cannot connect: either path or port and hostname can be given, received both",
  ],
  [
    () => connect({} as Any),
    TypeError,
    "Cannot connect: either path or port must be given, received neither",
  ],
  [
    () => connect({ hostname: "a" } as Any),
    TypeError,
    "Cannot connect: either path or port must be given, received neither",
  ],
  [() => connect({ path: "" }), TypeError, 'Cannot connect: path must be a non-empty string, received ""'],
  [() => connect(undefined as Any), TypeError, ""],
  [() => listen({ port: 65_536 }), RangeError, `Cannot listen: ${PORT} 65536`],
  [
    () => listen({ port: 0, hostname: "" }),
    TypeError,
    'Cannot listen: hostname must be a non-empty string, received ""',
  ],
  [
    () => listen({ path: "/a", port: 0 } as Any),
    TypeError,
    "Cannot listen: either path or port and hostname can be given, received both",
  ],
  [() => listen({} as Any), TypeError, "Cannot listen: either path or port must be given, received neither"],
  [() => listen({ port: 0, backlog: -1 }), RangeError, `Cannot listen: backlog ${WHOLE} -1`],
  [() => listen({ port: 0, backlog: 1.5 }), RangeError, `Cannot listen: backlog ${WHOLE} 1.5`],
  // TLS
  [() => connectTls({ port: -1 }), RangeError, `Cannot connect: ${PORT} -1`],
  [() => connectTls({ path: "/a" } as Any), RangeError, `Cannot connect: ${PORT} undefined`],
  [() => connectTls({ port: 443, hostname: "" }), TypeError, "hostname must be a non-empty string"],
  [
    () => connectTls({ port: 443, cert: "cert" }),
    TypeError,
    "Cannot connect: cert and key must be given together",
  ],
  [
    () => connectTls({ port: 443, key: "key" }),
    TypeError,
    "Cannot connect: cert and key must be given together",
  ],
  [() => listenTls({ ...tls, port: 65_536 }), RangeError, `Cannot listen for TLS: ${PORT} 65536`],
  [
    () => listenTls({ ...tls, cert: "" }),
    TypeError,
    'Cannot listen for TLS: cert must be a PEM string, received ""',
  ],
  [
    () => listenTls({ ...tls, key: undefined as Any }),
    TypeError,
    "Cannot listen for TLS: key must be a PEM string, received undefined",
  ],
  [() => listenTls({ ...tls, backlog: -1 }), RangeError, `Cannot listen for TLS: backlog ${WHOLE} -1`],
  [
    () => startTls(conn, { hostname: "" }),
    TypeError,
    'Cannot start TLS: hostname must be a non-empty string, received ""',
  ],
  [() => startTls(conn, undefined as Any), TypeError, "Cannot start TLS: hostname must be"],
  [() => startTls(conn, { hostname: "a", timeout: -1 }), RangeError, `Cannot start TLS: timeout ${TIME} -1`],
  [
    () => new TlsConn(raw as Any).handshake({ timeout: -1 }),
    RangeError,
    `Cannot shake hands: timeout ${TIME} -1`,
  ],
  // Names
  [() => lookup(""), TypeError, 'Cannot look up host: hostname must be a non-empty string, received ""'],
  [() => lookup(undefined as Any), TypeError, "Cannot look up host: hostname must be a non-empty string"],
  [
    () => lookup("a", { family: 5 as Any }),
    TypeError,
    "Cannot look up host: family must be 4 or 6, received 5",
  ],
  [() => lookup("a", { timeout: -1 }), RangeError, `Cannot look up host: timeout ${TIME} -1`],
  // Reading
  [
    () => conn.read(new Uint8Array(0)),
    RangeError,
    "Cannot read: buffer must have room for a byte at least, received a length of 0",
  ],
  [
    () => conn.read(undefined as Any),
    TypeError,
    "Cannot read: buffer must be a Uint8Array, received undefined",
  ],
  [() => conn.read([1, 2] as Any), TypeError, "Cannot read: buffer must be a Uint8Array, received 1,2"],
  [() => conn.read("abc" as Any), TypeError, "Cannot read: buffer must be a Uint8Array, received abc"],
  [
    () => conn.read(new Uint16Array(2) as Any),
    TypeError,
    "Cannot read: buffer must be a Uint8Array, received 0,0",
  ],
  [() => conn.readExactly(-1), RangeError, `Cannot read: count ${WHOLE} -1`],
  [() => conn.readExactly(1.5), RangeError, `Cannot read: count ${WHOLE} 1.5`],
  [() => conn.readExactly(NaN), RangeError, `Cannot read: count ${WHOLE} NaN`],
  [() => conn.readExactly(Infinity), RangeError, `Cannot read: count ${WHOLE} Infinity`],
  [() => conn.readLine({ maxBytes: 0 }), RangeError, `Cannot read line: maxBytes ${INTEGER} 0`],
  [() => conn.readLine({ maxBytes: -1 }), RangeError, `Cannot read line: maxBytes ${INTEGER} -1`],
  [() => conn.readLine({ maxBytes: 1.5 }), RangeError, `Cannot read line: maxBytes ${INTEGER} 1.5`],
  [() => conn.lines({ maxBytes: 0 }), RangeError, `Cannot read lines: maxBytes ${INTEGER} 0`],
  [() => conn.lines({ timeout: -1 }), RangeError, `Cannot read lines: timeout ${TIME} -1`],
  [() => conn.readUntil("\n", { maxBytes: 0 }), RangeError, `Cannot read: maxBytes ${INTEGER} 0`],
  [() => conn.readUntil(""), RangeError, "Cannot read: delimiter must not be empty"],
  [() => conn.readUntil(new Uint8Array(0)), RangeError, "Cannot read: delimiter must not be empty"],
  [
    () => conn.readUntil(10 as Any),
    TypeError,
    "Cannot read: delimiter must be a Uint8Array or a string, received 10",
  ],
  // Writing
  [() => conn.write(5 as Any), TypeError, "Cannot write: data must be a Uint8Array or a string, received 5"],
  [
    () => conn.writeAll(undefined as Any),
    TypeError,
    "Cannot write: data must be a Uint8Array or a string, received undefined",
  ],
  [
    () => conn.writeAll([1] as Any),
    TypeError,
    "Cannot write: data must be a Uint8Array or a string, received 1",
  ],
  // Limits
  [() => conn.setTimeout(-1), RangeError, `Cannot set time-out: timeout ${TIME} -1`],
  [() => conn.setTimeout(NaN), RangeError, `Cannot set time-out: timeout ${TIME} NaN`],
  [() => conn.setTimeout("5" as Any), TypeError, `Cannot set time-out: timeout ${DURATION} 5`],
];

const waits: Record<string, (options: Any) => unknown> = {
  "connect()": (o) => connect({ port: 1, ...o }),
  "connect() to a path": (o) => connect({ path: "/a", ...o }),
  "connectTls()": (o) => connectTls({ port: 1, ...o }),
  "startTls()": (o) => startTls(conn, { hostname: "a", ...o }),
  "createSocketPair()": (o) => createSocketPair(o),
  "lookup()": (o) => lookup("localhost", o),
  "TlsConn.handshake()": (o) => new TlsConn(raw as Any).handshake(o),
  "Conn.read()": (o) => conn.read(new Uint8Array(1), o),
  "Conn.readSome()": (o) => conn.readSome(o),
  "Conn.readExactly()": (o) => conn.readExactly(1, o),
  "Conn.readLine()": (o) => conn.readLine(o),
  "Conn.readUntil()": (o) => conn.readUntil(";", o),
  "Conn.write()": (o) => conn.write(bytes("x"), o),
  "Conn.writeAll()": (o) => conn.writeAll("x", o),
  "Conn.closeWrite()": (o) => conn.closeWrite(o),
  "Listener.accept()": (o) => listener.accept(o),
};

for (const [index, [call, Class, message]] of refused.entries()) {
  Deno.test(`bad input ${index + 1} of net/ throws ${Class.name} at the call: ${message}`, () => {
    const error = assertThrows(call, Class, message);
    assertEquals(error.constructor, Class);
    assertEquals([raw.reads, raw.writes.length, raw.sent.length, conn.closed], [0, 0, 0, false]);
    assertIdle();
  });
}

for (const [name, call] of Object.entries(waits)) {
  Deno.test(`${name} throws for a bad time-out at the call, and begins nothing`, () => {
    for (const timeout of [-1, NaN]) assertThrows(() => call({ timeout }), RangeError, `${TIME} ${timeout}`);
    assertThrows(() => call({ timeout: "soon" }), TypeError, `${DURATION} soon`);
    assertEquals([raw.reads, raw.writes.length, conn.closed], [0, 0, false]);
    assertIdle();
  });

  Deno.test(`${name} throws BlockingSwitchOutError in a callback of the hub, and begins nothing`, async () => {
    const seen: unknown[] = [];
    getHub().runCallback(() => {
      try {
        void call({});
        seen.push("no error");
      } catch (error) {
        seen.push(error instanceof BlockingSwitchOutError || error);
      }
    });
    await sleep();
    assertEquals(seen, [true]);
    assertEquals([raw.reads, raw.writes.length, conn.closed], [0, 0, false]);
    assertIdle();
  });
}

Deno.test("Listener is what listen() makes", () => {
  using made = listen({ hostname: "127.0.0.1", port: 0 });
  assertEquals(made instanceof Listener, true);
});
