/** Sessions in virtual time, with a connection whose other side is the test. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  Conn,
  Event,
  explore,
  getHub,
  type Greenlet,
  type RawConn,
  SimpleQueue,
  simulate,
  sleep,
  spawn,
} from "@verdant/green";
import { Session, type SessionSettings } from "../../../net/backdoor/session.ts";
import { bytes } from "../network.ts";

const SETTINGS: SessionSettings = {
  variables: {},
  banner: "",
  prompt: ">",
  token: undefined,
  maxLine: 1000,
  lingerTimeout: 5_000,
};

/** A connection without a network. */
class FakeConn extends Conn {
  /** What has been written. */
  said = "";
  /** Set while it takes what is written. */
  readonly taking: Event = new Event();
  /** What writing fails with. */
  broken: Error | undefined = undefined;
  readonly #arrivals = new SimpleQueue<Uint8Array<ArrayBuffer> | null | Error>();

  /** What is changed of it. */
  readonly settings: string[];

  constructor() {
    const settings: string[] = [];
    const addr: Deno.NetAddr = { transport: "tcp", hostname: "192.0.2.1", port: 7 };
    const setNoDelay = (noDelay: boolean) => settings.push(`no delay: ${noDelay}`);
    const setKeepAlive = (keepAlive: boolean) => settings.push(`keep-alive: ${keepAlive}`);
    super({ localAddr: addr, remoteAddr: addr, setNoDelay, setKeepAlive } as Partial<RawConn> as RawConn);
    this.settings = settings;
    this.taking.set();
  }

  /** How many pieces have come that nobody has read. */
  get unread(): number {
    return this.#arrivals.size;
  }

  /** Text or bytes come. */
  receive(data: string | number[]): this {
    this.#arrivals.putNowait(typeof data === "string" ? bytes(data) : Uint8Array.from(data));
    return this;
  }

  /** The input ends; with an error, if one is given. */
  end(error: Error | null = null): this {
    this.#arrivals.putNowait(error);
    return this;
  }

  override async readSome(): Promise<Uint8Array<ArrayBuffer> | null> {
    const arrival = await this.#arrivals.get();
    if (arrival instanceof Error) throw arrival;
    return arrival;
  }

  override async writeAll(data: string | Uint8Array): Promise<void> {
    await this.taking.wait();
    if (this.broken !== undefined) throw this.broken;
    this.said += typeof data === "string" ? data : new TextDecoder().decode(data);
  }
}

/** A session under way. */
class Dialogue {
  readonly conn: FakeConn = new FakeConn();
  readonly greenlet: Greenlet<void>;

  constructor(settings: Partial<SessionSettings> = {}) {
    const session = new Session(this.conn, { ...SETTINGS, ...settings });
    this.greenlet = spawn(() => session.run());
  }

  get said(): string {
    return this.conn.said;
  }
}

Deno.test("A session gives half a minute for the token, and no more", async () => {
  await simulate(async (world) => {
    const late = new Dialogue({ token: "t" });
    const early = new Dialogue({ token: "t" });
    await world.advance(29_999);
    early.conn.receive("t\n");
    await world.advance(1);
    assertEquals([late.greenlet.ready, late.said], [true, "token: Wrong token\n"]);
    await world.advance(3_600_000);
    assertEquals([early.greenlet.ready, early.said], [false, "token: >"]);
    await early.greenlet.kill();
  });
});

Deno.test("A session lets the entry go on for lingerTimeout after the end of the input, and kills it then", async () => {
  await simulate(async (world) => {
    const log: string[] = [];
    const dialogue = new Dialogue({ variables: { log } });
    dialogue.conn.receive("try { await sleep(60000) } finally { log.push('cleaned up') }\nlog.push('next')\n")
      .end();
    await world.advance(4_999);
    assertEquals([dialogue.greenlet.ready, log], [false, []]);
    await world.advance(1);
    assertEquals([dialogue.greenlet.ready, log], [true, ["cleaned up"]]);
    const quick = new Dialogue({ variables: { log } });
    quick.conn.receive("await sleep(4000); log.push('in time')\n2\n").end();
    await world.advance(4_000);
    assertEquals([quick.greenlet.ready, log[1], quick.said], [true, "in time", ">2\n>2\n>"]);
  });
});

Deno.test("A session does not linger when the connection breaks", async () => {
  await simulate(async (world) => {
    const log: string[] = [];
    const dialogue = new Dialogue({ variables: { log } });
    dialogue.conn.receive("try { await sleep(60000) } finally { log.push('cleaned up') }\n");
    await world.settle();
    dialogue.conn.end(new Deno.errors.ConnectionReset("reset"));
    await world.settle();
    assertEquals([dialogue.greenlet.ready, log], [true, ["cleaned up"]]);
  });
});

Deno.test("A session ends when it cannot write any more", async () => {
  await simulate(async (world) => {
    const dialogue = new Dialogue();
    dialogue.conn.receive(
      "await sleep(1000); print('x'); try { await sleep(60000) } finally { print('y') }\n",
    );
    await world.settle();
    dialogue.conn.broken = new Deno.errors.BrokenPipe("broken");
    await world.advance(999);
    assert(!dialogue.greenlet.ready);
    await world.advance(1);
    assert(dialogue.greenlet.ready);
  });
});

Deno.test("A killed session leaves an entry that hangs after a quarter of a second, and unsent words after another", async () => {
  await simulate(async (world) => {
    const dialogue = new Dialogue();
    dialogue.conn.receive("await green.shield(() => sleep(60000))\n");
    await world.settle();
    dialogue.conn.taking.clear();
    void dialogue.greenlet.kill(undefined, { block: false });
    await world.advance(499);
    assert(!dialogue.greenlet.ready);
    await world.advance(1);
    assert(dialogue.greenlet.ready);
    await world.advance(60_000); // what was left ends by itself
  });
});

Deno.test("A killed entry has a quarter of a second for its clean-up, which a second kill does not interrupt", async () => {
  await simulate(async (world) => {
    const log: string[] = [];
    const dialogue = new Dialogue({ variables: { log } });
    dialogue.conn.receive(
      "try { await sleep(60000) } finally { await sleep(200); log.push('cleaned up') }\n",
    );
    await world.settle();
    dialogue.conn.receive([255, 244]);
    await world.advance(100);
    void dialogue.greenlet.kill(undefined, { block: false });
    await world.advance(100);
    assertEquals([dialogue.greenlet.ready, log], [true, ["cleaned up"]]);
  });
});

Deno.test("A killed session tells what its entry says in its clean-up, and reports what that throws", async () => {
  await simulate(async (world) => {
    const errors: unknown[] = [];
    getHub().onError = (_context, error) => errors.push(String(error));
    const dialogue = new Dialogue();
    dialogue.conn.receive(
      "try { await sleep(60000) } finally { await sleep(1); print('bye'); throw new Error('late') }\n",
    );
    await world.settle();
    await dialogue.greenlet.kill();
    assertEquals(dialogue.said, ">\nThis session was ended.\nbye\n");
    assertEquals(errors, ["Error: late"]);
  });
});

Deno.test("A session that has come to its end waits until all is sent, but not for ever", async () => {
  await simulate(async (world) => {
    const dialogue = new Dialogue();
    await world.settle();
    dialogue.conn.taking.clear();
    dialogue.conn.receive("print('last words'); quit()\n");
    await world.advance(1_000);
    assert(!dialogue.greenlet.ready);
    dialogue.conn.taking.set();
    await world.settle();
    assertEquals(dialogue.greenlet.ready, true);
    assertStringIncludes(dialogue.said, "last words");

    const deaf = new Dialogue();
    await world.settle();
    deaf.conn.taking.clear();
    deaf.conn.receive("quit()\n");
    await world.advance(60_000);
    assertEquals(deaf.greenlet.ready, true);
  });
});

Deno.test("A session waits but a moment for a client that has no token and reads nothing", async () => {
  await simulate(async (world) => {
    const dialogue = new Dialogue({ token: "t" });
    await world.settle();
    dialogue.conn.taking.clear();
    dialogue.conn.receive("wrong\n");
    await world.advance(1_000);
    assertEquals(dialogue.greenlet.ready, true);
  });
});

Deno.test("A session reads no more than maxLine ahead of what it evaluates", async () => {
  await simulate(async (world) => {
    const log: number[] = [];
    const dialogue = new Dialogue({ variables: { log } });
    dialogue.conn.receive("await sleep(5000)\n");
    for (let i = 0; i < 100; i++) dialogue.conn.receive(`log.push(${i}); undefined\n`.repeat(5));
    await world.settle();
    assert(dialogue.conn.unread > 80, `${dialogue.conn.unread}`);
    await world.advance(5_000);
    assertEquals([dialogue.conn.unread, log.length], [0, 500]);
    await dialogue.greenlet.kill();
  });
});

Deno.test("A session drops what is typed far ahead of an entry that goes on for long, and says so", async () => {
  await simulate(async (world) => {
    const log: number[] = [];
    const dialogue = new Dialogue({ variables: { log } });
    dialogue.conn.receive("await sleep(600000)\n");
    for (let i = 0; i < 100; i++) dialogue.conn.receive(`log.push(${i}); undefined\n`.repeat(5));
    await world.advance(599_000);
    assert(dialogue.conn.unread < 80, `${dialogue.conn.unread}`); // otherwise nobody would hear Ctrl-C, or its end
    await world.advance(1_000);
    await world.settle();
    assert(log.length > 0 && log.length < 500, `${log.length}`);
    assertEquals(dialogue.said.split("Ignored:").length, 2);
    await dialogue.greenlet.kill();
  });
});

Deno.test("A session that is killed where it waits ends, with all of its greenlets", async () => {
  await explore(async () => {
    const log: number[] = [];
    const dialogue = new Dialogue({ variables: { log } });
    dialogue.conn.receive("log.push(1)\nawait sleep(1)\n").receive("[\n2]\nprint('x')\n");
    dialogue.conn.receive("log.push(3); quit()\n");
    await dialogue.greenlet.join();
    assert(dialogue.greenlet.ready);
    // Whoever was killed: nobody is left, and what was evaluated came in order.
    await sleep(1_000);
    const left = [...getHub().tasks()].filter(({ label }) => label.startsWith("backdoor"));
    assertEquals([left.map(String), log.join().replace(/^1?,?3?$/, "")], [[], ""]);
  }, { runs: 300, inject: ["kill"], faults: 2 });
});

Deno.test("A session gives back what it was killed with, after its last words", async () => {
  await simulate(async (world) => {
    const dialogue = new Dialogue();
    await world.settle();
    assertEquals(dialogue.conn.settings, ["no delay: true", "keep-alive: true"]); // what is printed is small
    await dialogue.greenlet.kill("enough");
    assertStringIncludes(String(dialogue.greenlet.value), "enough");
    assertEquals(dialogue.said, ">\nThis session was ended.\n");
  });
});
