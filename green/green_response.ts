import { GreenletExit, quiet, until } from "../hub/mod.ts";
import { getCurrent } from "./current.ts";

const DURING = { what: "fetch body" };

/** The request that a response and its copies belong to. */
class FetchCall {
  readonly #abort: (reason: unknown) => void;
  readonly #link: Disposable | undefined;

  constructor(abort: (reason: unknown) => void) {
    this.#abort = abort;
    this.#link = getCurrent()?.rawlink((owner) => {
      if (owner.failed || owner.value instanceof GreenletExit) abort(owner.error ?? owner.value);
    });
  }

  /** Waits for the platform; a wait that ends otherwise ends the request. */
  async during<T>(operation: () => Promise<T>, isLast = false): Promise<T> {
    try {
      const value = await until(operation, DURING);
      if (isLast) this.settle();
      return value;
    } catch (error) {
      this.settle();
      this.#abort(error);
      throw error;
    }
  }

  /** Whatever becomes of the greenlet that made it. */
  settle(): void {
    this.#link?.[Symbol.dispose]();
  }
}

/** Reads the platform's body chunk by chunk, each in the async context of whoever asks for it. */
class GreenBody implements UnderlyingByteSource {
  /** For the stream. */
  readonly type = "bytes";
  readonly #call: FetchCall;
  readonly #open: () => ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>> = new ReadableStream(this as UnderlyingByteSource);
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined = undefined;
  #bypassed = false;

  constructor(call: FetchCall, open: () => ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#call = call;
    this.#open = open;
  }

  /** Whether somebody has read from the stream. */
  get begun(): boolean {
    return this.#reader !== undefined;
  }

  /** The body is read as a whole, past the stream, which is locked and used up by that. */
  bypass(): void {
    if (this.#bypassed) return;
    this.#bypassed = true;
    quiet(this.stream.getReader().cancel());
  }

  /** For the stream. */
  async pull(controller: ReadableByteStreamController): Promise<void> {
    const reader = this.#reader ??= this.#open().getReader();
    const { done, value } = await this.#call.during(() => reader.read());
    if (!done) return controller.enqueue(value);
    this.#call.settle();
    controller.close();
    controller.byobRequest?.respond(0);
  }

  /** For the stream. */
  async cancel(reason: unknown): Promise<void> {
    if (this.#bypassed) return;
    this.#call.settle();
    await (this.#reader ?? this.#open()).cancel(reason);
  }
}

/** What a response has beside what the platform knows of it. */
interface Extras {
  readonly call: FetchCall;
  /** Made when somebody wants the stream. */
  body?: GreenBody;
}

const extras = new WeakMap<Response, Extras>();
let prototype: Response | undefined;

/**
 * Makes the platform's response one whose body is awaited through the hub: a kill or a time-out of whoever reads it
 * aborts the request, and so does the end of the greenlet that fetched it, unless it returned.
 *
 * It stays the platform's own, with another prototype: making a `Response` around its body would take longer than
 * all the rest, and a server can pass it on as it is.
 */
export function greenResponse(response: Response, abort: (reason: unknown) => void): Response {
  if (response.body === null) return response;
  return adopt(response, new FetchCall(abort));
}

function adopt(response: Response, call: FetchCall): Response {
  extras.set(response, { call });
  return Object.setPrototypeOf(response, prototype ??= makePrototype());
}

/**
 * The prototype of such responses. Made for the first of them: to extend `Response` loads the platform's fetch, which
 * takes milliseconds that not every program wants to spend at its start.
 */
function makePrototype(): Response {
  class GreenResponse extends Response {
    override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
      const own = extras.get(this)!;
      own.body ??= new GreenBody(own.call, () => super.body!);
      if (this.bodyUsed && !own.body.begun) own.body.bypass();
      return own.body.stream;
    }

    override clone(): Response {
      if (extras.get(this)!.body?.stream.locked) throw new TypeError("Body is unusable");
      return adopt(super.clone(), extras.get(this)!.call);
    }

    override text(): Promise<string> {
      return read(this, () => super.text());
    }

    // deno-lint-ignore no-explicit-any -- as the platform's
    override json(): Promise<any> {
      return read(this, () => super.json());
    }

    override bytes(): Promise<Uint8Array<ArrayBuffer>> {
      return read(this, () => super.bytes());
    }

    override arrayBuffer(): Promise<ArrayBuffer> {
      return read(this, () => super.arrayBuffer());
    }

    override blob(): Promise<Blob> {
      return read(this, () => super.blob());
    }

    override formData(): Promise<FormData> {
      return read(this, () => super.formData());
    }
  }
  return GreenResponse.prototype;
}

/** Reads the body as a whole, which is much faster than through our stream. */
function read<T>(response: Response, whole: () => Promise<T>): Promise<T> {
  const { call, body } = extras.get(response)!;
  if (body?.stream.locked) {
    return quiet(Promise.reject(new TypeError("Body is unusable: its stream is locked")));
  }
  if (response.bodyUsed) return quiet(whole()); // refused
  body?.bypass();
  return quiet(call.during(whole, true));
}
