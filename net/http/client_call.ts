import { quiet, Timeout, until } from "../../hub/mod.ts";
import type { Lifeline } from "./client_lifeline.ts";
import type { PlatformClient } from "./client_platform.ts";
import { locationOf, RedirectChain } from "./client_redirect.ts";
import type { ClientRequest } from "./client_request.ts";
import { HttpResponse } from "./client_response.ts";
import { type FailedTry, pause, pauseAfter } from "./client_retry.ts";
import type { CallSettings } from "./client_settings.ts";
import type { SlotTable } from "./client_slots.ts";

/** What a call needs. */
export interface CallParts {
  readonly request: ClientRequest;
  /** What to do with redirects. */
  readonly redirect: RequestRedirect;
  readonly settings: CallSettings;
  readonly life: Lifeline;
  readonly slots: SlotTable;
  readonly platform: PlatformClient;
}

/** How a try ended: with an answer, or with an error that another try may not have. */
type Outcome = { readonly answer: Response; readonly error?: undefined } | {
  readonly answer?: undefined;
  readonly error: Error;
};

/** A call: as many requests as it takes until there is an answer that is neither a failure nor a redirect. */
export class ClientCall {
  readonly #parts: CallParts;
  /** What is asked now. */
  #request: ClientRequest;
  #failures = 0;

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.#request = parts.request;
  }

  /** Runs in the greenlet of the caller. Switches. */
  async run(): Promise<HttpResponse> {
    const { life, request } = this.#parts;
    try {
      return await this.#followRedirects();
    } catch (error) {
      life.abort(error);
      request.drop(error);
      throw error;
    }
  }

  async #followRedirects(): Promise<HttpResponse> {
    const { life, redirect, settings } = this.#parts;
    const chain = new RedirectChain(this.#request, settings);
    for (;;) {
      const answer = await this.#ask();
      const location = redirect === "manual" ? undefined : locationOf(answer);
      if (location === undefined) {
        life.doing = `reading the answer to ${this.#request}`;
        return new HttpResponse(answer, life, chain.redirected);
      }
      if (redirect === "error") {
        throw new TypeError(`Cannot fetch ${this.#request.place}: it redirects to ${location}`);
      }
      const next = chain.follow(this.#request, answer, location);
      abandon(answer);
      if (next.url.origin !== this.#request.url.origin) life.leaveSlot();
      this.#request = next;
    }
  }

  /** Asks until there is an answer, or no hope. */
  async #ask(): Promise<Response> {
    for (;;) {
      await this.#takeSlot();
      const outcome = await this.#try();
      const pauseMs = this.#pauseAfter(outcome);
      if (pauseMs === undefined) return this.#settleFor(outcome);
      await this.#pause(pauseMs, outcome);
    }
  }

  async #takeSlot(): Promise<void> {
    const { life, slots } = this.#parts;
    if (life.holdsSlot) return;
    const { origin } = this.#request.url;
    const free = slots.tryTake(origin);
    if (free !== undefined) return life.hold(free);
    life.doing = `waiting for a turn at ${origin}`;
    life.hold(await slots.take(origin, life.signal));
    life.signal.throwIfAborted();
  }

  async #try(): Promise<Outcome> {
    const { life, settings: { tryTimeout } } = this.#parts;
    const doing = life.doing = `waiting for the answer to ${this.#request}`;
    const limit = tryTimeout === Infinity ? undefined : new Timeout(tryTimeout, { message: doing });
    try {
      const answer = await this.#send(limit);
      life.signal.throwIfAborted();
      return { answer };
    } catch (error) {
      life.signal.throwIfAborted(); // the platform may have had its own error by then
      if (error === limit || isConnectionError(error)) return { error: error as Error };
      throw error;
    }
  }

  #send(limit: Timeout | undefined): Promise<Response> {
    const { platform, life: { signal }, settings: { retryMethods } } = this.#parts;
    const request = this.#request;
    const what = String(request);
    const mayBeSentAgain = retryMethods.includes(request.method);
    if (limit === undefined) {
      return until(() => platform.send(request, signal, mayBeSentAgain), { signal, what });
    }
    // The end of the try is not the end of the call.
    return until(
      (tried) => platform.send(request, AbortSignal.any([signal, tried]), mayBeSentAgain),
      { timeout: limit, signal, what },
    );
  }

  /** How long (ms) to pause before the next try; `undefined` if there is none. */
  #pauseAfter({ answer, error }: Outcome): number | undefined {
    const { settings, life } = this.#parts;
    const { method, place: url, replayable } = this.#request;
    if (answer !== undefined && answer.status < 400) return undefined;
    const failures = ++this.#failures;
    if (failures > settings.retries || !replayable || !settings.retryMethods.includes(method)) {
      return undefined;
    }
    const { status, headers } = answer ?? {};
    const failed: FailedTry = { method, url, failures, status, headers, error };
    if (!settings.worthIt(failed)) return undefined;
    const pauseMs = pauseAfter(failed, settings);
    // Whoever cannot wait so long is told now how it stands.
    return pauseMs === undefined || pauseMs >= life.timeLeft ? undefined : pauseMs;
  }

  #settleFor({ answer, error }: Outcome): Response {
    if (answer !== undefined) return answer;
    if (error instanceof TypeError) {
      const tries = this.#failures > 1 ? ` in ${this.#failures} tries` : "";
      error.message = `Cannot fetch ${this.#request.place}${tries}: ${(error.cause as Error).message}`;
    }
    throw error;
  }

  async #pause(ms: number, { answer }: Outcome): Promise<void> {
    const { life } = this.#parts;
    if (answer !== undefined) abandon(answer);
    life.leaveSlot();
    life.doing = `pausing before the next try of ${this.#request}`;
    await pause(ms, life.signal);
  }
}

/** Lets an answer go whose body nobody wants. The connection stays open if all of it has come. */
function abandon(answer: Response): void {
  if (answer.body !== null) quiet(answer.body.cancel());
}

/** The platform tells what went wrong on the way by the cause; what makes no sense has none. */
function isConnectionError(error: unknown): boolean {
  return error instanceof TypeError && error.cause instanceof Error;
}
