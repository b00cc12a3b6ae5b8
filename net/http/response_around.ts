import { quiet } from "../../hub/mod.ts";

/**
 * A response with the head of the platform's own and a body whose every read is a wait of a greenlet. A constructed
 * `Response` knows neither the address nor some statuses that servers send.
 *
 * @example What `HttpClient` answers with
 * ```ts
 * import { HttpClient, ResponseAround } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response("hello"));
 * await using client = new HttpClient();
 * const response = await client.get(`http://127.0.0.1:${server.addr.port}/`);
 * assert(response instanceof ResponseAround);
 * await response.text();
 * ```
 */
export abstract class ResponseAround extends Response {
  /** The platform's. */
  protected readonly source: Response;

  /** Takes the head of `source`, and a body of one's own. */
  constructor(source: Response, body: ReadableStream<Uint8Array<ArrayBuffer>> | null) {
    super(body, headOf(source));
    this.source = source;
  }

  /** The status code; any that a server can send. */
  override get status(): number {
    return this.source.status;
  }

  /** The usual text for the status code. */
  override get statusText(): string {
    return this.source.statusText;
  }

  /** Whether the status is from 200 to 299. */
  override get ok(): boolean {
    return this.source.ok;
  }

  /** The address that answered: after redirects, the last one. */
  override get url(): string {
    return this.source.url;
  }

  /** Whether a redirect was followed. */
  override get redirected(): boolean {
    return this.source.redirected;
  }

  /** As for the platform's `fetch`. */
  override get type(): ResponseType {
    return this.source.type;
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

  /** Reads the platform's body as a whole, which is faster; `undefined` if our stream is already in use. */
  protected abstract readPastStream<T>(whole: (source: Response) => Promise<T>): Promise<T> | undefined;

  // A kill must not become an unhandled rejection where nobody awaits the body yet.
  #read<T>(whole: (source: Response) => Promise<T>, throughStream: () => Promise<T>): Promise<T> {
    return quiet(this.readPastStream(whole) ?? throughStream());
  }
}

/** What a response can be made with: servers send statuses that `Response` refuses. */
function headOf(source: Response): ResponseInit {
  const { status, headers } = source;
  return status >= 200 && status <= 599 ? source : { headers };
}
