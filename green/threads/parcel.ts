import { anyMarked, partsOf, unmark } from "./transfer.ts";

/** An object that cannot be cloned but moves. */
export interface Movable {
  /** How it moves. Changes nothing; throws if it cannot move now. */
  howToMove(): Move;
  /** It has been sent. */
  moved(): void;
}

const movableObjects = new WeakMap<object, Movable>();

let anyMovable = false;

/** Says how an object moves. */
export function makeMovable(value: object, movable: Movable): void {
  movableObjects.set(value, movable);
  anyMovable = true;
}

/** Whether there may be anything in a value that moves: most often nobody needs to look. */
function mayMove(value: unknown): boolean {
  return (anyMovable || anyMarked()) && typeof value === "object" && value !== null;
}

/** How something moves. */
export interface Move {
  readonly body: Wired;
  readonly parts: readonly Transferable[];
  /** Tells the counterpart if the thread to which it moves dies. */
  readonly alarm: Alarm | undefined;
}

/** Stays where something came from that moved to another thread. */
export interface Alarm {
  /** The thread has died. */
  ring(why: string): void;
  /** It is not needed any more. */
  close(): void;
}

/** Under this key stands the kind of what came; no symbol, for symbols are not cloned. */
const KIND = "@verdant/green/kind";

/** What stands for a movable object under way. */
export interface Wired {
  readonly [KIND]: string;
}

/** A value, made ready to be sent. */
export interface Parcel {
  /** To be posted. */
  readonly body: unknown;
  /** The transfer list of the post. */
  readonly parts: Transferable[];
  /** Whether the receiver must {@linkcode unpack} it. */
  readonly wired: boolean;
  /** For what moves to another thread. */
  readonly alarms: readonly Alarm[];
  /** To be called once it is posted: until then nothing has changed here. */
  readonly sent: () => void;
}

const nothing = () => {};

/** Makes a value ready to be sent. */
export function pack(value: unknown): Parcel {
  if (!mayMove(value)) return { body: value, parts: [], wired: false, alarms: [], sent: nothing };
  const { parts, marked, movables } = new Search(value);
  const alarms: Alarm[] = [];
  const bodies = new Map<object, Wired>();
  for (const [object, movable] of movables) {
    const move = movable.howToMove();
    bodies.set(object, move.body);
    parts.push(...move.parts);
    if (move.alarm !== undefined) alarms.push(move.alarm);
  }
  const wired = bodies.size > 0;
  const sent = () => {
    for (const object of marked) unmark(object);
    for (const movable of movables.values()) movable.moved();
  };
  return {
    body: wired ? copyWith(value, (object) => bodies.get(object)) : value,
    parts,
    wired,
    alarms,
    sent,
  };
}

/**
 * Refuses what could not be sent, and copies the rest, for a value that is sent later: what moves stays where it is
 * until then.
 *
 * @throws {DOMException} A `DataCloneError`.
 */
export function prepare(value: unknown): unknown {
  if (!mayMove(value)) return structuredClone(value);
  const { marked, movables } = new Search(value);
  if (marked.size + movables.size === 0) return structuredClone(value);
  for (const movable of movables.values()) movable.howToMove();
  const moves = (object: object) => marked.has(object) || movables.has(object);
  structuredClone(copyWith(value, (object) => moves(object) ? {} : undefined));
  return value;
}

/** Where something can be posted. */
export interface PostBox {
  postMessage(message: unknown, parts?: Transferable[]): void;
}

/** Posts a message. An empty list of parts would cost Deno a third of a round trip. */
export function post(box: PostBox, message: unknown, parts: Transferable[]): void {
  if (parts.length === 0) box.postMessage(message);
  else box.postMessage(message, parts);
}

/** What moves in a value. */
class Search {
  readonly marked = new Set<object>();
  readonly movables = new Map<object, Movable>();
  readonly #parts = new Set<Transferable>();
  readonly #seen = new Set<object>();

  constructor(value: unknown) {
    this.#visit(value);
  }

  /** What is marked to move. */
  get parts(): Transferable[] {
    return [...this.#parts];
  }

  #visit(value: unknown): void {
    if (typeof value !== "object" || value === null || this.#seen.has(value)) return;
    this.#seen.add(value);
    const movable = movableObjects.get(value);
    const parts = partsOf(value);
    if (movable !== undefined) this.movables.set(value, movable);
    if (parts !== undefined) this.marked.add(value);
    for (const part of parts ?? []) this.#parts.add(part);
    if (isPlain(value)) { for (const item of Object.values(value)) this.#visit(item); }
  }
}

/** Arrays and objects without a class of their own: only these are looked into. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A copy of plain arrays and objects, also of those that contain themselves, with other objects in their place. */
function copyWith(
  value: unknown,
  replace: (object: object) => unknown,
  copies: Map<object, unknown> = new Map(),
): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  const replacement = replace(value);
  if (replacement !== undefined || !isPlain(value)) {
    copies.set(value, replacement ?? value);
    return replacement ?? value;
  }
  const copy: Record<string, unknown> = Array.isArray(value) ? [] as never : {};
  copies.set(value, copy);
  for (const [key, item] of Object.entries(value)) copy[key] = copyWith(item, replace, copies);
  return copy;
}

/** How what has come becomes an object again, by kind. */
const makers = new Map<string, (wired: object) => unknown>();

/** Tells how objects of a kind are made of what came. */
export function onArrival<W extends object>(kind: string, make: (wired: W) => unknown): void {
  makers.set(kind, make as (wired: object) => unknown);
}

/** Wraps what stands for a movable object. */
export function wire(kind: string, fields: object): Wired {
  return { [KIND]: kind, ...fields } as Wired;
}

/** Makes what was packed whole again. The kinds in it must be known here. */
export function unpack(value: unknown): unknown {
  return copyWith(
    value,
    (object) => KIND in object ? makers.get((object as Wired)[KIND])!(object) : undefined,
  );
}
