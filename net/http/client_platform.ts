import type { ClientRequest } from "./client_request.ts";

/** What `Deno.createHttpClient` is told. */
export interface PlatformOptions extends Deno.CreateHttpClientOptions {
  cert?: string | undefined;
  key?: string | undefined;
}

/**
 * The platform's client: sends requests, and keeps connections.
 *
 * When a connection that was kept open breaks before the answer comes, Deno sends the request again by itself, be it
 * a POST that the server has carried out. A request that must not be sent twice gets a connection of its own: on a
 * new one the same is an error.
 */
export class PlatformClient implements Disposable {
  readonly #options: Deno.CreateHttpClientOptions;
  readonly #keeping: Deno.HttpClient;
  #notKeeping: Deno.HttpClient | undefined = undefined;

  /**
   * Makes one.
   *
   * @throws {TypeError} If a certificate comes without its key.
   */
  constructor(options: PlatformOptions) {
    const { cert, key } = options;
    if ((cert === undefined) !== (key === undefined)) {
      throw new TypeError("Cannot create HTTP client: cert and key must be given together");
    }
    this.#options = options as Deno.CreateHttpClientOptions;
    this.#keeping = Deno.createHttpClient(this.#options);
  }

  /** Sends a request, twice at most if it may be sent again, otherwise once. */
  send(request: ClientRequest, signal: AbortSignal, mayBeSentAgain: boolean): Promise<Response> {
    // What comes from a stream Deno cannot send again.
    const client = mayBeSentAgain || request.isStreamed ? this.#keeping : this.#notKeepingClient();
    return request.send(client, signal);
  }

  /** Closes all connections that are not in use. */
  [Symbol.dispose](): void {
    this.#keeping.close();
    this.#notKeeping?.close();
  }

  #notKeepingClient(): Deno.HttpClient {
    return this.#notKeeping ??= Deno.createHttpClient({ ...this.#options, poolMaxIdlePerHost: 0 });
  }
}
