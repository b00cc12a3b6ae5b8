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
  PipeReader,
  PipeWriter,
  type Process,
  resolve,
  Resolver,
  reverse,
  run,
  spawnProcess,
  type TextFile,
  Timeout,
  TimeoutExpired,
} from "@verdant/green";
import { turn } from "../helpers.ts";
import type { Case } from "../waiting_calls.ts";
import { DnsServer } from "./dns_server.ts";
import { FakeLookup } from "./fake_lookup.ts";
import { bytes, fullListener, local, portOf } from "./network.ts";
import { ScriptedFile } from "./files/scripted_file.ts";
import { ScriptedWatcher } from "./files/scripted_watcher.ts";
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

/** Commands that take long. One that is broken off ends a little later if nobody waits for that. */
function onProcesses(call: Call, release?: () => unknown): Case {
  return {
    call,
    expected: { throws: TimeoutExpired as unknown as new () => Error },
    state: () => undefined,
    async release() {
      await release?.();
      while (getHub().stats().foreignWaits > 0) await turn(); // the processes are ending
    },
  };
}

/** A pipe for each call, because only one may read or write. Its other side does nothing. */
function onPipes(
  call: (reader: PipeReader, writer: PipeWriter, ...args: Parameters<Call>) => Promise<unknown>,
): Case {
  const deaf = () => new WritableStream({ write: () => new Promise(() => {}) });
  return fails((o) => call(new PipeReader("pipe", new ReadableStream()), new PipeWriter("pipe", deaf()), o));
}

/** A file on a disk that does nothing. There is something to write. */
function onFile(call: (file: TextFile, ...args: Parameters<Call>) => Promise<unknown>): Case {
  const raw = new ScriptedFile();
  raw.holds = true;
  const file = raw.text({ bufferSize: 2 });
  void file.write("x");
  return fails((options) => call(file, options));
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
  "TextFile.readLine()": () => onFile((file, o) => file.readLine(o)),
  "TextFile.read()": () => onFile((file, o) => file.read(1, o)),
  "TextFile.readSome()": () => onFile((file, o) => file.readSome(o)),
  "TextFile.readAll()": () => onFile((file, o) => file.readAll(o)),
  "TextFile.write()": () => onFile((file, o) => file.write("yz", o)),
  "ByteFile.read()": () => onFile((file, o) => file.bytes.read(1, o)),
  "ByteFile.readSome()": () => onFile((file, o) => file.bytes.readSome(o)),
  "ByteFile.readInto()": () => onFile((file, o) => file.bytes.readInto(new Uint8Array(1), o)),
  "ByteFile.write()": () => onFile((file, o) => file.bytes.write(bytes("yz"), o)),
  "GreenFile.flush()": () => onFile((file, o) => file.flush(o)),
  "GreenFile.seek()": () => onFile((file, o) => file.seek(0, 0, o)),
  "GreenFile.tell()": () => onFile((file, o) => file.tell(o)),
  "GreenFile.truncate()": () => onFile((file, o) => file.truncate(0, o)),
  "GreenFile.stat()": () => onFile((file, o) => file.stat(o)),
  "GreenFile.sync()": () => onFile((file, o) => file.sync(o)),
  "GreenFile.close()": () => onFile((file, o) => file.close(o)),
  "FileWatcher.receive()": () => {
    const watcher = new ScriptedWatcher().watcher();
    return fails((o) => watcher.receive(o), () => watcher.close());
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
  "run()": () => onProcesses((o) => run(["sleep", "60"], o)),
  "Process.wait()": () => {
    const child = spawnProcess(["sleep", "60"]);
    const release = () => child[Symbol.asyncDispose]();
    return { ...fails((o) => child.wait(o), release), expected: { returns: undefined } };
  },
  "Process.communicate()": () => {
    const children: Process[] = [];
    const release = () => Promise.all(children.map((child) => child[Symbol.asyncDispose]()));
    return onProcesses((o) => {
      const child = spawnProcess(["sleep", "60"], { stdin: "pipe", stdout: "pipe" });
      children.push(child);
      return child.communicate("x", o);
    }, release);
  },
  "PipeReader.read()": () => onPipes((reader, _writer, o) => reader.read(new Uint8Array(1), o)),
  "PipeReader.readSome()": () => onPipes((reader, _writer, o) => reader.readSome(o)),
  "PipeReader.readExactly()": () => onPipes((reader, _writer, o) => reader.readExactly(1, o)),
  "PipeReader.readLine()": () => onPipes((reader, _writer, o) => reader.readLine(o)),
  "PipeReader.readUntil()": () => onPipes((reader, _writer, o) => reader.readUntil(";", o)),
  "PipeReader.readAll()": () => onPipes((reader, _writer, o) => reader.readAll(o)),
  "PipeWriter.write()": () => onPipes((_reader, writer, o) => writer.write(bytes("x"), o)),
  "PipeWriter.writeAll()": () => onPipes((_reader, writer, o) => writer.writeAll("x", o)),
};
