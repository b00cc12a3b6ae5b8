/** Bad input to subprocesses: refused at the call, with the class, the value and nothing started. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  call,
  checkCall,
  checkOutput,
  getHub,
  getOutput,
  PipeReader,
  PipeWriter,
  run,
  sleep,
  spawnProcess,
} from "@verdant/green";
import { assertIdle, bytes } from "../network.ts";
import { children } from "./processes.ts";

// deno-lint-ignore no-explicit-any -- what the types forbid is what is tested
type Any = any;

const nap = ["sleep", "60"];
const pipe = new PipeReader("pipe", new ReadableStream());
const out = new PipeWriter("pipe", new WritableStream());

const RUN = "Cannot run command:";
const TIME = "must be 0 or more milliseconds, received";
const SIZE = "or Infinity, received";

/** Calls by what they are to say. */
const refused: [call: () => unknown, Class: new (message: string) => Error, message: string][] = [
  // Commands
  [() => run([]), TypeError, `${RUN} the program must have a name, received []`],
  [() => run(""), TypeError, `${RUN} the program must have a name, received ""`],
  [() => run(["", "x"]), TypeError, `${RUN} the program must have a name, received ["","x"]`],
  [() => run(5 as Any), TypeError, `${RUN} it must be a string or an array of strings, received 5`],
  [
    () => run(undefined as Any),
    TypeError,
    `${RUN} it must be a string or an array of strings, received undefined`,
  ],
  [() => run(["ls", 5] as Any), TypeError, `array of strings, received ["ls",5]`],
  [() => run(["ls"], { shell: true }), TypeError, `${RUN} for a shell it must be a string, received ["ls"]`],
  [() => spawnProcess([]), TypeError, `${RUN} the program must have a name, received []`],
  [() => checkOutput([]), TypeError, `${RUN} the program must have a name`],
  [() => call([]), TypeError, `${RUN} the program must have a name`],
  [() => checkCall([]), TypeError, `${RUN} the program must have a name`],
  [() => getOutput(["ls"] as Any), TypeError, `${RUN} for a shell it must be a string, received ["ls"]`],
  // Options
  [
    () => run(nap, { stdin: "piped" as Any }),
    TypeError,
    `stdin must be "pipe", "inherit" or "null", received "piped"`,
  ],
  [() => run(nap, { stdout: 1 as Any }), TypeError, `stdout must be "pipe", "inherit" or "null", received 1`],
  [() => run(nap, { stdout: "stdout" as Any }), TypeError, `or "null", received "stdout"`],
  [
    () => run(nap, { stderr: "x" as Any }),
    TypeError,
    `stderr must be "pipe", "inherit", "null" or "stdout", received "x"`,
  ],
  [
    () => run(nap, { stderr: "stdout", stdout: "inherit" }),
    TypeError,
    `${RUN} with stderr "stdout", stdout must be`,
  ],
  [
    () => run(nap, { input: "x", stdin: "null" }),
    TypeError,
    `${RUN} with input, stdin must be "pipe", received "null"`,
  ],
  [() => run(nap, { input: 5 as Any }), TypeError, "input must be a Uint8Array or a string, received 5"],
  [
    () => run(nap, { encoding: "latin1" as Any }),
    TypeError,
    `encoding must be "utf-8" or "buffer", received latin1`,
  ],
  [() => spawnProcess(nap, { encoding: 1 as Any }), TypeError, `must be "utf-8" or "buffer", received 1`],
  [() => run(nap, { maxOutput: -1 }), RangeError, `maxOutput must be a non-negative integer ${SIZE} -1`],
  [() => run(nap, { maxOutput: NaN }), RangeError, `${SIZE} NaN`],
  [() => run(nap, { killGrace: -1 }), RangeError, `killGrace ${TIME} -1`],
  [() => run(nap, { killGrace: "x" as Any }), TypeError, "killGrace must be a number of milliseconds"],
  [() => spawnProcess(nap, { killGrace: NaN }), RangeError, `killGrace ${TIME} NaN`],
  [() => run(nap, { timeout: -1 }), RangeError, `Cannot run command: timeout ${TIME} -1`],
  [() => checkOutput(nap, { timeout: NaN }), RangeError, `timeout ${TIME} NaN`],
  // Pipes
  [() => pipe.read(new Uint8Array(0)), RangeError, "buffer must have room for a byte at least"],
  [() => pipe.read("x" as Any), TypeError, "buffer must be a Uint8Array, received x"],
  [() => pipe.readExactly(-1), RangeError, "count must be a non-negative integer, received -1"],
  [() => pipe.readLine({ maxBytes: 0 }), RangeError, `maxBytes must be a positive integer ${SIZE} 0`],
  [() => pipe.readUntil(""), RangeError, "delimiter must not be empty"],
  [() => pipe.readUntil("x", { maxBytes: 1.5 }), RangeError, `${SIZE} 1.5`],
  [() => pipe.readUntil(5 as Any), TypeError, "delimiter must be a Uint8Array or a string, received 5"],
  [() => pipe.readAll({ maxBytes: -1 }), RangeError, `maxBytes must be a non-negative integer ${SIZE} -1`],
  [() => pipe.lines({ maxBytes: NaN }), RangeError, `${SIZE} NaN`],
  [() => pipe.lines({ timeout: -1 }), RangeError, `${TIME} -1`],
  [() => pipe.readSome({ timeout: -1 }), RangeError, `${TIME} -1`],
  [() => out.writeAll(5 as Any), TypeError, "data must be a Uint8Array or a string, received 5"],
  [() => out.write(bytes("x"), { timeout: NaN }), RangeError, `${TIME} NaN`],
];

for (const [refusedCall, Class, message] of refused) {
  const name = String(refusedCall).replace(/^\(\) ?=> ?/, "").replaceAll(/\s+/g, " ");
  Deno.test(`${name} throws ${Class.name}`, async () => {
    assertThrows(() => void refusedCall(), Class, message);
    assertIdle();
    assertEquals(await children(), []);
  });
}

Deno.test("Process refuses bad input to its methods", async () => {
  await using child = spawnProcess(nap, { stdin: "pipe" });
  assertThrows(() => child.wait({ timeout: -1 }), RangeError, `Cannot wait for process: timeout ${TIME} -1`);
  assertThrows(() => child.communicate("", { timeout: -1 }), RangeError, `timeout ${TIME} -1`);
  assertThrows(() => child.communicate("", { maxOutput: -1 }), RangeError, "maxOutput must be");
  assertThrows(
    () => child.communicate(5 as Any),
    TypeError,
    "input must be a Uint8Array or a string, received 5",
  );
  assertThrows(() => child.sendSignal("TERM" as Any), TypeError, "TERM");
  assertEquals(child.ready, false);
});

Deno.test("Waiting for a process in a callback of the hub throws at once, and starts nothing", async () => {
  await using child = spawnProcess(nap, { stdin: "pipe", stdout: "pipe" });
  const calls = [
    () => run(nap),
    () => child.wait(),
    () => child.communicate(),
    () => child.stdout.readLine(),
    () => child.stdin.writeAll("x"),
  ];
  const caught: unknown[] = [];
  getHub().runCallback(() => {
    for (const waiting of calls) {
      try {
        void waiting();
      } catch (error) {
        caught.push((error as Error).constructor);
      }
    }
  });
  await sleep();
  assertEquals(caught, calls.map(() => BlockingSwitchOutError));
  assertEquals((await children()).length, 1);
});
