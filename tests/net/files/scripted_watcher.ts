/** A watcher of the platform whose files are the test's. */
import { FileWatcher, getHub } from "@verdant/green";
import type { EventSource } from "../../../net/files/event_inbox.ts";

/** What happens is said by `tell()`. */
export class ScriptedWatcher implements EventSource {
  closes = 0;
  referenced = true;
  readonly #told: IteratorResult<Deno.FsEvent>[] = [];
  #asked: PromiseWithResolvers<IteratorResult<Deno.FsEvent>> | undefined;

  /** As a watcher of the library. */
  watcher({ debounce = 0, capacity = 100 }: { debounce?: number; capacity?: number } = {}): FileWatcher {
    return new FileWatcher(this, { hub: getHub(), roots: ["/root"], debounce, capacity });
  }

  /** Something happens. */
  tell(kind: Deno.FsEvent["kind"], ...paths: string[]): void {
    this.push({ kind, paths });
  }

  push(value: Deno.FsEvent): void {
    this.#told.push({ done: false, value });
    this.#serve();
  }

  break(error: Error): void {
    this.#asked!.reject(error);
  }

  next(): Promise<IteratorResult<Deno.FsEvent>> {
    if (this.#asked !== undefined) throw new Error("Asked twice at a time");
    this.#asked = Promise.withResolvers();
    const { promise } = this.#asked;
    this.#serve();
    return promise;
  }

  close(): void {
    this.closes++;
    this.#told.push({ done: true, value: undefined });
    this.#serve();
  }

  ref(): void {
    this.referenced = true;
  }

  unref(): void {
    this.referenced = false;
  }

  #serve(): void {
    if (this.#asked === undefined || this.#told.length === 0) return;
    const { resolve } = this.#asked;
    this.#asked = undefined;
    resolve(this.#told.shift()!);
  }
}
