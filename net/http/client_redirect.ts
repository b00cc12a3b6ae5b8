import { type ClientRequest, withoutCredentials } from "./client_request.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * A server redirects more often than {@linkcode HttpClient} is to follow, perhaps in circles.
 *
 * @example Where it led
 * ```ts
 * import { HttpClient, TooManyRedirectsError } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, ({ url }) => Response.redirect(url));
 * const url = `http://127.0.0.1:${server.addr.port}/`;
 * using client = new HttpClient({ maxRedirects: 2 });
 * const error = await assertRejects(() => client.get(url), TooManyRedirectsError);
 * assertEquals(error.urls, [url, url, url, url]);
 * ```
 */
export class TooManyRedirectsError extends Error {
  /** Always `"TooManyRedirectsError"`. */
  override readonly name = "TooManyRedirectsError";
  /** All addresses, the first one first, the one that was not asked last; without name and password. */
  readonly urls: readonly string[];

  /**
   * Makes one to throw.
   *
   * @param urls All addresses, the first one first.
   */
  constructor(urls: readonly string[]) {
    super(`Cannot follow more than ${urls.length - 2} redirects: ${describeChain(urls)}`);
    this.urls = urls;
  }
}

/** A circle is walked once. */
function describeChain(urls: readonly string[]): string {
  const circle = urls.findIndex((url, index) => urls.indexOf(url) < index);
  const shown = circle < 0 ? urls : urls.slice(0, circle + 1);
  return shown.join(" -> ") + (circle < 0 ? "" : " and so on, in circles");
}

/** What may be done with redirects. */
export interface RedirectRules {
  readonly maxRedirects: number;
  readonly allowDowngrade: boolean;
}

/** Where the answer sends on to; `undefined` if nowhere. */
export function locationOf(answer: Response): string | undefined {
  return REDIRECTS.has(answer.status) ? answer.headers.get("location") ?? undefined : undefined;
}

/** Follows redirects, and knows where it has been. */
export class RedirectChain {
  readonly #rules: RedirectRules;
  readonly #visited: string[];

  constructor(first: ClientRequest, rules: RedirectRules) {
    this.#rules = rules;
    this.#visited = [first.place];
  }

  /** Whether a redirect was followed. */
  get redirected(): boolean {
    return this.#visited.length > 1;
  }

  /**
   * The next request.
   *
   * @throws {TooManyRedirectsError} If there were enough of them.
   * @throws {TypeError} If it leads where a client does not follow.
   */
  follow(request: ClientRequest, answer: Response, location: string): ClientRequest {
    const refuse = (why: string) => {
      throw new TypeError(`Cannot follow the redirect (${answer.status}) of ${request}: ${why}`);
    };
    const url = URL.parse(location, request.url) ??
      refuse(`its location ${JSON.stringify(location)} is no URL`);
    if (url.protocol !== "http:" && url.protocol !== "https:") refuse(`${url.protocol} is not followed`);
    const place = withoutCredentials(url);
    this.#visited.push(place);
    if (this.#visited.length > this.#rules.maxRedirects + 1) throw new TooManyRedirectsError(this.#visited);
    if (request.url.protocol === "https:" && url.protocol === "http:" && !this.#rules.allowDowngrade) {
      refuse(`${place} gives up encryption (allow it with allowDowngrade)`);
    }
    if (!request.replayable && !request.becomesGet(answer.status)) refuse("its body can be sent only once");
    return request.redirectedTo(url, answer.status);
  }
}
