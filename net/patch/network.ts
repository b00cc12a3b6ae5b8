import { GreenletExit, standsFor } from "../../hub/mod.ts";
import { fetch as greenFetch, type FetchOptions, getCurrent } from "../../green/mod.ts";
import { greenConn, greenListener } from "./conns.ts";
import { aborting, ofDeno } from "./files.ts";
import { isOutside } from "../../green/outside.ts";
import type { Replacement } from "./replacement.ts";
import { abortable, type AnyFunction, begun, type Call, imitate, throughHub } from "./through_hub.ts";

/** `Deno.connect` and `Deno.listen` and their kin; what they make waits through the hub as well. */
export function networkReplacements(): Replacement[] {
  return [
    ofDeno("connect", connecting),
    ...["connectTls", "startTls"].map((key) => ofDeno(key, securing)),
    ...["listen", "listenTls"].map((key) => ofDeno(key, listening)),
  ];
}

/** `Deno.resolveDns`. */
export function dnsReplacements(): Replacement[] {
  return [ofDeno("resolveDns", aborting(2))];
}

/** `fetch`. */
export function fetchReplacements(): Replacement[] {
  const make = (original: AnyFunction) =>
    throughHub(original, { wait: (_call, [input, init]) => fetchAsPlatform(input as RequestInfo, init) });
  return [{ path: "fetch", target: () => globalThis, key: "fetch", make }];
}

/** Takes options as the platform does: `null`, no `timeout` of ours, and what they inherit, as those of a `Request`. */
function fetchAsPlatform(input: RequestInfo, init: unknown): Promise<Response> {
  if (init === undefined || init === null) return greenFetch(input);
  const prototype = Object.getPrototypeOf(init);
  if (prototype !== Object.prototype && prototype !== null) return greenFetch(new Request(input, init));
  if (!("timeout" in (init as object))) return greenFetch(input, init);
  const { timeout: _timeout, ...others } = init as FetchOptions;
  return greenFetch(input, others);
}

/** `WebSocket`: one that a greenlet made is closed if that is killed or fails. */
export function webSocketReplacements(): Replacement[] {
  return [{ path: "WebSocket", target: () => globalThis, key: "WebSocket", make: owned }];
}

function connecting(original: AnyFunction, what: string): AnyFunction {
  const close = (late: Deno.Conn) => late.close();
  // Also outside of greenlets: the connection may be used in one.
  function connect(this: unknown, ...args: unknown[]): Promise<Deno.Conn> {
    const call: Call = (...others) =>
      (Reflect.apply(original, this, others) as Promise<Deno.Conn>).then(greenConn);
    if (isOutside()) return call(...args) as Promise<Deno.Conn>;
    return abortable(call, args, 0, { what, abandon: close }) as Promise<Deno.Conn>;
  }
  return imitate(connect, original);
}

/** Nothing can stop it: what it makes is closed. */
function securing(original: AnyFunction, what: string): AnyFunction {
  function startTls(this: unknown, ...args: unknown[]): Promise<Deno.TlsConn> {
    const begin = () => (Reflect.apply(original, this, args) as Promise<Deno.TlsConn>).then(greenConn);
    return isOutside() ? begin() : begun(begin, { what, abandon: (late) => late.close() });
  }
  return imitate(startTls, original);
}

function listening(original: AnyFunction): AnyFunction {
  function listen(this: unknown, ...args: unknown[]): Deno.Listener {
    return greenListener(Reflect.apply(original, this, args) as Deno.Listener);
  }
  return imitate(listen, original);
}

function owned(original: AnyFunction): AnyFunction {
  const mine: AnyFunction = new Proxy(original, {
    construct(target, args, newTarget) {
      const socket = Reflect.construct(target, args, newTarget === mine ? target : newTarget) as WebSocket;
      closeWithOwner(socket);
      return socket;
    },
  });
  return standsFor(mine, original);
}

function closeWithOwner(socket: WebSocket): void {
  const link = getCurrent()?.rawlink((owner) => {
    if (owner.failed || owner.value instanceof GreenletExit) socket.close();
  });
  if (link !== undefined) socket.addEventListener("close", () => link[Symbol.dispose](), { once: true });
}
