/**
 * Errors under way between threads. A structured clone keeps neither the class nor the name of most errors, nor
 * their own properties.
 */

/** What stands for an error under way. */
export interface ErrorPacket {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** The class, if it is one that every thread has. */
  readonly kind: string;
  /** Own properties; those that are errors are packets. */
  readonly properties: [key: string, value: unknown, isError: boolean][];
  /** Of `AggregateError`. */
  readonly errors: Thrown[] | undefined;
}

/** Anything that was thrown. */
export type Thrown = { readonly packet: ErrorPacket } | { readonly value: unknown };

const BUILT_IN = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
  SuppressedError,
];

/** Those that every thread has, by name; the more special ones later. */
const CLASSES = new Map<string, ErrorConstructor>([
  ...BUILT_IN.map((each) => [each.name, each as unknown as ErrorConstructor] as const),
  ...Object.entries(globalThis.Deno?.errors ?? {}) as unknown as [string, ErrorConstructor][],
]);

/** Kept in fields of their own. */
const OWN_FIELDS = ["name", "message", "stack", "errors"];

/** Takes apart what was thrown. Never throws itself. */
export function packThrown(thrown: unknown, seen: Map<unknown, Thrown> = new Map()): Thrown {
  const known = seen.get(thrown);
  if (known !== undefined) return known;
  if (!(thrown instanceof Error)) return { value: cloneable(thrown) ? thrown : describe(thrown) };
  try {
    return packError(thrown, seen);
  } catch (error) { // a getter of it throws, say
    return { packet: plainPacket("Error", `An error that cannot be read: ${describe(error)}`) };
  }
}

function packError(error: Error, seen: Map<unknown, Thrown>): Thrown {
  const packet = plainPacket(String(error.name), String(error.message), error.stack, kindOf(error));
  const thrown: Thrown = { packet };
  seen.set(error, thrown); // before its causes, which may lead back to it
  if (error instanceof AggregateError) {
    (packet as { errors: Thrown[] }).errors = error.errors.map((each) => packThrown(each, seen));
  }
  for (const key of Object.getOwnPropertyNames(error)) {
    if (OWN_FIELDS.includes(key)) continue;
    const value = (error as unknown as Record<string, unknown>)[key];
    if (value instanceof Error) packet.properties.push([key, packThrown(value, seen), true]);
    else if (cloneable(value)) packet.properties.push([key, value, false]);
  }
  return thrown;
}

function plainPacket(name: string, message: string, stack?: string, kind = "Error"): ErrorPacket {
  return { name, message, stack, kind, properties: [], errors: undefined };
}

function kindOf(error: Error): string {
  if (error instanceof DOMException) return "DOMException";
  return [...CLASSES].findLast(([, each]) => error instanceof each)?.[0] ?? "Error";
}

function cloneable(value: unknown): boolean {
  if (typeof value !== "object" && typeof value !== "function" && typeof value !== "symbol") return true;
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

function describe(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "something without a text";
  }
}

/** Puts together again what was thrown elsewhere. */
export function unpackThrown(thrown: Thrown, seen: Map<Thrown, unknown> = new Map()): unknown {
  if (seen.has(thrown)) return seen.get(thrown);
  if ("value" in thrown) return thrown.value;
  const { packet } = thrown;
  const error = bareError(packet);
  seen.set(thrown, error);
  define(error, "stack", packet.stack);
  if (error.name !== packet.name) define(error, "name", packet.name);
  if (packet.errors !== undefined) {
    define(error, "errors", packet.errors.map((each) => unpackThrown(each, seen)));
  }
  for (const [key, value, isError] of packet.properties) {
    const hidden = key === "cause" || key === "error" || key === "suppressed";
    define(error, key, isError ? unpackThrown(value as Thrown, seen) : value, !hidden);
  }
  return error;
}

function bareError({ kind, name, message }: ErrorPacket): Error {
  if (kind === "DOMException") return new DOMException(message, name);
  if (kind === "AggregateError") return new AggregateError([], message);
  if (kind === "SuppressedError") return new SuppressedError(undefined, undefined, message);
  return new (CLASSES.get(kind) ?? Error)(message);
}

function define(error: Error, key: string, value: unknown, enumerable = false): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
}
