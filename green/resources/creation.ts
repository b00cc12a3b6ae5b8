import { GreenletExit, type Waiter, type WaitList } from "../../hub/mod.ts";
import { EndNode } from "../end_node.ts";
import { Job } from "../job.ts";

/** The greenlet in which an item of a pool is made. */
export class Creation<T> extends Job<T> {
  /** Whoever it was begun for: the one to be told of a failure. */
  readonly owner: Waiter | undefined;

  /** Makes one that is not started. `owner` is `undefined` if nobody asked for the item. */
  constructor(create: () => T | PromiseLike<T>, owner: Waiter | undefined) {
    super(create);
    this.name = "create";
    this.owner = owner;
    if (owner !== undefined) owner.value = this;
  }

  /** Whether the owner waits on. */
  get awaited(): boolean {
    return this.owner?.waiting ?? false;
  }
}

/** What a pool does with the ends of creations. Both are called inside the hub and must not throw. */
export interface CreationEnds<T> {
  /** An item was made. */
  readonly made: (item: T) => void;
  /** None was. Whether it was called off is told, too. */
  readonly failed: (creation: Creation<T>, calledOff: boolean) => void;
}

/**
 * The items of a pool that are being made.
 *
 * Invariant: each of those who wait owns at most one creation that is wanted.
 */
export class Creations<T> {
  readonly #create: () => T | PromiseLike<T>;
  readonly #ends: CreationEnds<T>;
  readonly #wanted = new Set<Creation<T>>();
  /** Those that were called off and have not ended. */
  readonly #doomed = new Set<Creation<T>>();

  constructor(create: () => T | PromiseLike<T>, ends: CreationEnds<T>) {
    this.#create = create;
    this.#ends = ends;
  }

  /** How many there are. */
  get size(): number {
    return this.#wanted.size + this.#doomed.size;
  }

  /** How many items are on the way. */
  get wanted(): number {
    return this.#wanted.size;
  }

  /** Begins one, for the first of those in line who owns none. */
  beginFor(line: WaitList): void {
    for (const waiter of line) {
      if (!this.#wanted.has(waiter.value as Creation<T>)) return this.begin(waiter as Waiter);
    }
  }

  /** Begins one. */
  begin(owner?: Waiter): void {
    const creation = new Creation<T>(this.#create, owner);
    this.#wanted.add(creation);
    new EndNode(creation, this.#onEnd);
    creation.start();
  }

  /** Calls one off: one whose owner has left, if there is one, but never one that is made in any case. */
  callOffSurplus(): void {
    const owned = [...this.#wanted].filter(({ owner }) => owner !== undefined);
    const surplus = owned.findLast(({ awaited }) => !awaited) ?? owned.at(-1);
    if (surplus !== undefined) this.#callOff(surplus, "nobody waits for the item any more");
  }

  /** Calls all off. */
  callOffAll(reason: string): void {
    for (const creation of this.#wanted) this.#callOff(creation, reason);
  }

  #callOff(creation: Creation<T>, reason: string): void {
    this.#wanted.delete(creation);
    this.#doomed.add(creation);
    void creation.kill(reason, { block: false });
  }

  readonly #onEnd = ({ greenlet: creation }: EndNode<Creation<T>>): void => {
    const calledOff = this.#doomed.delete(creation);
    this.#wanted.delete(creation);
    const { outcome } = creation;
    if (creation.failed || outcome instanceof GreenletExit) this.#ends.failed(creation, calledOff);
    else this.#ends.made(outcome as T);
  };
}
