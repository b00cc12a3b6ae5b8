import type { RequestGreenlet } from "./request_greenlet.ts";

/** The requests that are being handled, oldest first. */
export class RequestList implements Iterable<RequestGreenlet> {
  /** How many there are. */
  size = 0;
  #first: RequestGreenlet | undefined = undefined;
  #last: RequestGreenlet | undefined = undefined;

  /** Adds one at the end. */
  add(greenlet: RequestGreenlet): void {
    greenlet.before = this.#last;
    if (this.#last === undefined) this.#first = greenlet;
    else this.#last.after = greenlet;
    this.#last = greenlet;
    greenlet.listed = true;
    this.size++;
  }

  /** Takes one out. */
  remove(greenlet: RequestGreenlet): void {
    const { before, after } = greenlet;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    greenlet.before = greenlet.after = undefined;
    greenlet.listed = false;
    this.size--;
  }

  /** All that are in it now; one that has been visited may be taken out meanwhile. */
  *[Symbol.iterator](): Iterator<RequestGreenlet> {
    for (let greenlet = this.#first, next = greenlet; greenlet !== undefined; greenlet = next) {
      next = greenlet.after;
      yield greenlet;
    }
  }
}
