import { planWait, type WaitOptions } from "../../hub/mod.ts";
import { quietly } from "../../sync/iteration.ts";
import { EventInbox, type EventSource, type InboxOptions } from "./event_inbox.ts";
import type { FileEvent } from "./pending_events.ts";

/**
 * Watches files. Made by `watch()`.
 *
 * What happens while nobody asks is kept: an event that repeats the last one of its files is dropped; when more than
 * 1,024 have gathered, one of kind `"overflow"` takes the place of all. A receiver that is killed or times out takes
 * nothing. The watcher keeps the process alive only while somebody waits for an event.
 *
 * Source: the `stat` watcher of gevent's loop, with the system's notifications in place of polling.
 *
 * @example Wait for a change
 * ```ts
 * import { watch } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * {
 *   using watcher = watch(folder);
 *   await Deno.writeTextFile(`${folder}/new`, "");
 *   const event = await watcher.receive({ timeout: 5_000 });
 *   assertEquals(event?.kind, "create");
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class FileWatcher implements Disposable, AsyncDisposable {
  readonly #inbox: EventInbox;
  readonly #paths: readonly string[];

  /** For `watch()`. */
  constructor(source: EventSource, options: InboxOptions) {
    this.#paths = options.roots;
    this.#inbox = new EventInbox(this, source, options);
  }

  /** What is watched. */
  get paths(): readonly string[] {
    return this.#paths;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#inbox.closed;
  }

  /**
   * Takes the oldest event, or the burst, waiting for it if there is none.
   *
   * @returns The event; `null` when the watcher is closed.
   * @throws {Timeout} On time-out; nothing is lost.
   */
  receive(options?: WaitOptions): Promise<FileEvent | null> {
    return this.#inbox.receive(planWait(options, "receive file event"));
  }

  /** Watches no more: who waits gets `null`, and loops over the events end. Harmless when it is closed. Does not switch. */
  close(): void {
    this.#inbox.close();
  }

  /** The events, as they come. The watcher is closed when the loop is left, also by a kill. Each step may switch. */
  [Symbol.asyncIterator](): AsyncGenerator<FileEvent, void, void> {
    return quietly(this.#each());
  }

  async *#each(): AsyncGenerator<FileEvent, void, void> {
    try {
      for (let event = await this.receive(); event !== null; event = await this.receive()) yield event;
    } finally {
      this.close();
    }
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** For reports: what is watched. */
  toString(): string {
    return this.#paths.join(", ");
  }
}
