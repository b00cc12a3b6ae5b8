import type dns from "node:dns";
import { planWait, until, type WaitOptions } from "../hub/mod.ts";
import { checkHostname, withoutBrackets } from "./address.ts";
import { builtin } from "./builtin.ts";

/**
 * An address of a host.
 *
 * @example Of this machine
 * ```ts
 * import { type HostAddress, lookup } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const [first]: HostAddress[] = await lookup("127.0.0.1");
 * assertEquals(first, { address: "127.0.0.1", family: 4 });
 * ```
 */
export interface HostAddress {
  /** In the usual notation. */
  address: string;
  /** 4 or 6. */
  family: 4 | 6;
}

/**
 * Options of {@linkcode lookup}.
 *
 * @example IPv4 only
 * ```ts
 * import { lookup, type LookupOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: LookupOptions = { family: 4 };
 * assertEquals((await lookup("localhost", options))[0]!.address, "127.0.0.1");
 * ```
 */
export interface LookupOptions extends WaitOptions {
  /** Only addresses of this family; both by default. */
  family?: 4 | 6 | undefined;
}

/**
 * Looks up the addresses of a host as the system does: hosts file included. Switches.
 *
 * Source: `gevent.socket.getaddrinfo`.
 *
 * @param host A name, or an address, which is returned as it is, but without brackets.
 * @returns At least one, in the system's order.
 * @throws {Deno.errors.NotFound} If there is none.
 * @throws {Timeout} On time-out.
 * @throws {TypeError} If `host` is empty, or `family` is neither 4 nor 6.
 *
 * @example This machine
 * ```ts
 * import { lookup } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * assert((await lookup("localhost")).some(({ address }) => address === "127.0.0.1"));
 * ```
 */
export function lookup(host: string, options: LookupOptions = {}): Promise<HostAddress[]> {
  checkHostname(host, "look up host");
  const { family, ...limits } = options;
  if (family !== undefined && family !== 4 && family !== 6) {
    throw new TypeError(`Cannot look up host: family must be 4 or 6, received ${String(family)}`);
  }
  planWait(limits, "look up host");
  return until(() => systemLookup(host, family), { ...limits, what: `the addresses of ${host}` });
}

function systemLookup(host: string, family: 4 | 6 | undefined): Promise<HostAddress[]> {
  const { lookup } = builtin<typeof dns>("node:dns");
  return new Promise((resolve, reject) => {
    // In the order of the system, which knows which family works here (RFC 6724).
    lookup(withoutBrackets(host), { all: true, verbatim: true }, (error, found) => {
      if (error) return reject(asNotFound(host, error));
      const addresses = (found as HostAddress[]).filter((entry) =>
        family === undefined || entry.family === family
      );
      if (addresses.length > 0) resolve(addresses);
      else reject(new Deno.errors.NotFound(`Cannot look up host: ${host} has no IPv${family} address`));
    });
  });
}

function asNotFound(host: string, error: Error & { code?: string | undefined }): Error {
  if (error.code !== "ENOTFOUND") return error;
  return new Deno.errors.NotFound(`Cannot look up host: there is no ${host}`, { cause: error });
}
