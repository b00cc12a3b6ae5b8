/** What must come of puts and gets, whatever the schedule. */
import { assert, assertEquals } from "@std/assert";
import { type Channel, ShutDown, type SimpleQueue } from "@verdant/green";
import { inTime } from "./explored.ts";

/** A call, in the order in which they were made. */
interface Call {
  readonly kind: "put" | "get" | "peek" | "drop" | "resize";
  /** What it puts, or has got; the new size. */
  item: number;
  /** Whether it was done; otherwise it must have had no effect. */
  done: boolean;
}

/** How a queue keeps its items. */
export type Insert = (items: number[], item: number) => void;

export const FIRST_IN_FIRST_OUT: Insert = (items, item) => void items.push(item);
export const LAST_IN_FIRST_OUT: Insert = (items, item) => void items.unshift(item);
export const SMALLEST_FIRST: Insert = (items, item) => {
  const at = items.findIndex((other) => other > item);
  items.splice(at < 0 ? items.length : at, 0, item);
};

/**
 * All that is put to a queue or channel, and got from it.
 *
 * Those who wait are served in order, so that the order of the calls alone decides who gets what, and a call
 * that was not done has changed nothing for the others.
 */
export class Trade {
  readonly #calls: Call[] = [];
  readonly #received = new Set<number>();
  #next = 0;
  /** How many calls have neither been done nor been given up. */
  open = 0;

  /** The items that are left are dropped. */
  drop(): void {
    this.#calls.push({ kind: "drop", item: -1, done: true });
  }

  /** There is room for so many. */
  resize(maxSize: number): void {
    this.#calls.push({ kind: "resize", item: maxSize, done: true });
  }

  /** Puts a new item; says whether it was done. `act` is to begin at once. */
  put(act: (item: number) => unknown): Promise<boolean> {
    const call = this.begin("put", this.newItem());
    return wasDone(async () => {
      try {
        await act(call.item);
        this.done(call);
      } finally {
        this.open--;
      }
    });
  }

  /** Gets an item; says whether it was done. */
  get(act: () => unknown, kind: "get" | "peek" = "get"): Promise<boolean> {
    const call = this.begin(kind, -1);
    return wasDone(async () => {
      try {
        this.done(call, await act() as number);
      } finally {
        this.open--;
      }
    });
  }

  /** Notes a call that is being made; whoever does that counts it down in `open` when it is over. */
  begin(kind: Call["kind"], item: number): Call {
    const call = { kind, item, done: false };
    this.#calls.push(call);
    this.open++;
    return call;
  }

  /** Notes that a call was done. */
  done(call: Call, item: number = call.item): void {
    call.done = true;
    call.item = item;
    if (call.kind === "get") this.#received.add(item);
  }

  /** An item that nobody has put yet; neither greater nor less than all before. */
  newItem(): number {
    return this.#next++ * 37 % 101;
  }

  /** Whether somebody has got the item. */
  received(item: number): boolean {
    return this.#received.has(item);
  }

  /** Checks who got what; returns what must be left. */
  check(maxSize: number, insert: Insert = FIRST_IN_FIRST_OUT): number[] {
    const model = new Model(maxSize, insert);
    for (const call of this.#calls) if (call.done) model.call(call);
    model.checkIdle();
    return model.items;
  }
}

/** Does the calls one by one. */
class Model {
  readonly items: number[] = [];
  readonly #getters: Call[] = [];
  readonly #putters: Call[] = [];
  readonly #insert: Insert;
  #maxSize: number;

  constructor(maxSize: number, insert: Insert) {
    this.#maxSize = maxSize;
    this.#insert = insert;
  }

  call(call: Call): void {
    switch (call.kind) {
      case "put":
        return this.#put(call);
      case "get":
        return this.#get(call);
      case "peek":
        return this.#peek(call);
      case "drop":
        return void this.items.splice(0);
      case "resize":
        this.#maxSize = call.item;
        this.#refill();
    }
  }

  checkIdle(): void {
    assertEquals(this.#getters, [], "There is more that was got than was put");
    assertEquals(this.#putters, [], "There was no room for all that was put");
  }

  #put(call: Call): void {
    for (let getter = this.#getters.shift(); getter !== undefined; getter = this.#getters.shift()) {
      expectItem(getter, call.item);
      if (getter.kind === "get") return;
    }
    if (this.items.length < this.#maxSize) this.#insert(this.items, call.item);
    else this.#putters.push(call);
  }

  #get(call: Call): void {
    const item = this.items.shift() ?? this.#putters.shift()?.item;
    if (item === undefined) return void this.#getters.push(call);
    expectItem(call, item);
    this.#refill();
  }

  #peek(call: Call): void {
    if (this.items.length === 0) this.#getters.push(call);
    else expectItem(call, this.items[0]!);
  }

  #refill(): void {
    while (this.items.length < this.#maxSize && this.#putters.length > 0) {
      this.#insert(this.items, this.#putters.shift()!.item);
    }
  }
}

function expectItem(call: Call, item: number): void {
  assertEquals(call.item, item, `A ${call.kind}() got another item than its turn was`);
}

/** Whether an operation was done: neither was its time over before, nor the queue shut down. */
export async function wasDone(operation: () => Promise<void>): Promise<boolean> {
  try {
    return await inTime(operation);
  } catch (error) {
    if (error instanceof ShutDown) return false;
    throw error;
  }
}

/** When all are parked: those who still wait have a reason, and nobody else stands in line. */
export function checkStandstill(line: SimpleQueue<number> | Channel<number>, { open }: Trade): void {
  const { size, full, getters, putters } = line;
  assert(getters.size === 0 || size === 0, "Somebody waits to get though there is an item");
  assert(putters.size === 0 || full, "Somebody waits to put though there is room");
  assertEquals(getters.size + putters.size, open, "Not just those stand in line who wait");
}
