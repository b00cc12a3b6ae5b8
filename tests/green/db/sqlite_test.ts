import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  ConnectionPool,
  getHub,
  GreenletExit,
  joinAll,
  simulate,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { busyRetry, type DatabaseSync, sqlite, type SqliteOptions } from "@verdant/green/sqlite";

/** A database in a file of its own, with a table `note (text unique)`; the file goes with it. */
class Database implements Disposable {
  readonly #directory: string = Deno.makeTempDirSync();
  readonly path: string = `${this.#directory}/test.db`;

  constructor() {
    const db = this.open();
    db.exec("pragma journal_mode = wal; create table note (text unique)");
    db.close();
  }

  adapter(options?: SqliteOptions) {
    return sqlite(this.path, options);
  }

  open(options?: SqliteOptions): DatabaseSync {
    return this.adapter(options).connect(new AbortController().signal) as DatabaseSync;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

const insert = (db: DatabaseSync, text: string) => db.prepare("insert into note values (?)").run(text);
const notes = (db: DatabaseSync) =>
  db.prepare("select text from note order by text").all().map(({ text }) => text);
const setting = (db: DatabaseSync, name: string) => Object.values(db.prepare(`pragma ${name}`).get()!)[0];

/** What SQLite throws when another connection holds a lock. */
const busyError = (errcode = 5) => Object.assign(new Error("refused"), { code: "ERR_SQLITE_ERROR", errcode });

Deno.test("sqlite() is named after its file", () => {
  assertEquals(sqlite("a.db").name, "sqlite a.db");
  assertEquals(sqlite(new URL("file:///b.db")).name, "sqlite file:///b.db");
});

Deno.test("sqlite() sets the pragmas of every connection, whatever their values", () => {
  using database = new Database();
  const pragmas = {
    cache_size: -321,
    foreign_keys: false,
    synchronous: "off",
    "main.journal_mode": "delete",
  };
  for (let i = 0; i < 2; i++) {
    const db = database.open({ pragmas });
    assertEquals([setting(db, "cache_size"), setting(db, "foreign_keys")], [-321, 0]);
    assertEquals([setting(db, "synchronous"), setting(db, "journal_mode")], [0, "delete"]);
    db.close();
  }
});

Deno.test("sqlite() lets no pragma smuggle a statement in", () => {
  using database = new Database();
  const names = ["x; drop table note", "", "a.b.c", "1", "journal_mode\n"];
  for (const name of names) {
    assertThrows(() => database.adapter({ pragmas: { [name]: 1 } }), TypeError, JSON.stringify(name));
  }
  const db = database.open({ pragmas: { synchronous: "off'; drop table note; select '" } });
  assertEquals(notes(db), []); // the table is still there
  db.close();
});

Deno.test("sqlite() does not wait for a lock unless it is told to: its thread might hold it", () => {
  using database = new Database();
  const [plain, patient] = [database.open(), database.open({ timeout: 7 })];
  assertEquals([setting(plain, "busy_timeout"), setting(patient, "busy_timeout")], [0, 7]);
  plain.close();
  patient.close();
});

Deno.test("sqlite() opens for reading only if told so", () => {
  using database = new Database();
  const db = database.open({ readOnly: true });
  assertThrows(() => insert(db, "no"), Error, "readonly");
  db.close();
});

Deno.test({
  name: "sqlite().connect() closes what it cannot set up",
  ignore: Deno.build.os !== "linux", // only there the process can see its open files
  fn() {
    using database = new Database();
    assertThrows(
      () => database.open({ pragmas: { "nowhere.cache_size": 1 } }),
      Error,
      "unknown database nowhere",
    );
    assertEquals(openFiles(database.path), 0);
    const db = database.open();
    assert(openFiles(database.path) > 0);
    db.close();
  },
});

/** How many files are open whose names begin with `path`. */
function openFiles(path: string): number {
  const names = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => `/proc/self/fd/${name}`);
  return names.filter((name) => {
    try {
      return Deno.readLinkSync(name).startsWith(path);
    } catch {
      return false; // the list itself
    }
  }).length;
}

Deno.test("sqlite().reset() rolls an open transaction back, and does nothing without one", () => {
  using database = new Database();
  const { reset } = database.adapter();
  const db = database.open();
  insert(db, "committed");
  reset!(db);
  db.exec("begin");
  insert(db, "lost");
  reset!(db);
  assertEquals([notes(db), db.isTransaction], [["committed"], false]);
  db.close();
});

Deno.test("sqlite().check(), isOpen() and close() know a closed connection", () => {
  using database = new Database();
  const { check, isOpen, close } = database.adapter();
  const db = database.open();
  assertEquals([check!(db), isOpen!(db)], [true, true]);
  close(db, false);
  assertEquals([db.isOpen, isOpen!(db)], [false, false]);
  assertThrows(() => check!(db), Error, "not open");
  close(db, true);
});

Deno.test("sqlite() in a pool gives everybody a transaction of his own", async () => {
  using database = new Database();
  await using pool = new ConnectionPool(database.adapter());
  using writer = await pool.lease();
  using reader = await pool.lease();
  writer.exec("begin");
  insert(writer, "new");
  assertEquals([notes(writer), notes(reader)], [["new"], []]);
  writer.exec("commit");
  assertEquals(notes(reader), ["new"]);
});

Deno.test("sqlite() in a pool rolls back what a killed greenlet left open, and reuses its connection", async () => {
  using database = new Database();
  await using pool = new ConnectionPool(database.adapter(), { maxSize: 1 });
  const victim = spawn(async () => {
    using db = await pool.lease();
    db.exec("create temp table mark (x); begin");
    insert(db, "lost");
    await sleep(60_000);
  });
  while (pool.leased === 0) await sleep();
  await sleep();
  await victim.kill();
  using db = await pool.lease();
  assertEquals(notes(db), []);
  assertEquals(db.prepare("select * from mark").all(), []); // a new connection would not have it
});

Deno.test("sqlite() in a pool passes SQLite's own errors on, and reuses the connection", async () => {
  using database = new Database();
  await using pool = new ConnectionPool(database.adapter(), { maxSize: 1 });
  await pool.use((db) => {
    db.exec("create temp table mark (x)");
    insert(db, "twice");
  });
  const error = await pool.use((db) => insert(db, "twice")).catch((error) => error);
  assertEquals([error.errcode, error.code], [2067, "ERR_SQLITE_ERROR"]);
  assertEquals(await pool.use((db) => db.prepare("select * from mark").all()), []);
});

Deno.test("sqlite() in a pool never lends a connection that its user has closed", async () => {
  using database = new Database();
  await using pool = new ConnectionPool(database.adapter(), { maxSize: 1 });
  await pool.use((db) => db.close());
  assertEquals(await pool.use((db) => notes(db)), []);
});

Deno.test("busyRetry() lets the other greenlet commit, which the lock waits for", async () => {
  using database = new Database();
  await using pool = new ConnectionPool(database.adapter());
  const log: string[] = [];
  const write = (name: string) =>
    spawn(() =>
      busyRetry(() =>
        pool.use(async (db) => {
          db.exec("begin immediate");
          log.push(`${name} begins`);
          insert(db, name);
          await sleep(2);
          db.exec("commit");
          log.push(`${name} commits`);
        })
      )
    );
  await joinAll([write("a"), write("b"), write("c")], { raiseError: true });
  const order = log.filter((line) => line.endsWith("commits")).map((line) => line[0]!);
  assertEquals(log, order.flatMap((name) => [`${name} begins`, `${name} commits`]));
  assertEquals(await pool.use(notes), ["a", "b", "c"]);
});

Deno.test("busyRetry() knows every way in which SQLite says busy", async () => {
  using database = new Database();
  const [holder, other] = [database.open(), database.open()];
  const stale = database.open();
  stale.exec("begin");
  notes(stale); // it sees the state of now from here on
  holder.exec("begin immediate");
  insert(holder, "held");
  const ways = [() => other.exec("begin immediate"), () => insert(other, "x"), () => insert(stale, "x")];
  for (const way of ways) {
    let tries = 0;
    const attempt = () => ++tries === 1 ? way() : undefined;
    await busyRetry(attempt);
    assertEquals(tries, 2);
  }
  holder.exec("commit");
  const codes: number[] = [];
  const snapshot = await busyRetry(() => insert(stale, "x"), { timeout: 3 }).catch((error) => error);
  await busyRetry(() => codes.length < 2 ? (codes.push(snapshot.errcode), insert(stale, "x")) : undefined);
  assertEquals(codes, [517, 517]); // SQLITE_BUSY_SNAPSHOT
  for (const db of [holder, other, stale]) db.close();
});

Deno.test("busyRetry() throws any other error at once", async () => {
  const locked = Object.assign(new Error("database is locked"), { code: "ERR_SQLITE_ERROR", errcode: 6 });
  const foreign = new Error("database is locked"); // not SQLite's
  for (const error of [locked, foreign, undefined, "database is locked", new Timeout(1)]) {
    let tries = 0;
    const caught = await busyRetry(() => {
      tries++;
      throw error;
    }).catch((error) => error);
    assert(caught === error);
    assertEquals(tries, 1);
  }
});

Deno.test("busyRetry() pauses 1 ms, then twice as long each time up to 50 ms, for 5 s", async () => {
  const failure = busyError();
  await simulate(async (world) => {
    const times: number[] = [];
    const caught = await busyRetry(() => {
      times.push(world.now);
      throw failure;
    }).catch((error) => error);
    assert(caught === failure);
    assertEquals(times.slice(0, 9), [0, 1, 3, 7, 15, 31, 63, 113, 163]);
    assertEquals([times.at(-2), times.at(-1)], [4963, 5000]);
  });
});

Deno.test("busyRetry() returns what the first try in order returns", async () => {
  await simulate(async (world) => {
    let tries = 0;
    const result = await busyRetry(async () => {
      await sleep(10);
      if (++tries < 3) throw busyError();
      return tries;
    });
    assertEquals([result, world.now], [3, 33]);
  });
});

Deno.test("busyRetry() ends in time: with SQLite's error, or with the Timeout that was the limit", async () => {
  const failure = busyError();
  const refuse = () => {
    throw failure;
  };
  await simulate(async (world) => {
    assert(await busyRetry(refuse, { timeout: 10 }).catch((error) => error) === failure);
    assertEquals(world.now, 10);
    assert(await busyRetry(refuse, { timeout: 0 }).catch((error) => error) === failure);
    const limit = new Timeout(20);
    assert(await busyRetry(refuse, { timeout: limit }).catch((error) => error) === limit);
    assertEquals(world.now, 30);
    using running = Timeout.start(5);
    assert(await busyRetry(refuse).catch((error) => error) === running);
    assertEquals(world.now, 35);
    using limited = Timeout.start(10);
    await sleep(5);
    assert(await busyRetry(refuse, { timeout: limited }).catch((error) => error) === limited);
    assertEquals(world.now, 45); // its own time counts, which had begun before
  });
});

Deno.test("busyRetry() is killed and aborted in a pause", async () => {
  await simulate(async () => {
    let tries = 0;
    const refuse = () => {
      tries++;
      throw busyError();
    };
    const controller = new AbortController();
    const victim = spawn(() => busyRetry(refuse, { timeout: Infinity }));
    const aborted = spawn(() => busyRetry(refuse, { timeout: Infinity, signal: controller.signal }));
    const joined = spawn(() => assertRejects(() => aborted.get(), Error, "enough"));
    await sleep(1000);
    using _reports = mute();
    controller.abort(new Error("enough"));
    await victim.kill();
    await joined.get();
    assertInstanceOf(victim.value, GreenletExit);
    const before = tries;
    await sleep(1000);
    assertEquals(tries, before);
    await assertRejects(() => busyRetry(refuse, { signal: AbortSignal.abort(new Error("no")) }), Error, "no");
    assertEquals(tries, before + 1); // the first try is no pause
  });
});

/** An aborted greenlet fails, which is not to be printed here. */
function mute(): Disposable {
  const hub = getHub();
  const { onError } = hub;
  hub.onError = () => {};
  return { [Symbol.dispose]: () => void (hub.onError = onError) };
}

Deno.test("busyRetry() refuses bad arguments at the call", () => {
  assertThrows(() => busyRetry(5 as never), TypeError, "Cannot retry: fn must be a function, received 5");
  assertThrows(() => busyRetry(() => {}, { timeout: -1 }), RangeError, "-1");
});
