import { Turn, type Work } from "./turn.ts";

/** What the line knows of a turn. */
interface InLine {
  readonly what: string;
  readonly awaited: boolean;
  begin(): void;
  expel(error: Error): void;
}

/** The operations of one file: one at a time, in the order in which they were asked for. */
export class Line {
  readonly #owner: object;
  /** Called when somebody begins or ceases to wait. */
  readonly #onChange: () => void;
  readonly #turns: InLine[] = [];
  #current: InLine | undefined = undefined;
  #advancing = false;

  constructor(owner: object, onChange: () => void) {
    this.#owner = owner;
    this.#onChange = onChange;
  }

  /** Whether no operation is under way or waits for its turn. */
  get idle(): boolean {
    return this.#current === undefined && this.#turns.length === 0;
  }

  /** How many operations wait for their turn. */
  get length(): number {
    return this.#turns.length;
  }

  /** Whether somebody waits for one of the operations. */
  get awaited(): boolean {
    return this.#current?.awaited === true || this.#turns.some((turn) => turn.awaited);
  }

  /** Adds an operation; it begins at once if it is its turn. */
  add<T>(what: string, work: Work<T>): Turn<T> {
    const turn = new Turn(what, this.#owner, this, work);
    this.#turns.push(turn);
    this.advance();
    return turn;
  }

  /** Ends the waits for operations of one kind. */
  expel(what: string, makeError: () => Error): void {
    for (const turn of [this.#current, ...this.#turns]) {
      if (turn?.what === what && turn.awaited) turn.expel(makeError());
    }
  }

  /** For turns: nobody wants it any more. What has not begun never will. */
  left(turn: InLine): void {
    const at = this.#turns.indexOf(turn);
    if (at >= 0) this.#turns.splice(at, 1);
    this.changed();
  }

  /** For turns: somebody waits. */
  changed(): void {
    this.#onChange();
  }

  /** For turns: the current one is over. */
  free(): void {
    this.#current = undefined;
  }

  /** For turns: begins what is next. A loop, because an operation may be over at once. */
  advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    while (this.#current === undefined && this.#turns.length > 0) {
      this.#current = this.#turns.shift()!;
      this.#current.begin();
    }
    this.#advancing = false;
  }
}
