/** The waiting calls of net/, each on something that never answers. */
import {
  type Conn,
  connect,
  connectTls,
  connectWebSocket,
  getHub,
  HttpClient,
  listenDatagram,
  lookup,
  resolve,
  Resolver,
  reverse,
  Timeout,
} from "@verdant/green";
import type { Case } from "../waiting_calls.ts";
import { DnsServer } from "./dns_server.ts";
import { FakeLookup } from "./fake_lookup.ts";
import { bytes, fullListener, local, portOf } from "./network.ts";
import { ScriptedRaw } from "./scripted.ts";

type Call = Case["call"];

/** One that leaves nothing to wait for when its time is over. */
function fails(call: Call, release?: () => unknown): Case {
  const state = () => getHub().stats().foreignWaits;
  return { call, expected: { throws: Timeout }, state, ...(release && { release }) };
}

/** A question that no name server answers. */
async function asking(ask: (nameServer: string) => Call): Promise<Case> {
  const server = await DnsServer.start(() => "silence");
  return fails(ask(server.address), () => server[Symbol.asyncDispose]());
}

/** A name that the system looks up without end. */
function lookingUp(call: Call, release?: () => void): Case {
  const system = new FakeLookup();
  return fails(call, () => {
    system[Symbol.dispose]();
    release?.();
  });
}

/** A connection for each call, because only one may read and one write. Its peer neither writes nor reads. */
function onConn(call: (conn: Conn, ...args: Parameters<Call>) => Promise<unknown>): Case {
  return fails((options) => {
    const raw = new ScriptedRaw();
    raw.holdsWrites = true;
    return call(raw.conn(), options);
  });
}

/** By name, as in `tests/waiting_calls.ts`. */
export const netCases: Record<string, () => Case | Promise<Case>> = {
  "Conn.read()": () => onConn((conn, o) => conn.read(new Uint8Array(1), o)),
  "Conn.readSome()": () => onConn((conn, o) => conn.readSome(o)),
  "Conn.readExactly()": () => onConn((conn, o) => conn.readExactly(1, o)),
  "Conn.readLine()": () => onConn((conn, o) => conn.readLine(o)),
  "Conn.readUntil()": () => onConn((conn, o) => conn.readUntil(";", o)),
  "Conn.write()": () => onConn((conn, o) => conn.write(bytes("x"), o)),
  "Conn.writeAll()": () => onConn((conn, o) => conn.writeAll("x", o)),
  "Listener.accept()": () => {
    const listener = local();
    return fails((o) => listener.accept(o), () => listener.close());
  },
  "connect()": async () => {
    const listener = await fullListener();
    return fails((o) => connect({ port: listener.port, ...o }), () => listener[Symbol.dispose]());
  },
  "connect() by name": () => lookingUp((o) => connect({ hostname: "example.com", port: 80, ...o })),
  "connectTls()": () => {
    const listener = local(); // it takes connections, and says nothing
    return fails((o) => connectTls({ port: portOf(listener), ...o }), () => listener.close());
  },
  "connectWebSocket()": () => {
    const listener = local();
    return fails((o) => connectWebSocket(`ws://127.0.0.1:${portOf(listener)}/`, o), () => listener.close());
  },
  "HttpClient.fetch()": () => {
    const listener = local();
    const client = new HttpClient();
    const url = `http://127.0.0.1:${portOf(listener)}/`;
    return fails((o) => client.fetch(url, o), () => {
      client.close();
      listener.close();
    });
  },
  "DatagramConn.receive()": async () => {
    const conn = await listenDatagram({ hostname: "127.0.0.1", port: 0 });
    return fails((o) => conn.receive(o), () => conn.close());
  },
  "DatagramConn.send()": async () => {
    const conn = await listenDatagram({ hostname: "127.0.0.1", port: 0 });
    return lookingUp((o) => conn.send("x", { hostname: "example.com", port: 7 }, o), () => conn.close());
  },
  "listenDatagram()": () => lookingUp((o) => listenDatagram({ hostname: "example.com", port: 0, ...o })),
  "lookup()": () => lookingUp((o) => lookup("example.com", o)),
  "resolve()": () => asking((nameServer) => (o) => resolve("example.com", "A", { nameServer, ...o })),
  "reverse()": () => asking((nameServer) => (o) => reverse("192.0.2.1", { nameServer, ...o })),
  "Resolver.resolve()": () =>
    asking((nameServer) => {
      const resolver = new Resolver({ nameServers: [nameServer] });
      return (o) => resolver.resolve("example.com", "A", o);
    }),
  "Resolver.reverse()": () =>
    asking((nameServer) => {
      const resolver = new Resolver({ nameServers: [nameServer] });
      return (o) => resolver.reverse("192.0.2.1", o);
    }),
};
