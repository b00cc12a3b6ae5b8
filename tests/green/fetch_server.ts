/** Promises by name, made by whoever asks first. */
class Milestones {
  readonly #byName = new Map<string, PromiseWithResolvers<void>>();

  at(name: string): PromiseWithResolvers<void> {
    let milestone = this.#byName.get(name);
    if (milestone === undefined) this.#byName.set(name, milestone = Promise.withResolvers<void>());
    return milestone;
  }
}

/** A server whose answers can hang, and which tells when a client has gone. */
export interface FetchServer extends AsyncDisposable {
  /** The address of a path. */
  url(path: string): string;
  /** Resolves when a request for that path has come. */
  reached(path: string): Promise<void>;
  /** Resolves when the client of that path has gone. */
  gone(path: string): Promise<void>;
}

/**
 * Starts it. Paths under `/hang` are answered at the end only, those under `/slow` begin with a chunk that
 * is followed by no other, `/echo` sends back what it got, `/drain` reads what it gets.
 */
export function startServer(): FetchServer {
  const reached = new Milestones();
  const gone = new Milestones();
  const closing = Promise.withResolvers<void>();

  async function answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    reached.at(pathname).resolve();
    if (pathname.startsWith("/hang")) {
      request.signal.addEventListener("abort", () => gone.at(pathname).resolve());
      await closing.promise;
      return new Response("too late");
    }
    if (pathname.startsWith("/slow")) {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode("first ")),
        cancel: () => gone.at(pathname).resolve(),
      });
      return new Response(body);
    }
    if (pathname.startsWith("/drain")) {
      await request.text().catch(() => gone.at(pathname).resolve());
      return new Response("drained");
    }
    switch (pathname) {
      case "/redirect":
        return Response.redirect(new URL("/text", request.url), 302);
      case "/empty":
        return new Response(null, { status: 204 });
      case "/echo":
        return new Response(request.body, { headers: { "x-method": request.method } });
      case "/json":
        return Response.json({ ok: true });
      case "/form":
        return new Response(new URLSearchParams({ a: "1", b: "2" }));
      case "/missing":
        return new Response("nothing here", { status: 404, statusText: "Not Found" });
      default:
        return new Response("hello");
    }
  }

  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, answer);
  return {
    url: (path) => `http://127.0.0.1:${server.addr.port}${path}`,
    reached: (path) => reached.at(path).promise,
    gone: (path) => gone.at(path).promise,
    async [Symbol.asyncDispose]() {
      closing.resolve();
      await server.shutdown();
    },
  };
}
