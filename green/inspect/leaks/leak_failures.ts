import { type FailureWatch, GreenletExit, shortName, Task, titleOf } from "../../../hub/mod.ts";

/**
 * What is left to say of an error whose holder was collected. The error itself might refer to the holder, and so
 * keep it alive: this is its text.
 */
export interface FailureRecord {
  /** Who held it: `"AsyncResult(total)"`, `"#5 fetchPage"`. */
  readonly holder: string;
  /** The number of the greenlet that failed; `undefined` if it was none. */
  readonly greenlet: number | undefined;
  /** The error with its stack. */
  readonly error: string;
}

/** A record while it may still be looked at. */
interface OpenRecord extends FailureRecord {
  /** The open records of the same error: one that was passed on has several holders. */
  readonly alike: Set<OpenRecord>;
}

/** Finds errors that nobody looks at before their holder is collected. */
export class UnseenFailures implements FailureWatch {
  readonly #onLeak: (record: FailureRecord) => void;
  readonly #byHolder = new WeakMap<object, OpenRecord>();
  readonly #byError = new WeakMap<object, Set<OpenRecord>>();
  /** Errors that were printed, or handed to the program's own handler. */
  readonly #reported = new WeakSet<object>();
  /** All that are to be looked at or told of. */
  readonly #open = new Set<OpenRecord>();
  readonly #registry: FinalizationRegistry<OpenRecord> = new FinalizationRegistry((record) =>
    this.#tell(record)
  );

  /**
   * Watches nothing until it is given to `watchFailures()`.
   *
   * @param onLeak Called on an empty stack, except by {@linkcode flush}.
   */
  constructor(onLeak: (record: FailureRecord) => void) {
    this.#onLeak = onLeak;
  }

  failed(holder: object, error: unknown): void {
    this.looked(holder); // at another error that it had
    // A kill is no failure, and what was reported need not be looked at as well.
    if (error instanceof GreenletExit || this.#reported.has(error as object)) return;
    const record = { ...recordOf(holder, error), alike: this.#alike(error) };
    this.#byHolder.set(holder, record);
    record.alike.add(record);
    this.#open.add(record);
    this.#registry.register(holder, record, holder);
  }

  looked(holder: object): void {
    const record = this.#byHolder.get(holder);
    if (record === undefined) return;
    this.#byHolder.delete(holder);
    this.#registry.unregister(holder);
    this.#close(record);
  }

  reported(error: unknown): void {
    if (!isObject(error)) return;
    this.#reported.add(error);
    for (const record of [...this.#alike(error)]) this.#close(record);
  }

  /** Tells of all that are left: at the end of the program. */
  flush(): void {
    for (const record of [...this.#open]) this.#tell(record);
  }

  #alike(error: unknown): Set<OpenRecord> {
    const known = this.#byError.get(error as object);
    if (known !== undefined) return known;
    const alike = new Set<OpenRecord>();
    if (isObject(error)) this.#byError.set(error, alike);
    return alike;
  }

  /** Says whether it was open. */
  #close(record: OpenRecord): boolean {
    record.alike.delete(record);
    return this.#open.delete(record);
  }

  #tell(record: OpenRecord): void {
    if (this.#close(record)) this.#onLeak(record);
  }
}

/** Whether a value has an identity. */
function isObject(value: unknown): value is object {
  return Object(value) === value;
}

function recordOf(holder: object, error: unknown): FailureRecord {
  const task = holder instanceof Task ? holder : undefined;
  return {
    holder: task === undefined ? titleOf(holder) : shortName(task),
    greenlet: task?.id,
    error: textOf(error),
  };
}

function textOf(error: unknown): string {
  try {
    return Deno.inspect(error, { colors: false });
  } catch {
    return "an error that cannot be shown";
  }
}
