import type { Hub, Timer } from "../../hub/mod.ts";

/** What an {@linkcode IdleWatch} does. */
export interface IdleActions {
  /** Whether silence means nothing now, because nobody listens. */
  deaf(): boolean;
  /** It is silent: asks whether anybody is there. */
  ask(): void;
  /** Nobody has answered. */
  giveUp(): void;
}

/** Notices that a peer is silent. Does not keep the process alive. */
export class IdleWatch {
  readonly #hub: Hub;
  /** How long (ms) the peer may be silent, and may take to answer. */
  readonly #limit: number;
  readonly #actions: IdleActions;
  #heardAt: number;
  #asked = false;
  #timer: Timer;

  constructor(hub: Hub, limit: number, actions: IdleActions) {
    this.#hub = hub;
    this.#limit = limit;
    this.#actions = actions;
    this.#heardAt = hub.now();
    this.#timer = this.#check(limit);
  }

  /** The peer was heard. */
  heard(): void {
    this.#heardAt = this.#hub.now();
    this.#asked = false;
  }

  /** Does not look any more. */
  stop(): void {
    this.#hub.cancelTimer(this.#timer);
  }

  #check(delay: number): Timer {
    return this.#hub.startTimer(delay, false, look, this);
  }

  /** For its timer, which all share: one function less for each connection. */
  look(): void {
    if (this.#actions.deaf()) this.heard();
    const left = this.#heardAt + this.#limit - this.#hub.now();
    if (left <= 0) {
      if (this.#asked) return this.#actions.giveUp();
      this.#asked = true;
      this.#heardAt = this.#hub.now();
      this.#actions.ask();
    }
    this.#timer = this.#check(left > 0 ? left : this.#limit);
  }
}

function look(watch: IdleWatch): void {
  watch.look();
}
