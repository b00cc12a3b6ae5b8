import { EventSplitter } from "./events.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** A page that nobody looks at for so long (ms) lets go of the program. */
const HIDDEN_FOR = 30_000;

/** The connection to the program: comes back by itself, the later the longer it does not succeed. */
export class Feed {
  #token;
  #onUpdate;
  #onState;
  #pause = FIRST_PAUSE;
  #timer;
  #hiding;
  #abort;

  /** `onState` gets `"live"`, `"connecting"`, `"lost"` or `"refused"`, and a text. */
  constructor(token, onUpdate, onState) {
    this.#token = token;
    this.#onUpdate = onUpdate;
    this.#onState = onState;
    document.addEventListener("visibilitychange", () => this.#visibilityChanged());
  }

  start() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = new AbortController();
    this.#onState("connecting", "connecting");
    this.#follow(this.#abort);
  }

  /** Asks for something else than the feed. */
  fetch(path, init = {}) {
    return fetch(path, { ...init, headers: { authorization: `Bearer ${this.#token}` }, cache: "no-store" });
  }

  async #follow(abort) {
    try {
      const response = await this.fetch("/feed", { signal: abort.signal });
      if (response.status === 403) {
        return this.#onState("refused", "refused: the program has another token now");
      }
      if (!response.ok) {
        throw new Error(response.status === 503 ? "too many pages" : `status ${response.status}`);
      }
      await this.#read(response);
      throw new Error("the program has ended or stopped it");
    } catch (error) {
      if (!abort.signal.aborted) this.#retry(error);
    }
  }

  async #read(response) {
    const splitter = new EventSplitter();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
      for (const update of splitter.push(value)) {
        this.#pause = FIRST_PAUSE;
        this.#onState("live", "live");
        this.#onUpdate(update);
      }
    }
  }

  #retry(error) {
    const why = error.message === "too many pages" ? "too many pages" : "no connection";
    this.#onState("lost", `${why}, next try in ${Math.ceil(this.#pause / 1000)} s`);
    this.#timer = self.setTimeout(() => this.start(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  #visibilityChanged() {
    clearTimeout(this.#hiding);
    if (document.hidden) this.#hiding = self.setTimeout(() => this.#letGo(), HIDDEN_FOR);
    else if (this.#abort?.signal.aborted) this.start();
  }

  #letGo() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#onState("connecting", "resting");
  }
}
