/** What the tests run in threads. */
import { sleep, spawn, ThreadPool, transfer, type WorkerChannel } from "@verdant/green";

export const version = "1";

export function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

export function join(a: string, b: string): string {
  return a + b;
}

export async function later(ms: number): Promise<string> {
  await sleep(ms);
  return "later";
}

let calls = 0;
/** How often this was called in this thread. */
export function count(): number {
  return ++calls;
}

class Refusal extends RangeError {
  override name = "Refusal";
  code = 42;
  detail: Error = new SyntaxError("inner");
}

export function refuse(message: string): never {
  throw new Refusal(message, { cause: new TypeError("the cause") });
}

export function loopOfCauses(): never {
  const error = new Error("outer", { cause: undefined });
  error.cause = new Error("inner", { cause: error });
  throw new AggregateError([error, "a string", new DOMException("gone", "NotFoundError")], "all of it");
}

export function throwNotFound(): never {
  throw new Deno.errors.NotFound("no such file");
}

export function notCloneable(): unknown {
  return { fn() {} };
}

export function thrownFunction(): never {
  throw function unsendable() {};
}

/** Fills a buffer and moves it back. */
export function fill(bytes: Uint8Array, value: number): Uint8Array {
  return transfer(bytes.fill(value));
}

export function add(shared: Int32Array, times: number): void {
  for (let i = 0; i < times; i++) Atomics.add(shared, 0, 1);
}

/** Lets nothing else happen in its thread until `state[0]` is 2: Deno does not stop it, were it never. */
export function spin(state: Int32Array): void {
  Atomics.compareExchange(state, 0, 0, 1);
  while (Atomics.load(state, 0) !== 2);
}

export function leave(how: "close" | "exit" | "process"): Promise<never> {
  if (how === "close") close();
  else if (how === "exit") Deno.exit(1);
  else process.exit(1);
  return new Promise(() => {});
}

/** Something throws where the task cannot catch it. */
export function stray(how: "timer" | "rejection"): Promise<never> {
  if (how === "timer") setTimeout(() => doomed(), 1);
  else void Promise.reject(new RangeError("stray"));
  return new Promise(() => {});
}

function doomed(): never {
  throw new RangeError("stray");
}

/** Returns, and then something throws. */
export function strayBehind(): string {
  setTimeout(() => doomed(), 1);
  return "returned";
}

/** The same, before the thread looks at its next order. */
export function rejectionBehind(): string {
  void Promise.reject(new RangeError("stray"));
  return "returned";
}

export async function nested(n: number): Promise<number[]> {
  await using pool = new ThreadPool(2);
  return await pool.map((n: number) => n * n, Array.from({ length: n }, (_, i) => i));
}

export async function double(channel: WorkerChannel<number>): Promise<string> {
  for await (const n of channel) await channel.put(2 * n);
  return "done";
}

/** Several greenlets of this thread take from one end. */
export async function share(
  channel: WorkerChannel<number, [number, number]>,
  greenlets: number,
): Promise<void> {
  const workers = Array.from({ length: greenlets }, (_, i) =>
    spawn(async () => {
      for await (const n of channel) {
        await sleep();
        await channel.put([i, n]);
      }
    }));
  for (const worker of workers) await worker.get();
}

export async function putAndFail(channel: WorkerChannel<never, number>): Promise<never> {
  for (const n of [1, 2, 3]) await channel.put(n);
  throw new RangeError("half way");
}

export async function putAndLeave(channel: WorkerChannel<never, number>): Promise<never> {
  for (const n of [1, 2, 3]) await channel.put(n);
  close();
  return await new Promise(() => {});
}

export async function putAndHang(channel: WorkerChannel<never, number>): Promise<never> {
  for (const n of [1, 2, 3]) await channel.put(n);
  return await new Promise(() => {});
}

/** Sends an end through another channel, or returns it. */
export async function passOn(
  through: WorkerChannel<never, WorkerChannel<string>>,
  end: WorkerChannel<string>,
): Promise<void> {
  await through.put(end);
}

export function giveBack(end: WorkerChannel<string>): WorkerChannel<string> {
  return end;
}
