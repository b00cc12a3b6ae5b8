import { quiet } from "../../hub/mod.ts";
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
export class HttpResponse extends Response implements Disposable {
  readonly #source: Response;
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
    super(copy === undefined ? body?.stream : copy.body, headOf(source));
    this.#source = source;
    this.#life = life;
    this.#redirected = redirected;
    this.#body = body;
    this.#untouched = body !== undefined;
    this.#copied = copy !== undefined;
  }

  /** The address that answered: after redirects, the last one. */
  override get url(): string {
    return this.#source.url;
  }

  /** Whether a redirect was followed. */
  override get redirected(): boolean {
    return this.#redirected;
  }

  /** As for the platform's `fetch`. */
  override get type(): ResponseType {
    return this.#source.type;
  }

  /** The status code; any that a server can send. */
  override get status(): number {
    return this.#source.status;
  }

  /** The usual text for the status code. */
  override get statusText(): string {
    return this.#source.statusText;
  }

  /** Whether the status is from 200 to 299. */
  override get ok(): boolean {
    return this.#source.ok;
  }

  /** The body as a stream; `null` if there is none. Every read is a wait of the greenlet that reads. */
  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    this.#untouched = false;
    return super.body as ReadableStream<Uint8Array<ArrayBuffer>> | null;
  }

  /** A second response with the same body. The slot is free once both were read or disposed of. */
  override clone(): HttpResponse {
    const copy = new HttpResponse(this.#source, this.#life, this.#redirected, super.clone());
    this.#untouched = false;
    this.#copied = true;
    return copy;
  }

  /** Reads the body as text. Switches. */
  override text(): Promise<string> {
    return this.#read((source) => source.text(), () => super.text());
  }

  /** Reads the body as JSON. Switches. */
  // deno-lint-ignore no-explicit-any -- as the platform's
  override json(): Promise<any> {
    return this.#read((source) => source.json(), () => super.json());
  }

  /** Reads the body as bytes. Switches. */
  override bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#read((source) => source.bytes(), () => super.bytes());
  }

  /** Reads the body as bytes. Switches. */
  override arrayBuffer(): Promise<ArrayBuffer> {
    return this.#read((source) => source.arrayBuffer(), () => super.arrayBuffer());
  }

  /** Reads the body as a `Blob` of its media type. Switches. */
  override blob(): Promise<Blob> {
    return this.#read((source) => source.blob(), () => super.blob());
  }

  /** Reads the body as a form. Switches. */
  override formData(): Promise<FormData> {
    return this.#read((source) => source.formData(), () => super.formData());
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

  // A kill must not become an unhandled rejection where nobody awaits the body yet.
  #read<T>(whole: (source: Response) => Promise<T>, throughStream: () => Promise<T>): Promise<T> {
    if (!this.#untouched) return quiet(throughStream());
    this.#untouched = false;
    return quiet(this.#body!.readWhole(whole));
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

/** What a response can be made with: servers send statuses that `Response` refuses. */
function headOf(source: Response): ResponseInit {
  const { status, headers } = source;
  return status >= 200 && status <= 599 ? source : { headers };
}
