/**
 * What happened.
 *
 * - `"create"`, `"modify"`, `"rename"`, `"remove"`, `"access"`, `"other"`, `"any"`: as the platform says it.
 * - `"several"`: a burst of different kinds (see `debounce`).
 * - `"overflow"`: more than can be kept, or more than the system can tell: look at everything again.
 *
 * @example Look again
 * ```ts
 * import type { FileEventKind } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const changes = new Set<FileEventKind>(["create", "modify", "rename", "remove", "several", "overflow"]);
 * assert(!changes.has("access"));
 * ```
 */
export type FileEventKind = Deno.FsEvent["kind"] | "several" | "overflow";

/**
 * Something that happened to files.
 *
 * @example One
 * ```ts
 * import type { FileEvent } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const event: FileEvent = { kind: "modify", paths: ["/etc/hosts"] };
 * assertEquals(event.paths.length, 1);
 * ```
 */
export interface FileEvent {
  /** What happened. */
  readonly kind: FileEventKind;
  /** To which files: a renaming may name the old one and the new one, an overflow what is watched. */
  readonly paths: readonly string[];
}

/** Events that nobody has taken yet, oldest first. */
export class PendingEvents {
  readonly #roots: readonly string[];
  readonly #capacity: number;
  #events: FileEvent[] = [];
  /** The last event of each path that has one. */
  #last: Map<string, FileEvent> = new Map();

  /** `roots` are what is watched; at most `capacity` events are kept. */
  constructor(roots: readonly string[], capacity: number) {
    this.#roots = roots;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#events.length;
  }

  /** Adds one, unless it says again what is the last that is known of its files. */
  add(event: FileEvent): void {
    if (event.kind === "overflow" || this.#events.length >= this.#capacity && !this.#isKnown(event)) {
      return this.#overflow();
    }
    if (this.#isKnown(event)) return;
    this.#events.push(event);
    for (const path of event.paths) this.#last.set(path, event);
  }

  /** Takes the oldest. */
  shift(): FileEvent | undefined {
    const event = this.#events.shift();
    for (const path of event?.paths ?? []) if (this.#last.get(path) === event) this.#last.delete(path);
    return event;
  }

  /** Takes all as one. */
  merge(): FileEvent | undefined {
    const events = this.#events;
    if (events.length < 2) return this.shift();
    this.#clear();
    const kinds = new Set(events.map(({ kind }) => kind));
    const paths = [...new Set(events.flatMap(({ paths }) => paths))];
    if (kinds.has("overflow")) return { kind: "overflow", paths: this.#roots };
    return { kind: kinds.size === 1 ? events[0]!.kind : "several", paths };
  }

  #isKnown({ kind, paths }: FileEvent): boolean {
    const last = this.#last.get(paths[0] ?? "");
    return last !== undefined && last.kind === kind && last.paths.length === paths.length &&
      paths.every((path) => this.#last.get(path) === last);
  }

  /** Who is told to look at everything again need not hear what happened before. */
  #overflow(): void {
    this.#clear();
    this.#events.push({ kind: "overflow", paths: this.#roots });
  }

  #clear(): void {
    this.#events = [];
    this.#last.clear();
  }
}
