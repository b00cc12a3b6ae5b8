/** A process of the platform that is none: it sends back what it gets, and ends when its input does. */
import { Process } from "../../../net/process/process.ts";
import { Child } from "../../../net/process/child.ts";
import { pipesOf } from "../../../net/process/pipes.ts";

/** Says when the platform's promises settle: in turns of the event loop, or at once. */
export type Delay = () => Promise<void>;

/** Like `cat`. */
export class FakeCat {
  readonly pid = 4_000_000;
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly status: Promise<Deno.CommandStatus>;
  /** What it was sent. */
  readonly received: number[] = [];

  constructor(delay: Delay) {
    const ended = Promise.withResolvers<Deno.CommandStatus>();
    this.status = ended.promise;
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let wake = () => {};
    let over = false;
    this.stdin = new WritableStream({
      write: async (chunk) => {
        await delay();
        this.received.push(...chunk);
        chunks.push(new Uint8Array(chunk));
        wake();
      },
      close: async () => {
        await delay();
        over = true;
        wake();
        ended.resolve({ success: true, code: 0, signal: null });
      },
    });
    this.stdout = new ReadableStream({
      async pull(controller) {
        while (chunks.length === 0 && !over) await new Promise<void>((resolve) => wake = resolve);
        await delay();
        if (chunks.length > 0) controller.enqueue(chunks.shift()!);
        else controller.close();
      },
    }, { highWaterMark: 0 });
  }

  /** As a process of the library. */
  process(): Process<"buffer"> {
    const raw = this as unknown as Deno.ChildProcess;
    const child = new Child(raw, "fake cat", false);
    const pipes = pipesOf(raw, child, { stdin: "pipe", stdout: "pipe" });
    return new Process({ line: "fake cat", child, pipes, grace: 0 }, "buffer");
  }
}
