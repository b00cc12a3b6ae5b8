/** Connections and listeners that wait through the hub: made so when they come from a patched function. */
import { until } from "../../hub/mod.ts";
import { BYTES, Leftovers, resumable } from "./leftovers.ts";
import { greenReadable, greenWritable } from "./streams.ts";
import {
  type AnyFunction,
  cleaningUp,
  imitate,
  replaceGetters,
  replaceMethods,
  throughHub,
} from "./through_hub.ts";

/** Bytes that are read: none is lost when their reader is interrupted. */
export const receiving = (original: AnyFunction): AnyFunction => resumable(original, { delivery: BYTES });

/** Bytes that are sent, from a copy: the caller's buffer is theirs again when they are interrupted. */
export const sending = (original: AnyFunction): AnyFunction =>
  throughHub(original, {
    wait: (call, [bytes]) => until(() => call((bytes as Uint8Array).slice()), { what: original.name }),
  });

/** Makes a connection wait through the hub. */
export function greenConn<C extends Deno.Conn>(conn: C): C {
  replaceGetters(conn, { readable: greenReadable, writable: greenWritable });
  return replaceMethods(conn, {
    read: receiving,
    write: sending,
    closeWrite: cleaningUp,
    handshake: throughHub,
  });
}

/** Makes a listener wait through the hub, and its connections. */
export function greenListener<L extends Deno.Listener>(listener: L): L {
  /** Accepted for somebody who was interrupted. */
  const undelivered = new Leftovers<Deno.Conn>();
  const closing = (original: AnyFunction) =>
    function close(this: L) {
      Reflect.apply(original, this, []);
      for (const { result } of undelivered.drop(listener)) result.then((conn) => conn.close(), () => {});
    };
  return replaceMethods(listener, {
    accept: (original) => resumable(accepting(original), { leftovers: undelivered }),
    close: closing,
    [Symbol.dispose]: closing,
  });
}

/** Also outside of greenlets: the connection may be used in one. */
function accepting(original: AnyFunction): AnyFunction {
  function accept(this: Deno.Listener): Promise<Deno.Conn> {
    return (Reflect.apply(original, this, []) as Promise<Deno.Conn>).then(greenConn);
  }
  return imitate(accept, original);
}
