/** What a response sends. */
export type ResponseBody = string | Uint8Array | ReadableStream<Uint8Array<ArrayBuffer>> | null;

type Look = (response: Response) => ResponseBody | undefined;

/** Made on first use: streams are slow to load. */
let looks: Look[] | undefined;

/**
 * What a response was made of. In doubt it is a stream.
 *
 * `response.body` would tell, but it turns text into a stream, which costs a hello-world server 16 % of its
 * requests. Deno keeps the body in properties of the response, which tests on first use look for.
 */
export function bodyOf(response: Response): ResponseBody {
  looks ??= [lookAtFastBody(), lookAtInnerBody()].filter((look) => look !== undefined);
  for (const look of looks) {
    const body = look(response);
    if (body !== undefined) return body;
  }
  return response.body;
}

const encoder = new TextEncoder();

/** How many bytes a body has; `undefined` if it is a stream. */
export function sizeOf(body: ResponseBody): number | undefined {
  if (body === null) return 0;
  if (typeof body === "string") return encoder.encode(body).length;
  return body instanceof Uint8Array ? body.length : undefined;
}

/** Text and bytes of responses without headers of their own that nobody has looked at. */
function lookAtFastBody(): Look | undefined {
  return found("lazy static body", (value) => isStatic(value) ? value : undefined);
}

interface InnerBody {
  readonly streamOrStatic?: ReadableStream<Uint8Array<ArrayBuffer>> | { body?: unknown; consumed?: boolean };
}

/** The others. */
function lookAtInnerBody(): Look | undefined {
  return found("response", (value) => {
    const content = (value as { body?: InnerBody | null }).body?.streamOrStatic;
    if (content === undefined) return undefined;
    // Not first of all whether it is a stream: that global is slow to get.
    if ("consumed" in content) return isStatic(content.body) && !content.consumed ? content.body : undefined;
    return content instanceof ReadableStream ? content : undefined;
  }, { headers: { "x-probe": "1" } });
}

/** A look at the property of that name, if it is found to tell the truth about text and streams. */
function found(
  name: string,
  read: (value: unknown) => ResponseBody | undefined,
  init?: ResponseInit,
): Look | undefined {
  const text = new Response("probe", init);
  const stream = new ReadableStream();
  const key = Object.getOwnPropertySymbols(text).find(({ description }) => description === name);
  if (key === undefined) return undefined;
  const look: Look = (response) => read((response as unknown as Record<symbol, unknown>)[key]);
  try {
    const ofStream = look(new Response(stream, init));
    if (look(text) !== "probe" || (ofStream !== undefined && ofStream !== stream)) return undefined;
    void text.text();
    return look(text) === undefined ? look : undefined; // what has been read is not sent again
  } catch {
    return undefined;
  }
}

function isStatic(value: unknown): value is string | Uint8Array {
  return typeof value === "string" || value instanceof Uint8Array;
}
