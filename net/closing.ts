/** How users of a connection or socket are told that it is closed: by the platform's own errors. */

/** For who waited when it was closed: `"Reading from 127.0.0.1:80 ended: it was closed by …"`. */
export function endedByClosing(doing: string, object: object, why: string): Error {
  return new Deno.errors.Interrupted(`${doing} ${object} ended: ${why}`);
}

/** For who comes later: `"Cannot read from 127.0.0.1:80: it was closed by …"`. */
export function refusedAsClosed(action: string, object: object, why: string): Error {
  return new Deno.errors.BadResource(`Cannot ${action} ${object}: ${why}`);
}

/** Whether it is one of the two, ours or the platform's. */
export function isCausedByClosing(error: unknown): boolean {
  return error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource;
}
