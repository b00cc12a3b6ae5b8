import { quiet, until } from "../../hub/mod.ts";

/**
 * The body of a request is larger than the server takes. If a handler does not catch it, the client gets the
 * status 413.
 *
 * @example Refuse more than 10 bytes
 * ```ts
 * import { BodyTooLargeError, HttpServer } from "@verdant/green";
 *
 * new HttpServer({ port: 0 }, async (request) => {
 *   try {
 *     return new Response(await request.text());
 *   } catch (error) {
 *     if (error instanceof BodyTooLargeError) return new Response("Too much", { status: 413 });
 *     throw error;
 *   }
 * }, { maxBodyBytes: 10 });
 * ```
 */
export class BodyTooLargeError extends Error {
  /** Always `"BodyTooLargeError"`. */
  override readonly name = "BodyTooLargeError";
}

/** The rest of a body will not come. Whoever reads it is told, and nobody waits for an answer. */
export class ClientGoneError extends Deno.errors.ConnectionReset {
  /** @param cause What the platform said. */
  constructor(cause: unknown) {
    super("The client has gone before its whole request had come", { cause });
  }
}

/** A body breaks the rules of HTTP. If a handler does not catch it, the client gets the status 400. */
export class BadBodyError extends Deno.errors.InvalidData {
  /** @param cause What the platform said. */
  constructor(cause: unknown) {
    super("The body of the request breaks the rules of HTTP", { cause });
  }
}

/** Whether a request announces a larger body than `maxBytes`. */
export function announcesMore(request: Request, maxBytes: number): boolean {
  return Number(request.headers.get("content-length") ?? 0) > maxBytes;
}

/** Whether a request may have a body, going by its method. */
export function mayHaveBody({ method }: Request): boolean {
  return method !== "GET" && method !== "HEAD";
}

interface BodyState {
  readonly maxBytes: number;
  /** The limited body, once somebody has asked for it. */
  stream: ReadableStream<Uint8Array<ArrayBuffer>> | null | undefined;
  /** Whether somebody has begun to read the stream. */
  used: boolean;
  /** Whether a copy of the request gets the same chunks: then they must not be given away. */
  shared: boolean;
}

const states = new WeakMap<Request, BodyState>();

/**
 * Makes the waits for the body of a request green, so that kills and time-outs end them, and limits it. The
 * request stays the platform's own object, which is what `Deno.upgradeWebSocket()` and the like ask for.
 */
export function makeBodyGreen(request: Request, maxBytes: number, shared = false): void {
  states.set(request, { maxBytes, stream: undefined, used: false, shared });
  Object.setPrototypeOf(request, GreenRequest.prototype);
}

/** The methods of such a request. Never constructed. */
class GreenRequest extends Request {
  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const state = states.get(this)!;
    if (state.stream === undefined) {
      const source = super.body as ReadableStream<Uint8Array<ArrayBuffer>> | null;
      if (source?.locked) return source; // it has been read as a whole
      state.stream = source && limited(source, state);
    }
    return state.stream;
  }

  override get bodyUsed(): boolean {
    const { stream, used } = states.get(this)!;
    return stream === undefined ? super.bodyUsed : used;
  }

  /** The copy has the same limit. */
  override clone(): Request {
    const state = states.get(this)!;
    const copy = state.stream ? cloneStreamed(this, state) : super.clone();
    state.shared = true;
    makeBodyGreen(copy, state.maxBytes, true);
    return copy;
  }

  override text(): Promise<string> {
    return collect(this, () => super.text(), (response) => response.text());
  }

  // deno-lint-ignore no-explicit-any -- as the platform's
  override json(): Promise<any> {
    return collect(this, () => super.json(), (response) => response.json());
  }

  override bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return collect(this, () => super.bytes(), (response) => response.bytes());
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    return collect(this, () => super.arrayBuffer(), (response) => response.arrayBuffer());
  }

  override blob(): Promise<Blob> {
    return collect(this, () => super.blob(), (response) => response.blob());
  }

  override formData(): Promise<FormData> {
    return collect(this, () => super.formData(), (response) => response.formData());
  }
}

/** Of a body whose length is announced, the platform reads no more than that; another is counted. */
function collect<T>(
  request: Request,
  read: () => Promise<T>,
  readFrom: (response: Response) => Promise<T>,
): Promise<T> {
  const announced = request.headers.has("content-length") && states.get(request)!.stream === undefined;
  const work = announced ? () => read().catch(explain) : () => {
    const response = new Response(request.body, { headers: typeOf(request) });
    states.get(request)!.used = true;
    return readFrom(response);
  };
  return quiet(until(work, { what: "request body" }));
}

/** The platform's own words are about resources, and it has no class for a body that is wrong. */
function explain(error: unknown): never {
  const { BadResource, ConnectionReset, ConnectionAborted, Http, UnexpectedEof } = Deno.errors;
  const losses = [BadResource, ConnectionReset, ConnectionAborted, Http, UnexpectedEof];
  if (losses.some((Class) => error instanceof Class)) throw new ClientGoneError(error);
  throw (error as Error | undefined)?.constructor === Error ? new BadBodyError(error) : error;
}

function typeOf({ headers }: Request): HeadersInit {
  const type = headers.get("content-type");
  return type === null ? {} : { "content-type": type };
}

/** Of a request whose body is with somebody already, though not read. */
function cloneStreamed(request: Request, state: BodyState): Request {
  if (state.used || state.stream!.locked) {
    throw new TypeError("Cannot clone request: its body is being read, or has been");
  }
  const [own, other] = state.stream!.tee();
  state.stream = limited(own, state);
  const { url, method, headers } = request;
  return new Request(url, { method, headers, body: other });
}

/** The platform yields empty chunks, too, which a stream of bytes must not. */
async function readSome(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> {
  for (;;) {
    const result = await until(() => reader.read().catch(explain), { what: "request body" });
    if (result.done || result.value.length > 0) return result;
  }
}

function limited(
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
  state: BodyState,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = source.getReader();
  let count = 0;
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      state.used = true;
      const { done, value } = await readSome(reader);
      if (done) {
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      count += value.length;
      if (count > state.maxBytes) {
        await reader.cancel();
        throw new BodyTooLargeError(`The body of the request is larger than ${state.maxBytes} bytes`);
      }
      controller.enqueue(state.shared ? value.slice() : value);
    },
    cancel(reason) {
      state.used = true;
      return reader.cancel(reason);
    },
  });
}
