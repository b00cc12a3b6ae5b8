/** Readers and writers are killed and timed out at each of their waits: no byte is lost, none is doubled. */
import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { type Conn, Event, sleep, until } from "@verdant/green";
import { interruptAnywhere } from "../interrupt_anywhere.ts";
import { bytes, type Pair, pairs, text } from "./network.ts";
import { ScriptedRaw } from "./scripted.ts";

/** A multiple of three bytes. */
const STREAM = "one\r\ntwo\n\nthree€\nfour\n";

/** Ways to read the stream to its end in small steps, `see` being told of each. */
const readers: Record<string, (conn: Conn, see: (part: string) => void) => Promise<unknown>> = {
  async "read()"(conn, see) {
    const target = new Uint8Array(3);
    for (let n = await conn.read(target); n !== null; n = await conn.read(target)) see(latin(target, n));
  },
  async "readSome()"(conn, see) {
    for (let some = await conn.readSome(); some; some = await conn.readSome()) see(latin(some));
  },
  async "readExactly()"(conn, see) {
    for (let i = 0; i < WHOLE.length; i += 3) see(latin(await conn.readExactly(3)));
  },
  async "readUntil()"(conn, see) {
    for (let i = 0; i < 5; i++) see(latin(await conn.readUntil("\n")));
  },
};

/** A character for each byte, so that characters may be cut. */
function latin(bytes: Uint8Array, length = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("latin1");
}

const WHOLE = bytes(STREAM);

for (const [name, read] of Object.entries(readers)) {
  interruptAnywhere(`Conn.${name}`, () => {
    const raw = new ScriptedRaw();
    const conn = raw.conn();
    let seen = "";
    return {
      victim: () => read(conn, (part) => seen += part),
      others: [async () => {
        // Cut within a newline, a line and a character.
        let at = 0;
        for (const end of [4, 7, 17, WHOLE.length]) {
          raw.receive(WHOLE.subarray(at, at = end));
          await sleep();
        }
        raw.end();
      }],
      check: async () => {
        for (let some = await conn.readSome(); some; some = await conn.readSome()) seen += latin(some);
        assertEquals(seen, latin(WHOLE));
        conn.close();
      },
    };
  });
}

interruptAnywhere("Conn.lines()", () => {
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  const seen: string[] = [];
  const read = async () => {
    for await (const line of conn.lines()) seen.push(line);
  };
  return {
    victim: read,
    others: [async () => {
      for (const byte of WHOLE) {
        raw.receive(Uint8Array.of(byte));
        await sleep();
      }
      raw.end();
    }],
    check: async () => {
      await read();
      assertEquals(seen, ["one", "two", "", "three€", "four"]);
    },
  };
});

interruptAnywhere("Conn.writeAll()", () => {
  const raw = new ScriptedRaw();
  raw.holdsWrites = true;
  const conn = raw.conn();
  let returned = "";
  let begun = "";
  const write = async (message: string) => {
    begun = returned + message;
    await conn.writeAll(message);
    returned += message;
  };
  let over = false;
  return {
    victim: async () => {
      await write("abcd");
      await write("efgh");
      over = true;
    },
    others: [async () => {
      for (let i = 0; i < 40; i++) {
        await sleep();
        raw.writes[0]?.go(3); // a part, then the rest
      }
    }],
    check: async (interrupted) => {
      while (raw.writes.length > 0) {
        raw.writes[0]!.go(3);
        await sleep();
      }
      const sent = text(Uint8Array.from(raw.sent))!;
      assert(sent.startsWith(returned), `${sent} does not begin with ${returned}, which was written`);
      assert(begun.startsWith(sent), `${sent} is not the beginning of ${begun}`);
      assert(over || interrupted);
      raw.holdsWrites = false;
      await conn.writeAll("next");
      assertEquals(text(Uint8Array.from(raw.sent)), `${sent}next`);
    },
  };
});

// ---- Real sockets ----------------------------------------------------------------------------------

/** More than a socket takes at once. */
const MESSAGE = Array.from({ length: 500_000 }, (_, i) => i.toString(36)).join(" ");

for (const [kind, makePair] of Object.entries(pairs)) {
  interruptAnywhere(`Conn.lines() (${kind})`, () => {
    const ready = makePair();
    const seen: string[] = [];
    const readAll = async ({ conn }: Pair) => {
      for await (const line of conn.lines()) seen.push(line);
    };
    return {
      victim: async () => await readAll(await until(ready)),
      others: [async () => {
        const { peer } = await until(ready);
        for (const piece of ["one\ntw", "o\nth", "ree\n", "four\n"]) await peer.writeAll(piece);
        await peer.closeWrite();
      }],
      check: async () => {
        using pair = await ready;
        await readAll(pair);
        assertEquals(seen, ["one", "two", "three", "four"]);
      },
    };
  });

  interruptAnywhere(`Conn.writeAll() (${kind})`, () => {
    const ready = makePair();
    const left = new Event();
    let got = "";
    let done = 0;
    return {
      victim: async () => {
        try {
          const { conn } = await until(ready);
          for (; done < 3; done++) await conn.writeAll(MESSAGE);
        } finally {
          left.set();
        }
      },
      others: [async () => {
        const { peer } = await until(ready);
        for (let some = await peer.readSome(); some; some = await peer.readSome()) got += latin(some);
      }, async () => {
        const { conn } = await until(ready);
        await left.wait();
        await conn.writeAll("end");
        await conn.closeWrite();
      }],
      check: async () => {
        using _pair = await ready;
        const sent = got.slice(0, -3);
        assertEquals(got.slice(-3), "end");
        assert(sent.length >= done * MESSAGE.length, "what was written has not come");
        assert(MESSAGE.repeat(3).startsWith(sent), "what has come is not what was written");
      },
    };
  });
}
