/** Servers that speak just enough of the protocol of PostgreSQL to misbehave. */

/** A string as the protocol has it. */
export function text(value: string): number[] {
  return [...new TextEncoder().encode(value), 0];
}

/** A message of the server. */
export function message(kind: string, content: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array([kind.charCodeAt(0), 0, 0, 0, content.length + 4, ...content]);
}

/** No password is needed; this is the key for requests to cancel; no transaction is open. */
export const WELCOME: Uint8Array<ArrayBuffer> = new Uint8Array([
  ...message("R", [0, 0, 0, 0]),
  ...message("K", [0, 0, 0, 1, 0, 0, 0, 2]),
  ...message("Z", ["I".charCodeAt(0)]),
]);

/** A listener on a port of its own. At its end it waits until all connections are served. */
export interface FakeServer extends AsyncDisposable {
  readonly port: number;
}

/** Reads what a client says first, which may be a request to cancel, and leaves the rest to `serve`. */
export function fakeServer(serve: (conn: Deno.Conn, cancels: boolean) => unknown): FakeServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  const served: unknown[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      const greeting = new Uint8Array(1000);
      await conn.read(greeting);
      served.push(serve(conn, greeting[4] !== 0 || greeting[5] !== 3)); // not version 3.0 of the protocol
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(served);
      for (const conn of conns) closeQuietly(conn);
    },
  };
}

/** Lets everybody in, and never says a word again. At its end all must have hung up by themselves. */
export function hungServer(): FakeServer {
  return fakeServer(async (conn, cancels) => {
    if (!cancels) await conn.write(WELCOME);
    while (await conn.read(new Uint8Array(1000)) !== null);
  });
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // `serve` has closed it.
  }
}
