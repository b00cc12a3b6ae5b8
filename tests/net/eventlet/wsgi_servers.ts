/** WSGI servers for the tests. */
import { eventlet, type Greenlet, sleep, spawn } from "@verdant/green";
import { fromLatin1, RawClient, type RawResponse } from "../http/http_servers.ts";

export type App = eventlet.wsgi.WsgiApplication;
export type Environ = eventlet.wsgi.WsgiEnviron;

/** A WSGI server that runs; disposing of it kills its greenlet, and waits until it has stopped. */
export interface Serving extends AsyncDisposable {
  readonly sock: eventlet.ListeningSocket;
  readonly greenlet: Greenlet<void>;
  readonly port: number;
  readonly url: string;
}

/** Serves an application on any free port. */
export async function startWsgi(
  site: App,
  options: eventlet.wsgi.WsgiServerOptions = {},
  sock: eventlet.ListeningSocket = eventlet.listen(["127.0.0.1", 0]),
): Promise<Serving> {
  const greenlet = spawn(() => eventlet.wsgi.server(sock, site, { logOutput: false, ...options }));
  await sleep();
  const { port } = sock.addr as Deno.NetAddr;
  return {
    sock,
    greenlet,
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => greenlet[Symbol.asyncDispose](),
  };
}

/** A client that has connected. */
export async function dial({ port }: { readonly port: number }): Promise<RawClient> {
  return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
}

/** Sends a request on a connection of its own and reads the response. */
export async function askOnce(serving: Serving, request: string, method?: string): Promise<RawResponse> {
  using client = await dial(serving);
  return await client.ask(request, method);
}

/** An application that answers with text. */
export function answering(respond: (environ: Environ) => string | PromiseLike<string>): App {
  return async (environ, startResponse) => {
    const text = await respond(environ);
    startResponse("200 OK", [["Content-Type", "text/plain"]]);
    return [text];
  };
}

/** Bytes as text. */
export const textOf: (bytes: Uint8Array) => string = fromLatin1;
