import { enterWait, EXPIRE_FALSE, planWait, refusal, suspend, WaitList } from "../../hub/mod.ts";

/**
 * The requests to one origin: so many at a time, the others wait, first come first served.
 *
 * Invariant: nobody waits while there is a slot.
 */
class HostSlots {
  /** How many slots are taken. */
  active = 0;
  readonly #limit: number;
  readonly #line: WaitList;
  readonly #emptied: () => void;

  constructor(limit: number, line: WaitList, emptied: () => void) {
    this.#limit = limit;
    this.#line = line;
    this.#emptied = emptied;
  }

  get waiting(): number {
    return this.#line.size;
  }

  /** Takes a slot if one is free, and says whether. */
  tryTake(): boolean {
    if (this.active >= this.#limit) return false;
    this.active++;
    return true;
  }

  /** Waits for a slot: when this returns, it is taken. */
  async take(signal: AbortSignal): Promise<void> {
    const plan = planWait({ signal }, "fetch");
    const task = enterWait("fetch");
    await (refusal(task, plan) ?? suspend(task, this.#line, undefined, plan, EXPIRE_FALSE));
  }

  /** Gives a slot to the one who has waited longest, or back. */
  give(): void {
    const next = this.#line.shift();
    if (next !== undefined) return next.wake(true);
    this.active--;
    if (this.active === 0) this.#emptied();
  }
}

/** The right to make a request, until it is given back. */
export interface Slot {
  /** Gives it back. To be called once. */
  give(): void;
}

/** The slots of all origins that there are requests to. */
export class SlotTable {
  readonly #limit: number;
  readonly #owner: object;
  readonly #byOrigin = new Map<string, HostSlots>();

  /**
   * Makes a table without entries.
   *
   * @param limit How many requests to one origin there may be at a time.
   * @param owner Whose table it is, for reports.
   */
  constructor(limit: number, owner: object) {
    this.#limit = limit;
    this.#owner = owner;
  }

  /** How many slots are taken. */
  get active(): number {
    return this.#count((slots) => slots.active);
  }

  /** How many requests wait for one. */
  get waiting(): number {
    return this.#count((slots) => slots.waiting);
  }

  /** Takes a slot if one is free. Does not switch. */
  tryTake(origin: string): Slot | undefined {
    const slots = this.#at(origin);
    return slots.tryTake() ? slots : undefined;
  }

  /** Takes a slot, waiting for it. Switches. */
  async take(origin: string, signal: AbortSignal): Promise<Slot> {
    const slots = this.#at(origin);
    if (!slots.tryTake()) await slots.take(signal);
    return slots;
  }

  #at(origin: string): HostSlots {
    let slots = this.#byOrigin.get(origin);
    if (slots === undefined) {
      const line = new WaitList(`turn at ${origin}`, this.#owner);
      slots = new HostSlots(this.#limit, line, () => this.#byOrigin.delete(origin));
      this.#byOrigin.set(origin, slots);
    }
    return slots;
  }

  #count(part: (slots: HostSlots) => number): number {
    let sum = 0;
    for (const slots of this.#byOrigin.values()) sum += part(slots);
    return sum;
  }
}
