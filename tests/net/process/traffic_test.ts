/** Much data, in both directions at once, byte for byte. `GREEN_STRESS_MIB` says how much. */
import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { checkOutput, run, seededRandom, spawn, spawnProcess } from "@verdant/green";

const MIB = Number(Deno.env.get("GREEN_STRESS_MIB") ?? 64);
const SIZE = MIB * 1024 * 1024;

/** Bytes of every kind. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const random = seededRandom(size);
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = random() * 2 ** 32;
  return new Uint8Array(words.buffer, 0, size);
}

Deno.test(`run() sends ${MIB} MiB through a process and gets them back`, async () => {
  const input = noise(SIZE);
  const { stdout, returnCode } = await run(["cat"], { input, encoding: "buffer" });
  assertEquals([returnCode, stdout.length], [0, SIZE]);
  assert(Buffer.compare(stdout, input) === 0, "other bytes came back");
});

Deno.test(`run() reads ${MIB} MiB from both outputs of a process at once`, async () => {
  const line = `head -c ${SIZE / 2} /dev/zero | tr '\\0' a & head -c ${
    SIZE / 2
  } /dev/zero | tr '\\0' b >&2; wait`;
  const { stdout, stderr } = await run(line, { shell: true });
  assertEquals([stdout.length, stderr.length], [SIZE / 2, SIZE / 2]);
  assert(/^a*$/.test(stdout) && /^b*$/.test(stderr));
});

Deno.test(`run() merges ${MIB / 4} MiB of both outputs, each in its order`, async () => {
  const size = SIZE / 8;
  const line = `head -c ${size} /dev/zero | tr '\\0' a & head -c ${size} /dev/zero | tr '\\0' b >&2; wait`;
  const output = await checkOutput(line, { shell: true, stderr: "stdout" });
  assertEquals([output.length, output.replaceAll("a", "").length], [2 * size, size]);
});

Deno.test("Pipes carry what greenlets write and read at once, in pieces of any size", async () => {
  const random = seededRandom(5);
  const input = noise(2 * 1024 * 1024);
  await using child = spawnProcess(["cat"], { stdin: "pipe", stdout: "pipe" });
  const writer = spawn(async () => {
    for (let at = 0; at < input.length;) {
      const end = at + Math.floor(random() * random() * 200_000) + 1;
      await child.stdin.writeAll(input.subarray(at, end));
      at = end;
    }
    child.stdin.close();
  });
  let at = 0;
  for (;;) {
    const buffer = new Uint8Array(Math.floor(random() * random() * 100_000) + 1);
    const count = await child.stdout.read(buffer);
    if (count === null) break;
    assert(Buffer.compare(buffer.subarray(0, count), input.subarray(at, at + count)) === 0, `at ${at}`);
    at += count;
  }
  await writer.get();
  assertEquals([at, await child.wait()], [input.length, 0]);
});
