import { getHub, planWait, quiet, Timeout, type WaitOptions } from "../hub/mod.ts";
import { DnsQuestion, NoAnswer } from "./dns_question.ts";
import type { DnsRecords, RecordType } from "./dns_records.ts";
import { type NameServer, parseNameServer } from "./name_server.ts";
import { reverseName } from "./reverse_name.ts";

/**
 * Options of {@linkcode resolve} and {@linkcode reverse}.
 *
 * @example Whom to ask, and for how long
 * ```ts
 * import { resolve, type ResolveOptions } from "@verdant/green";
 *
 * const options: ResolveOptions = { nameServer: "1.1.1.1", timeout: 1000 };
 * const newest = async () => (await resolve("example.com", "SOA", options))[0]!.serial;
 * ```
 */
export interface ResolveOptions extends WaitOptions {
  /** The server to ask; as the system is configured by default. */
  nameServer?: NameServer | undefined;
}

/**
 * Asks the domain name system for records, past the hosts file: for the addresses of a host use `lookup()`,
 * to ask again, several servers, or less often, a `Resolver`. Switches. A kill or time-out ends the query.
 *
 * The platform (Deno 2.9) asks a server twice, one second apart, hears no answer that takes longer than that,
 * and gives up by itself; that, too, is a `Timeout`. It answers for `localhost` without asking.
 *
 * Source: `gevent.resolver`, `eventlet.support.greendns.resolve`.
 *
 * @param name A domain name. A dot at the end keeps the system from trying it within its own domain.
 * @param type The type of the records.
 * @param options Limits, and the server to ask.
 * @returns At least one record, in the server's order.
 * @throws {DnsError} If there is none (`code: "not-found"`), or something failed (`code: "failed"`).
 * @throws {Timeout} On time-out, or if the server is silent.
 * @throws {TypeError} If `name` is no domain name, `type` no record type, or `nameServer` no name server.
 * @throws {RangeError} If the time-out is negative or NaN, or the port out of range.
 * @throws {Deno.errors.NotCapable} Without permission to reach the server.
 *
 * @example This machine
 * ```ts
 * import { resolve } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await resolve("localhost", "A"), ["127.0.0.1"]);
 * ```
 *
 * @example Where to send mail
 * ```ts
 * import { resolve } from "@verdant/green";
 *
 * async function mailServers(domain: string): Promise<string[]> {
 *   const records = await resolve(domain, "MX", { timeout: 2000 });
 *   return records.sort((a, b) => a.preference - b.preference).map(({ exchange }) => exchange);
 * }
 * ```
 */
export function resolve<T extends RecordType>(
  name: string,
  type: T,
  options: ResolveOptions = {},
): Promise<DnsRecords[T][]> {
  const { nameServer, ...limits } = options;
  const question = new DnsQuestion(name, type);
  const server = nameServer === undefined ? undefined : parseNameServer(nameServer, "resolve");
  planWait(limits, "resolve");
  const begun = getHub().now();
  return quiet(
    question.ask(server, limits).catch((error) => {
      throw error instanceof NoAnswer ? silenceSince(begun, question, error.message) : error;
    }),
  );
}

/**
 * Asks for the names of an address. Switches, and can be ended, as {@linkcode resolve} does.
 *
 * Source: `gevent.socket.gethostbyaddr`.
 *
 * @param ip An IPv4 or IPv6 address.
 * @param options Limits, and the server to ask.
 * @returns At least one name, without the dot at the end.
 * @throws {DnsError} If there is none (`code: "not-found"`), or something failed (`code: "failed"`).
 * @throws {Timeout} On time-out, or if the server is silent.
 * @throws {TypeError} If `ip` is no IP address, or `nameServer` no name server.
 * @throws {RangeError} If the time-out is negative or NaN, or the port out of range.
 * @throws {Deno.errors.NotCapable} Without permission to reach the server.
 *
 * @example Whose address it is
 * ```ts
 * import { DnsError, reverse } from "@verdant/green";
 *
 * async function describe(ip: string): Promise<string> {
 *   try {
 *     return (await reverse(ip, { timeout: 500 })).join(", ");
 *   } catch (error) {
 *     if (!(error instanceof DnsError)) throw error;
 *     return ip;
 *   }
 * }
 * ```
 */
export function reverse(ip: string, options: ResolveOptions = {}): Promise<string[]> {
  return quiet(resolve(reverseName(ip), "PTR", options).then(asHostnames));
}

/** Domain names as people write host names. */
export function asHostnames(names: string[]): string[] {
  return names.map((name) => name.replace(/\.$/, ""));
}

/** The time-out of whoever asked since `begun` (ms) and heard nothing. */
export function silenceSince(begun: number, question: DnsQuestion, why: string): Timeout {
  const elapsed = Math.round(getHub().now() - begun);
  return new Timeout(elapsed, { message: `resolving ${question}: ${why}` });
}
