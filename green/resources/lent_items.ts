/**
 * What a pool has lent: equal items are counted.
 */
export class LentItems<T> {
  readonly #counts = new Map<T, number>();
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds one. */
  add(item: T): void {
    this.#counts.set(item, (this.#counts.get(item) ?? 0) + 1);
    this.#size++;
  }

  /** Takes one away; says whether it was there. */
  delete(item: T): boolean {
    const count = this.#counts.get(item);
    if (count === undefined) return false;
    if (count === 1) this.#counts.delete(item);
    else this.#counts.set(item, count - 1);
    this.#size--;
    return true;
  }

  /** Takes the one away that was lent first; says whether there was one. */
  deleteOldest(): boolean {
    const [oldest] = this.#counts.keys();
    return this.#size > 0 && this.delete(oldest as T);
  }
}
