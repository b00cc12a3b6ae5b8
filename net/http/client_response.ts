import { quiet } from "../../hub/mod.ts";
import { ResponseAround } from "./response_around.ts";
import { ClientBody } from "./client_body.ts";
import type { Lifeline } from "./client_lifeline.ts";

/**
 * What an {@linkcode HttpClient} answers with: a `Response` like any other. Reading its body switches, and can be
 * killed and timed out.
 *
 * Until the body has been read to its end the response holds one of the client's slots, and a connection. Dispose
 * of a response whose body you do not read.
 *
 * @example Only the status matters
 * ```ts
 * import { HttpClient, type HttpResponse } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response("much text"));
 * using client = new HttpClient();
 * {
 *   using response: HttpResponse = await client.get(`http://127.0.0.1:${server.addr.port}/`);
 *   assertEquals([response.status, client.active], [200, 1]);
 * }
 * assertEquals(client.active, 0);
 * ```
 */
export class HttpResponse extends ResponseAround implements Disposable {
  readonly #life: Lifeline;
  readonly #redirected: boolean;
  /** `undefined` if there is none, and in copies. */
  readonly #body: ClientBody | undefined;
  /** Whether nobody has got hold of the stream. */
  #untouched: boolean;
  #copied: boolean;

  /**
   * Made by {@linkcode HttpClient}.
   *
   * @ignore
   */
  constructor(source: Response, life: Lifeline, redirected: boolean, copy?: Response) {
    const body = copy === undefined ? adoptBody(source, life) : undefined;
    super(source, (copy === undefined ? body?.stream : copy.body) ?? null);
    this.#life = life;
    this.#redirected = redirected;
    this.#body = body;
    this.#untouched = body !== undefined;
    this.#copied = copy !== undefined;
  }

  /** Whether a redirect was followed. */
  override get redirected(): boolean {
    return this.#redirected;
  }

  /** The body as a stream; `null` if there is none. Every read is a wait of the greenlet that reads. */
  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    this.#untouched = false;
    return super.body as ReadableStream<Uint8Array<ArrayBuffer>> | null;
  }

  /** A second response with the same body. The slot is free once both were read or disposed of. */
  override clone(): HttpResponse {
    const copy = new HttpResponse(this.source, this.#life, this.#redirected, super.clone());
    this.#untouched = false;
    this.#copied = true;
    return copy;
  }

  /**
   * Gives up what has not been read of the body: the slot is free, the connection is closed. Whoever reads it now
   * or later gets an `AbortError`. Of several copies the others can still be read. Does not switch.
   */
  discard(): void {
    const { body } = this;
    if (this.#life.over || body === null) return;
    if (this.#copied && !body.locked) quiet(body.cancel());
    else this.#life.abort(new DOMException("The response was discarded", "AbortError"));
  }

  /** The same as {@linkcode discard}. */
  [Symbol.dispose](): void {
    this.discard();
  }

  /** For the base. */
  protected override readPastStream<T>(whole: (source: Response) => Promise<T>): Promise<T> | undefined {
    if (!this.#untouched) return undefined;
    this.#untouched = false;
    return this.#body!.readWhole(whole);
  }
}

/** The call goes on until the body has been read, if there is one. */
function adoptBody(source: Response, life: Lifeline): ClientBody | undefined {
  if (source.body === null || source.headers.get("content-length") === "0") {
    quiet(source.body?.cancel() ?? Promise.resolve());
    life.finish();
    return undefined;
  }
  life.detach();
  return new ClientBody(source, life);
}
