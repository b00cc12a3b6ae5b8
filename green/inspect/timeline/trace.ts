import { getHub, type Hub, originalOf, until } from "../../../hub/mod.ts";
import { Recorder, type RecorderOptions, snapshotOf } from "./recorder.ts";
import type { Recording } from "./recording.ts";
import { traceJson } from "./trace_json.ts";

/**
 * Options of {@linkcode trace}.
 *
 * @example The last thousand events
 * ```ts
 * import { trace, type TraceOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: TraceOptions = { capacity: 1024 };
 * await using timeline = trace(await Deno.makeTempFile(), options);
 * assertEquals(timeline.dropped, 0);
 * ```
 */
export interface TraceOptions extends RecorderOptions {
  /**
   * Whose greenlets.
   *
   * @default {getHub()}
   */
  hub?: Hub | undefined;
}

/**
 * What the greenlets did, as a picture for Perfetto (https://ui.perfetto.dev) or `chrome://tracing`: {@linkcode trace}
 * begins one.
 *
 * @example Look at it without a file
 * ```ts
 * import { sleep, trace } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * await using timeline = trace(await Deno.makeTempFile());
 * await sleep(1);
 * assert(timeline.text().includes('"sleep"'));
 * ```
 */
export class Timeline implements AsyncDisposable {
  readonly #file: string;
  readonly #recorder: Recorder;
  readonly #onUnload: () => void;
  #saved: Promise<void> | undefined = undefined;

  /**
   * Begins to record.
   *
   * @param file Where the picture goes; it is created now, and written when the timeline stops.
   * @param options How many events are kept, and whose.
   * @throws {Deno.errors.NotCapable} If the file must not be written.
   * @throws {RangeError} If `capacity` is no integer from 1 to 16,777,216.
   * @throws {TypeError} If `file` is neither a path nor a `file:` URL.
   */
  constructor(file: string | URL, { hub = getHub(), ...options }: TraceOptions = {}) {
    this.#file = checkFile(file);
    this.#recorder = new Recorder(hub, options);
    try {
      touch(this.#file);
    } catch (error) {
      this.#recorder[Symbol.dispose]();
      throw error;
    }
    this.#onUnload = () => this.#saveNow();
    globalThis.addEventListener("unload", this.#onUnload);
  }

  /** Where the picture goes. */
  get file(): string {
    return this.#file;
  }

  /** Whether it still records. */
  get active(): boolean {
    return this.#recorder.active;
  }

  /** How many events were overwritten by newer ones. */
  get dropped(): number {
    return this.#recorder.dropped;
  }

  /** The picture as it is now, in JSON. Does not switch: some 0.1 s for 65,536 events. */
  text(): string {
    return [...traceJson(snapshotOf(this.#recorder))].join("");
  }

  /** The picture as it is now: what {@linkcode text} describes. */
  toJSON(): { traceEvents: Record<string, unknown>[] } & Record<string, unknown> {
    return JSON.parse(this.text());
  }

  /**
   * Writes the picture as it is now; recording goes on. Switches: others run between the pieces. A kill ends the
   * wait, not the writing.
   *
   * @param file Where to: the file of the timeline unless told otherwise.
   * @throws {Deno.errors.NotCapable} If the file must not be written.
   * @throws {TypeError} If `file` is neither a path nor a `file:` URL.
   */
  write(file: string | URL = this.#file): Promise<void> {
    const path = checkFile(file);
    return until(save(snapshotOf(this.#recorder), path), { what: "the writing of a timeline" });
  }

  /**
   * Stops recording and writes the picture. Switches: others run between the pieces. A kill ends the wait, not the
   * writing. Called again, it waits for the same.
   */
  stop(): Promise<void> {
    this.#saved ??= this.#finish();
    return until(this.#saved, { what: "the writing of a timeline" });
  }

  /** Stops recording and writes the picture. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #finish(): Promise<void> {
    this.#recorder[Symbol.dispose]();
    try {
      await save(snapshotOf(this.#recorder), this.#file);
    } finally {
      globalThis.removeEventListener("unload", this.#onUnload);
    }
  }

  /** The program ends, and nobody has waited for the picture. */
  #saveNow(): void {
    this.#recorder[Symbol.dispose]();
    originalOf(Deno.writeTextFileSync)(this.#file, this.text());
  }
}

function checkFile(file: string | URL): string {
  if (file instanceof URL ? file.protocol !== "file:" : typeof file !== "string" || file === "") {
    throw new TypeError(`Cannot trace: file must be a path or a file: URL, received ${String(file) || '""'}`);
  }
  const path = file instanceof URL ? pathOf(file) : file;
  const { state } = Deno.permissions.querySync({ name: "write", path });
  if (state === "granted") return path;
  throw new Deno.errors.NotCapable(
    `Cannot trace: writing "${path}" is not allowed, run the program with --allow-write="${path}"`,
  );
}

function pathOf({ pathname }: URL): string {
  const path = decodeURIComponent(pathname);
  return Deno.build.os === "windows" ? path.slice(1).replaceAll("/", "\\") : path;
}

/** Fails now, not at the end of the program, if it cannot be written. What is in it stays. */
function touch(path: string): void {
  originalOf(Deno.openSync)(path, { write: true, create: true }).close();
}

async function save(recording: Recording, path: string): Promise<void> {
  using file = await originalOf(Deno.open)(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  for (const piece of traceJson(recording)) {
    const bytes = encoder.encode(piece);
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  }
}

/**
 * Records from now on what the greenlets do, and writes it to a file when it is stopped: a line for each greenlet
 * with what it does and what it waits for, and arrows from who wakes to who is woken. Open the file in Perfetto
 * (https://ui.perfetto.dev) or `chrome://tracing`. Does not switch.
 *
 * It keeps the newest events only, and can stay on: a switch gets some 10 ns slower. It is also written if the
 * program ends before it was stopped, be it by `Deno.exit()` or by a deadlock.
 *
 * @param file A path, or a `file:` URL. It is created now.
 * @param options How many events are kept, and whose.
 * @throws {Deno.errors.NotCapable} If the file must not be written.
 * @throws {RangeError} If `capacity` is no integer from 1 to 16,777,216.
 * @throws {TypeError} If `file` is neither a path nor a `file:` URL.
 *
 * @example A block of a program
 * ```ts
 * import { joinAll, sleep, spawn, trace } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const file = await Deno.makeTempFile({ suffix: ".json" });
 * {
 *   await using _timeline = trace(file);
 *   await joinAll([spawn(() => sleep(2)), spawn(() => sleep(1))]);
 * }
 * assert(JSON.parse(await Deno.readTextFile(file)).traceEvents.length > 0);
 * ```
 */
export function trace(file: string | URL, options?: TraceOptions): Timeline {
  return new Timeline(file, options);
}
