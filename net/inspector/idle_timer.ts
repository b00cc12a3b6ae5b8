import { platform } from "../../hub/platform_timers.ts";

/** A timer of the platform, which neither keeps the process alive nor shows among the timers of the hub. */
export class IdleTimer {
  readonly #fire: () => void;
  #id: ReturnType<typeof platform.setTimeout> | undefined = undefined;

  /** @param fire Called when the time is over. */
  constructor(fire: () => void) {
    this.#fire = fire;
  }

  /** Calls after `delay` (ms), and not when it was to call before. */
  start(delay: number): void {
    this.stop();
    const id = platform.setTimeout(this.#onTime, delay);
    Deno.unrefTimer(id);
    this.#id = id;
  }

  /** Does not call. */
  stop(): void {
    if (this.#id !== undefined) platform.clearTimeout(this.#id);
    this.#id = undefined;
  }

  readonly #onTime = (): void => {
    this.#id = undefined;
    this.#fire();
  };
}
