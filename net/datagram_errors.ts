/** What `node:dgram` reports, in the platform's own error classes and with what was to be done. */
import { formatHostPort } from "./address.ts";
import type { Parcel } from "./datagram_outbox.ts";

/** An error of `node:dgram`. */
type SystemError = Error & { readonly code?: string | undefined };

/** Says what was to be done. A missing permission keeps its error, which says more. */
export function systemError(tried: string, cause: SystemError): Error {
  if (cause instanceof Deno.errors.NotCapable) return cause;
  const { code } = cause;
  const Class = classOf(code);
  const error = new Class(`${tried}: ${cause.message}`, { cause });
  return code === undefined ? error : Object.assign(error, { code });
}

/** Why a datagram could not be sent. */
export function sendError({ address, port, data }: Parcel, cause: SystemError): Error {
  const place = formatHostPort(address, port);
  const tried = `Cannot send ${data.length} bytes to ${place}`;
  if (cause.code !== "EMSGSIZE" && !permits(place)) {
    return new Deno.errors.NotCapable(`${tried}: run again with --allow-net=${place}`, { cause });
  }
  return systemError(tried, cause);
}

/** `node:dgram` does not tell a missing permission from other errors. */
function permits(host: string): boolean {
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

function classOf(code: string | undefined): new (message: string, options: ErrorOptions) => Error {
  switch (code) {
    case "EADDRINUSE":
      return Deno.errors.AddrInUse;
    case "EADDRNOTAVAIL":
      return Deno.errors.AddrNotAvailable;
    case "EACCES":
    case "EPERM":
      return Deno.errors.PermissionDenied;
    case "EMSGSIZE":
      return RangeError;
    default:
      return Error;
  }
}
