/** Kills and time-outs: a read takes nothing, a write is complete or not begun, and the order stays. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  explore,
  type Greenlet,
  joinAll,
  open,
  Queue,
  sleep,
  spawn,
  type TextFile,
  Timeout,
} from "@verdant/green";
import { turn } from "../../helpers.ts";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";
import { ScriptedFile } from "./scripted_file.ts";
import { TempFolder } from "./temp_folder.ts";

Deno.test("GreenFile.readLine() that is killed loses nothing: the next one gets the line", async () => {
  const raw = new ScriptedFile();
  raw.endless = true;
  await using file = raw.text();
  const victim = spawn(() => file.readLine());
  await sleep();
  raw.grow("hel");
  await turn();
  await victim.kill();
  const next = spawn(() => file.readLine());
  await sleep();
  raw.grow("lo\nwor");
  assertEquals(await next.get(), "hello");
  await assertRejects(() => file.readLine({ timeout: 1 }), Timeout, "reading from scripted");
  raw.grow("ld\n");
  assertEquals(await file.readLine(), "world");
});

Deno.test("GreenFile.readLine() with timeout 0 has the platform look, and the next one finds it", async () => {
  const raw = new ScriptedFile("a\nb\n");
  await using file = raw.text();
  await assertRejects(() => file.readLine({ timeout: 0 }), Timeout);
  await turn();
  assertEquals([await file.readLine({ timeout: 0 }), raw.log], ["a", ["read"]]);
  assertEquals(await file.readLine({ timeout: 0 }), "b");
});

Deno.test("GreenFile tells the end to the next reader if the one it came for had left", async () => {
  const raw = new ScriptedFile();
  raw.holds = true;
  const file = raw.text();
  const victim = spawn(() => file.readLine());
  await sleep();
  await victim.kill();
  raw.go(); // the end: a terminal says it once
  await turn();
  raw.grow("more\n");
  assertEquals(await file.readLine({ timeout: 0 }), null);
  raw.holds = false;
  assertEquals(await file.readLine(), "more");
  await file.close();
});

Deno.test("GreenFile forgets an end that nobody was told when it goes elsewhere or writes", async () => {
  for (const act of [(file: TextFile) => file.seek(0), (file: TextFile) => file.write("d")]) {
    const raw = new ScriptedFile("abc");
    const file = raw.text({ bufferSize: 0 });
    await file.read();
    raw.holds = true;
    const victim = spawn(() => file.readLine());
    await sleep();
    await victim.kill();
    raw.holds = false;
    raw.go();
    await act(file);
    raw.grow("e");
    assert(await file.read(1) !== null);
    await file.close();
  }
});

Deno.test("GreenFile does not hold back the process for a read that nobody waits for", async () => {
  const raw = new ScriptedFile();
  raw.endless = true;
  await using file = raw.text();
  const states: boolean[] = [];
  const note = () => states.push(raw.referenced);
  const first = spawn(() => file.readLine());
  const second = spawn(() => file.readLine());
  await sleep();
  note();
  await first.kill();
  note();
  await second.kill();
  note();
  const third = spawn(() => file.readLine());
  await sleep();
  note();
  raw.grow("x\n");
  await third.get();
  await assertRejects(() => file.readLine({ timeout: 0 }), Timeout);
  note();
  assertEquals([states, raw.log.length], [[true, true, false, true, false], 2]);
});

Deno.test("GreenFile.write() that is killed while it waits for its turn is not begun", async () => {
  const raw = new ScriptedFile();
  raw.holds = true;
  const file = raw.text({ bufferSize: 0 });
  const writers = ["a", "b", "c"].map((text) => spawn(() => file.write(text)));
  await sleep();
  await writers[1]!.kill();
  raw.holds = false;
  raw.go();
  await joinAll(writers);
  await file.close();
  assertEquals(raw.said, "ac");
});

Deno.test("GreenFile.write() that is killed while it is written is written to its end, before what follows", async () => {
  const raw = new ScriptedFile();
  raw.most = 2;
  raw.holds = true;
  const file = raw.text({ bufferSize: 0 });
  const victim = spawn(() => file.write("abcdef"));
  await sleep();
  raw.go();
  await turn();
  await victim.kill();
  const next = spawn(() => file.write("X"));
  raw.holds = false;
  raw.go();
  await next.get();
  assertEquals(raw.said, "abcdefX");
  await file.close();
});

Deno.test("GreenFile.write() that was killed, and then failed, is tried again by what follows", async () => {
  const raw = new ScriptedFile();
  raw.most = 2;
  raw.holds = true;
  const file = raw.text({ bufferSize: 16 });
  const victim = spawn(() => file.write("abcdefghijklmnopqrst"));
  await sleep();
  raw.go();
  await turn();
  await victim.kill();
  raw.break(new Error("Input/output error (os error 5)"));
  raw.holds = false;
  await file.write("X");
  await file.close();
  assertEquals(raw.said, "abcdefghijklmnopqrstX");
});

Deno.test("GreenFile.write() that is killed while older bytes are written is not begun", async () => {
  const raw = new ScriptedFile();
  const file = raw.text({ bufferSize: 4 });
  await file.write("abc");
  raw.holds = true;
  const victim = spawn(() => file.write("defg"));
  await sleep();
  assertEquals(raw.underWay, "write abc");
  await victim.kill();
  raw.go();
  raw.holds = false;
  await file.close();
  assertEquals(raw.said, "abc");
});

Deno.test("GreenFile.seek() that is killed is done if it has begun, otherwise not", async () => {
  const raw = new ScriptedFile("0123456789");
  raw.holds = true;
  await using file = raw.text();
  const begun = spawn(() => file.seek(5));
  const waiting = spawn(() => file.seek(2));
  await sleep();
  await waiting.kill();
  await begun.kill();
  raw.holds = false;
  raw.go();
  assertEquals(await file.read(), "56789");
});

for (const most of [1, 3, Infinity]) {
  interruptAnywhere(`GreenFile.read(), ${most} bytes at a time,`, () => {
    const raw = new ScriptedFile("0123456789äöü€😀\nline\n");
    const all = raw.said;
    raw.most = most;
    const file = raw.text();
    let got = "";
    return {
      async victim() {
        for (const count of [1, 3, 2, 8]) {
          const text = await file.read(count);
          got += text;
        }
        const line = await file.readLine();
        got += `${line}\n`;
      },
      async check() {
        assertEquals(got + await file.read(), all);
        await file.close();
      },
    };
  });
}

/** Says of what was written by several whether it is whole records, in the order of each writer. */
function checkRecords(said: string, done: Record<string, number>): void {
  const seen: Record<string, number> = {};
  for (const [, name, number] of said.matchAll(/<(\w)(\d):\1{1,9}>|([^])/g)) {
    assert(name !== undefined, `torn: ${said}`);
    assertEquals(Number(number), (seen[name] ?? 0) + 1, `out of order or twice: ${said}`);
    seen[name] = Number(number);
  }
  for (const [name, count] of Object.entries(done)) {
    const written = seen[name] ?? 0;
    assert(
      written === count || written === count + 1,
      `${name} was told ${count}, ${written} are there: ${said}`,
    );
  }
}

const SIZES = [1, 9, 2, 5];

async function writeRecords(file: TextFile, name: string, done: Record<string, number>): Promise<void> {
  done[name] = 0;
  for (const [i, size] of SIZES.entries()) {
    await file.write(`<${name}${i + 1}:${name.repeat(size)}>`);
    done[name]++;
  }
}

for (const bufferSize of [0, 8, 16]) {
  interruptAnywhere(`GreenFile.write() with a buffer of ${bufferSize}`, () => {
    const raw = new ScriptedFile();
    raw.most = 3;
    const file = raw.text({ bufferSize });
    const done: Record<string, number> = {};
    return {
      async victim() {
        await using own = file;
        await writeRecords(own, "a", done);
      },
      async check(interrupted) {
        await file.close();
        assertEquals(raw.closes, 1);
        checkRecords(raw.said, done);
        if (!interrupted) assertEquals(done, { a: SIZES.length });
      },
    };
  });
}

/** A file whose operations are done by a greenlet, when it is its turn. */
function slowFile(content = ""): { raw: ScriptedFile; disk: Greenlet } {
  const raw = new ScriptedFile(content);
  raw.holds = true;
  raw.most = 4;
  const orders = new Queue<number>();
  raw.onHold = () => orders.putNowait(1);
  const disk = spawn(async () => {
    for (;;) {
      await orders.get();
      await sleep();
      raw.go();
    }
  });
  return { raw, disk };
}

Deno.test("GreenFile: under any schedule and any kill nothing that is read is lost or read twice", async () => {
  const victims = new WeakSet<Greenlet>();
  const report = await explore(async () => {
    const { raw, disk } = slowFile("0123456789abcdefghij");
    const file = raw.text();
    const got: string[] = [];
    const readers = [1, 2, 3].map((count) =>
      spawn(async () => {
        for (let i = 0; i < 2; i++) {
          const text = await file.read(count);
          got.push(text!);
        }
      })
    );
    for (const reader of readers) victims.add(reader);
    await joinAll(readers);
    got.push(await file.read());
    assertEquals([...got.join("")].sort().join(""), "0123456789abcdefghij");
    for (const piece of got) assert("0123456789abcdefghij".includes(piece), piece);
    await file.close();
    await disk.kill();
  }, { runs: 400, inject: ["kill", "timeout"], victims: (greenlet) => victims.has(greenlet) });
  assertEquals(report.runs, 400);
});

Deno.test("GreenFile: under any schedule and any kill what is written is whole and in order", async () => {
  const victims = new WeakSet<Greenlet>();
  const report = await explore(async () => {
    const { raw, disk } = slowFile();
    const file = raw.text({ bufferSize: 8 });
    const done: Record<string, number> = {};
    const writers = ["a", "b"].map((name) => spawn(writeRecords, file, name, done));
    const flusher = spawn(() => file.flush());
    for (const writer of [...writers, flusher]) victims.add(writer);
    await joinAll([...writers, flusher]);
    await file.close();
    checkRecords(raw.said, done);
    await disk.kill();
  }, { runs: 400, inject: ["kill", "timeout"], victims: (greenlet) => victims.has(greenlet) });
  assertEquals(report.runs, 400);
});

function makePipe(folder: TempFolder): string {
  const path = folder.file("pipe");
  new Deno.Command("mkfifo", { args: [path] }).outputSync();
  return path;
}

Deno.test("open() that is killed closes what is opened afterwards", async () => {
  using folder = new TempFolder();
  const path = makePipe(folder);
  const victim = spawn(() => open(path)); // until somebody writes
  await sleep();
  await victim.kill();
  using writer = await Deno.open(path, { write: true });
  await assertRejects(async () => {
    for (;;) {
      await writer.write(new Uint8Array(1));
      await turn();
    }
  }, Deno.errors.BrokenPipe);
});

Deno.test("GreenFile.read() of a pipe that is killed loses nothing", async () => {
  using folder = new TempFolder();
  const path = makePipe(folder);
  const opening = spawn(() => open(path));
  using writer = await Deno.open(path, { write: true });
  await using file = await opening.get();
  await assertRejects(() => file.readLine({ timeout: 1 }), Timeout, `reading from ${path}`);
  const victim = spawn(() => file.readLine());
  await sleep();
  await victim.kill();
  await writer.write(new TextEncoder().encode("one\ntwo\n"));
  assertEquals([await file.readLine(), await file.readLine()], ["one", "two"]);
  await assertRejects(() => file.readLine({ timeout: 1 }), Timeout);
  await file.close(); // although a read is under way
});
