/** What a session does with what is typed. */
import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { Event, getHub, Greenlet, named, Queue, sleep, spawnRaw, spawnWith } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, eventually } from "../network.ts";
import { Client, PROMPT, startBackdoor } from "./client.ts";

Deno.test("A session evaluates expressions and statements, with top-level await", async () => {
  const app = { users: 41, load: () => Promise.resolve("loaded") };
  await using server = await startBackdoor({ locals: { app } });
  using client = await Client.enter(server);
  assertEquals(await client.ask("app.users + 1"), "42\n");
  assertEquals(await client.ask("app.users = 7"), "7\n");
  assertEquals(app.users, 7);
  assertEquals(await client.ask("await app.load()"), '"loaded"\n');
  assertEquals(await client.ask("app.load()"), '"loaded"\n');
  assertEquals(await client.ask("let x = 5"), "");
  assertEquals(await client.ask("x * 2; x * 3"), "15\n");
  assertEquals(await client.ask("for (const i of [1, 2]) print(i)"), "1\n2\n");
  assertEquals(await client.ask("undefined"), "");
  assertEquals(await client.ask("null"), "null\n");
  assertEquals(await client.ask(""), "");
  assertEquals(await client.ask("  // nothing"), "");
  assertEquals(await client.ask('"a\\tb"'), '"a\\tb"\n');
  assertEquals(await client.ask("(await import('node:path')).posix.sep"), '"/"\n');
});

Deno.test("A session wants more lines until an entry is complete; an empty one gives up", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  assertEquals(await client.ask("function twice(n) {", "  return 2 * n;", "}"), "");
  assertEquals(await client.ask("twice(", "21", ")"), "42\n");
  assertEquals(await client.ask("`a", "b`"), '"a\\nb"\n');
  assertEquals(await client.ask("[1,", ""), "Uncaught SyntaxError: Unexpected end of input\n");
  assertEquals(await client.ask("1 +", "2"), "3\n");
});

Deno.test("A session keeps the last value that is not undefined in _", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  assertEquals(await client.ask("_"), "");
  assertEquals(await client.ask("6 * 7"), "42\n");
  await client.ask("undefined");
  await client.ask("nope");
  assertEquals(await client.ask("_ + 1"), "43\n");
  assertEquals(await client.ask("_"), "43\n");
});

Deno.test("A session prints errors and goes on", async () => {
  using errors = captureErrors();
  const locals = {
    fails: () => {
      throw new TypeError("from the program");
    },
  };
  await using server = await startBackdoor({ locals });
  using client = await Client.enter(server);
  assertEquals(await client.ask("a b"), "Uncaught SyntaxError: Unexpected identifier 'b'\n");
  assertEquals(
    await client.ask("nope"),
    "Uncaught ReferenceError: nope is not defined\n    at entry-1:1:1\n",
  );
  assertEquals(await client.ask("{ throw 5 }"), "Uncaught 5\n");
  assertEquals(
    await client.ask("await Promise.reject(new Error('a\\nb'))"),
    "Uncaught Error: a\nb\n    at entry-3:1:22\n",
  );
  const [first, second, third] = (await client.ask("let f = () => {", "  fails() }; f()")).split("\n");
  assertEquals(first, "Uncaught TypeError: from the program");
  assertMatch(second!, /at .*fails .*session_test\.ts:\d+/);
  assertMatch(third!, /at f entry-4:2:3/);
  for (
    const hostile of [
      "throw new Proxy({}, { getPrototypeOf() { throw 1 }, get() { throw 2 } })",
      "({ [Symbol.for('Deno.customInspect')]() { throw new Error('no') } })",
      "throw { toString() { throw 1 }, get stack() { throw 2 }, get message() { throw 3 } }",
      "throw Object.assign(new Error('x'), { stack: 5 })",
      "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { throw 1 } }); throw e",
      "throw undefined",
      "throw new green.Timeout ? new Timeout(1) : 1",
    ]
  ) assert((await client.ask(hostile)).length > 0, hostile);
  assertEquals(await client.ask("1 + 1"), "2\n");
  assertEquals(errors.seen, []);
});

Deno.test("A session survives a GreenletExit that an entry throws", async () => {
  await using server = await startBackdoor({
    locals: { exit2: new (await import("@verdant/green")).GreenletExit("me") },
  });
  using client = await Client.enter(server);
  assertStringIncludes(await client.ask("throw exit2"), "GreenletExit: me\n");
  assertEquals(await client.ask("1 + 1"), "2\n");
});

Deno.test("A session shows a greenlet in a line, and does not await it", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  assertMatch(
    await client.ask("g = spawn(() => sleep(60000))"),
    /^#\d+ Greenlet-\d+(, waiting for sleep.*)?\n$/,
  );
  assertEquals(await client.ask("kill(g)"), "true\n");
  assertMatch(await client.ask("g"), /^#\d+ Greenlet-\d+, ended\n$/);
});

// ---- Commands ----------------------------------------------------------------------------------------

Deno.test("help() tells what there is; a command that is not called tells how to", async () => {
  await using server = await startBackdoor({ locals: { app: 1 } });
  using client = await Client.enter(server);
  const help = await client.ask("help()");
  for (const name of ["greenlets()", "dump()", "kill(5)", "quit()", "print(a, b)", "_ ", "Here:", "app"]) {
    assertStringIncludes(help, name);
  }
  assertFalse(help.includes("\t"));
  assertEquals(await client.ask("quit"), "quit() ends the session\n");
  // What help() names is there.
  for (const name of help.split("Here: ")[1]!.trim().split(", ").filter((name) => name !== "_")) {
    assertEquals(await client.ask(`typeof ${name} !== "undefined"`), "true\n");
  }
});

Deno.test("greenlets() lists the greenlets in columns, and dump() shows the tree", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  const jobs = named(new Queue<void>(), "jobs");
  await using worker = spawnWith({ name: "worker" }, () => jobs.get());
  await sleep();
  const lines = (await client.ask("greenlets()")).trimEnd().split("\n");
  assertMatch(lines[0]!, /^id +state +name +waits for$/);
  const column = lines[0]!.indexOf("waits for");
  const row = lines.find((line) => line.startsWith(`${worker.id} `))!;
  assertMatch(row, /^\d+ +waiting +worker +Queue\(jobs\) get/);
  assertEquals(row.indexOf("Queue"), column);
  assertEquals(lines.filter((line) => line.includes("(this session)")).length, 4);
  const dump = await client.ask("dump()");
  assertMatch(dump, new RegExp(`#${worker.id} worker .*Queue\\(jobs\\) get`));
  assertMatch(dump, /backdoor session of 127\.0\.0\.1:\d+/);
});

Deno.test("kill() kills a greenlet by its number or itself, and says whether it has ended", async () => {
  const release = new Event();
  const stubborn = spawnWith({ name: "stubborn" }, async () => {
    for (;;) {
      try {
        return void await release.wait();
      } catch {
        // It goes on.
      }
    }
  });
  const worker = spawnWith({ name: "worker" }, () => sleep(60_000));
  let raw = -1;
  spawnRaw(async function rawOne() {
    raw = (await import("../../../hub/mod.ts")).callerTask().id;
    await release.wait();
  });
  await using server = await startBackdoor({ locals: { worker } });
  using client = await Client.enter(server);
  assertEquals(await client.ask(`kill(${worker.id})`), "true\n");
  assert(worker.dead);
  assertEquals(await client.ask(`kill(worker)`), "true\n");
  assertEquals(
    await client.ask(`kill(${worker.id})`),
    `There is no greenlet ${worker.id}: greenlets() lists them\nfalse\n`,
  );
  assertEquals(await client.ask("kill('5')"), "There is no greenlet 5: greenlets() lists them\nfalse\n");
  assertStringIncludes(await client.ask("kill()"), "There is no greenlet undefined");
  assertEquals(
    await client.ask(`kill(${stubborn.id})`),
    `#${stubborn.id} stubborn has been killed, but has not ended yet\nfalse\n`,
  );
  assertEquals(
    await client.ask(`kill(${raw})`),
    `#${raw} rawOne was spawned by spawnRaw(): it cannot be killed\nfalse\n`,
  );
  release.set();
  await stubborn.join();
});

Deno.test("kill() refuses the greenlets of its own session, but takes another one", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  using other = await Client.enter(server);
  const own = (await client.ask("greenlets()")).split("\n").filter((line) => line.includes("(this session)"));
  assertEquals(own.length, 4);
  for (const line of own.slice(0, 3)) { // the fourth was the entry, which has ended
    const id = Number(line.split(" ")[0]);
    assertEquals(await client.ask(`kill(${id})`), `#${id} belongs to this session: quit() ends it\nfalse\n`);
  }
  assertMatch(await client.ask("kill(getCurrent())"), /belongs to this session/);
  const session = [...getHub().tasks()].filter(({ label }) => label.startsWith("backdoor session of")).at(
    -1,
  )!;
  assertEquals(await client.ask(`kill(${session.id})`), "true\n");
  assertEquals(await other.rest(), "\nThis session was ended.\n");
  assertEquals([await client.ask("1 + 1"), server.running], ["2\n", 1]);
});

Deno.test("A session ends if another one kills its reader or its writer", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  for (const name of ["backdoor reader", "backdoor writer"]) {
    using other = await Client.enter(server);
    const helper = [...getHub().tasks()].filter(({ label }) => label === name).at(-1)!;
    assertEquals(await client.ask(`kill(${helper.id})`), "true\n");
    await other.rest();
  }
  await eventually(() => server.running === 1);
});

Deno.test("quit() and exit() end the session, whatever the entry does then", async () => {
  await using server = await startBackdoor();
  for (
    const entry of [
      "quit()",
      "exit()",
      "try { quit() } finally { print('on the way') }",
      "print('on the way'); quit(); 1",
    ]
  ) {
    using client = await Client.enter(server);
    await client.type(`${entry}\nprint("not any more")\n`);
    assertEquals(await client.rest(), entry.includes("way") ? "on the way\n" : "");
  }
  using client = await Client.enter(server);
  await client.type("spawn(() => quit()); 5\n");
  const rest = await client.rest();
  assert(rest === "5\n" || rest === `5\n${PROMPT}`, rest);
  await eventually(() => server.running === 0);
});

Deno.test("import() in an entry is relative to the program", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  assertEquals(await client.ask("(await import('node:path')).posix.sep"), '"/"\n');
  assertEquals(
    await client.ask("const { default: five } = await import('data:text/javascript,export default 5')"),
    "",
  );
  assertEquals(await client.ask("five"), "5\n");
  const missing = new URL("./is/not/there.ts", Deno.mainModule).href;
  assertStringIncludes(
    await client.ask("import('./is/not/there.ts').catch(({ message }) => print(message))"),
    missing,
  );
  assertEquals(await client.ask("import('./nowhere/%').catch(() => 5)"), "5\n");
});

// ---- Output ------------------------------------------------------------------------------------------

Deno.test("print() and console write to the session only, also from greenlets that it has spawned", async () => {
  const printed: unknown[] = [];
  const { log } = console;
  console.log = (...values) => void printed.push(...values);
  try {
    const locals = { shout: () => console.log("the program's own") };
    await using server = await startBackdoor({ locals });
    using one = await Client.enter(server);
    using two = await Client.enter(server);
    assertEquals(
      await one.ask("print('a', 1); console.log('b', [2]); console.error('c')"),
      "a 1\nb [ 2 ]\nc\n",
    );
    assertEquals(await one.ask("shout()"), "");
    assertEquals(
      await one.ask("g = spawn(async () => { await sleep(1); console.log('later') }); await g.join(); 1"),
      "later\n1\n",
    );
    assertEquals(await two.ask("1"), "1\n");
  } finally {
    console.log = log;
  }
  assertEquals(printed, ["the program's own"]);
});

Deno.test("Sessions have variables of their own, and share what these refer to", async () => {
  const locals = { app: { n: 1 }, n: 1 };
  await using server = await startBackdoor({ locals });
  using one = await Client.enter(server);
  using two = await Client.enter(server);
  await one.ask("n = 2; let mine = 3; app.n = 4");
  assertEquals([await one.ask("[n, mine, app.n]"), await two.ask("[n, app.n]")], [
    "[ 2, 3, 4 ]\n",
    "[ 1, 4 ]\n",
  ]);
  assertStringIncludes(await two.ask("mine"), "ReferenceError");
  assertEquals(await two.ask("_"), "[ 1, 4 ]\n");
  assertEquals([locals.n, Object.keys(locals)], [1, ["app", "n"]]);
});

Deno.test("What a greenlet prints after the end of its session is dropped", async () => {
  const locals = { go: new Event(), done: false, self: undefined as unknown };
  const target = { done: false };
  await using server = await startBackdoor({ locals: { ...locals, target } });
  using client = await Client.enter(server);
  await client.ask("spawn(async () => { await go.wait(); print('nobody hears it'); target.done = true }); 1");
  await client.type("quit()\n");
  assertEquals(await client.rest(), "");
  locals.go.set();
  await eventually(() => target.done);
});

Deno.test("Errors of greenlets that a session has spawned go where all go", async () => {
  using errors = captureErrors();
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  await client.ask("spawn(() => { throw new Error('lost') }); 1");
  await eventually(() => errors.seen.length > 0);
  assertEquals((errors.seen[0] as Error).message, "lost");
});

Deno.test("A client that does not read is not waited for without limit: what is too much is dropped", async () => {
  await using server = await startBackdoor();
  using client = await Client.enter(server);
  const flood = "for (let i = 0; i < 300; i++) print(`${i} `.padEnd(100000, 'x')); 'over'";
  const text = await client.ask(flood);
  assert(text.length < 2 * 1024 * 1024, `${text.length}`);
  assert(text.startsWith("0 xxx"));
  assertMatch(text, /\(\d+ characters were dropped: they came faster than they were read\)\n/);
  const dropped = Number(/\((\d+) characters were dropped/.exec(text)![1]);
  const notice = /\n\(\d+ .*\)\n/.exec(text)![0].length;
  assertEquals(dropped + text.length - notice, 300 * 100_001 + '"over"\n'.length);
  assertEquals(await client.ask("1 + 1"), "2\n");
});

Deno.test("The banner and the prompt are those of the options", async () => {
  await using server = await startBackdoor({ banner: "hello\nyou", prompt: "# " });
  using client = await Client.dial(server);
  assertEquals(await client.upTo("# "), "hello\nyou\n");
  await using plain = await startBackdoor({ banner: undefined });
  using guest = await Client.dial(plain);
  assertMatch(
    await guest.upTo(PROMPT),
    new RegExp(`^Backdoor of process ${Deno.pid}, Deno [\\d.]+: help\\(\\).*\n$`),
  );
});

// ---- Ends --------------------------------------------------------------------------------------------

Deno.test("An entry that hangs is killed by Ctrl-C of telnet, and cleans up", async () => {
  const log: string[] = [];
  await using server = await startBackdoor({ locals: { log } });
  using client = await Client.enter(server);
  for (const hang of ["new Promise(() => {})", "sleep(60000)", "new sync.Event().wait()"]) {
    await client.type(`try { log.push("begun"); await ${hang} } finally { log.push("cleaned up") }\n`);
    await eventually(() => log.length > 0);
    await client.type([255, 244, 255, 253, 6]);
    const foreign = hang.startsWith("new Promise");
    const text = await client.upTo(PROMPT);
    assertStringIncludes(text, "GreenletExit: ");
    assertStringIncludes(text, "interrupted");
    assertEquals(log.splice(0), foreign ? ["begun"] : ["begun", "cleaned up"]);
  }
  assertEquals(await client.ask("1 + 1"), "2\n");
});

Deno.test("Ctrl-C drops what has been typed ahead, and the lines of an entry that is not complete", async () => {
  const log: unknown[] = [];
  await using server = await startBackdoor({ locals: { log } });
  using client = await Client.enter(server);
  await client.type("log.push(1); await sleep(60000)\nlog.push(2)\nlog.push(");
  await eventually(() => log.length === 1);
  await client.type([255, 244]);
  await client.upTo(PROMPT);
  assertEquals(await client.ask("log.push(4)"), "2\n");
  await client.type("log.push(\n");
  await client.upTo("... ");
  await client.type([255, 244]);
  assertEquals(await client.upTo(PROMPT), "\n");
  assertEquals(await client.ask("log"), "[ 1, 4 ]\n");
});

Deno.test("The end of the connection kills what runs, also a hanging promise", async () => {
  for (const hang of ["new Promise(() => {})", "sleep(60000)"]) {
    const log: string[] = [];
    await using server = await startBackdoor({ locals: { log }, lingerTimeout: 0 });
    const client = await Client.enter(server);
    await client.type(
      `try { log.push("begun"); await ${hang} } finally { log.push("cleaned up") }\nlog.push("next")\n`,
    );
    await eventually(() => log.length === 1);
    client.conn.close();
    await eventually(() => server.running === 0);
    assertEquals(log, hang.startsWith("new") ? ["begun"] : ["begun", "cleaned up"]);
  }
});

Deno.test("A client that writes into a closed connection ends the session at once, whatever lingerTimeout is", async () => {
  await using server = await startBackdoor({ lingerTimeout: 3_600_000 });
  const client = await Client.enter(server);
  await client.type("for (;;) { print('tick'); await sleep(1) }\n");
  await client.upTo("tick\n");
  client.conn.close();
  await eventually(() => server.running === 0);
});

Deno.test("After the end of the input, what was typed is still evaluated, also half a line", async () => {
  await using server = await startBackdoor();
  using client = await Client.dial(server);
  await client.type("let x = 20\nawait sleep(20); x\nx + 1\nx + 22");
  await client.conn.closeWrite();
  assertEquals(await client.rest(), ">>> >>> 20\n>>> 21\n>>> 42\n>>> ");
});

Deno.test("An error of an entry that nobody is told of is reported", async () => {
  using errors = captureErrors();
  const log: string[] = [];
  await using server = await startBackdoor({ locals: { log }, lingerTimeout: 0 });
  const client = await Client.enter(server);
  await client.type("try { log.push(1); await sleep(60000) } finally { throw new Error('cleaning up') }\n");
  await eventually(() => log.length === 1);
  client.conn.close();
  await eventually(() => errors.seen.length > 0);
  assertEquals(errors.seen.map(String), ["Error: cleaning up"]);
});

Deno.test("stop() ends all sessions, also with entries that hang, and says so", async () => {
  using errors = captureErrors();
  const log: string[] = [];
  const server = await startBackdoor({ locals: { log } });
  const clients = await Promise.all([1, 2, 3].map(() => Client.enter(server)));
  await clients[0]!.type("try { log.push(1); await sleep(60000) } finally { await sleep(1); log.push(2) }\n");
  await clients[1]!.type("log.push(3); await new Promise(() => {})\n");
  await eventually(() => log.length === 2);
  await server.stop();
  assertEquals([server.running, log.toSorted().join()], [0, "1,2,3"]);
  for (const client of clients) {
    assertEquals(await client.rest(), "\nThis session was ended.\n");
    client[Symbol.dispose]();
  }
  assertEquals(errors.seen, []);
  await assertIdleSoon();
});

Deno.test("An entry may stop the server that it runs in", async () => {
  using errors = captureErrors();
  const server = await startBackdoor({ locals: { stop: () => server.stop() } });
  using client = await Client.enter(server);
  await client.type("await stop()\n");
  assertEquals(await client.rest(), "\nThis session was ended.\n");
  await eventually(() => server.running === 0);
  await assertIdleSoon();
  assertEquals(errors.seen, []);
  assert(server.closed && Greenlet !== undefined);
});
