import {
  type Duration,
  enterWait,
  expireThrowing,
  getHub,
  immediately,
  planWait,
  plural,
  quiet,
  readyWith,
  refusal,
  Timeout,
  toMilliseconds,
  WaitList,
  type WaitOptions,
} from "../hub/mod.ts";
import { checkWhole } from "../sync/check.ts";
import { DnsCache, type DnsCacheOptions } from "./dns_cache.ts";
import { DnsError } from "./dns_error.ts";
import { DnsQuestion, NoAnswer } from "./dns_question.ts";
import { copyRecords, type DnsRecords, type RecordType } from "./dns_records.ts";
import { formatNameServer, type NameServer, type NameServerAddress, parseNameServer } from "./name_server.ts";
import { asHostnames, silenceSince } from "./resolve.ts";
import { reverseName } from "./reverse_name.ts";
import { SingleFlight } from "./single_flight.ts";

/**
 * Options of {@linkcode Resolver}.
 *
 * @example Two servers, little patience, nothing remembered
 * ```ts
 * import { Resolver, type ResolverOptions } from "@verdant/green";
 *
 * const options: ResolverOptions = { nameServers: ["1.1.1.1", "9.9.9.9"], timeout: 500, cache: false };
 * new Resolver(options);
 * ```
 */
export interface ResolverOptions {
  /** The servers to ask, the preferred one first; as the system is configured by default. */
  nameServers?: readonly NameServer[] | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) one attempt with one server may take. The platform (Deno 2.9) gives
   * up by itself after two seconds, and hears no answer that takes longer than one.
   *
   * @default {5000}
   */
  timeout?: Duration | undefined;
  /**
   * How often each server is asked while none answers.
   *
   * @default {2}
   */
  attempts?: number | undefined;
  /** What is remembered; `false` for nothing. */
  cache?: DnsCacheOptions | false | undefined;
}

const DEFAULT_TIMEOUT_MS = 5000;
const DEFAULT_ATTEMPTS = 2;

type AnyRecords = DnsRecords[RecordType][];

/**
 * Asks name servers for records: again if one is silent, another if one has nothing, and once for all who want
 * to know the same. Answers are remembered for a while.
 *
 * The servers are asked in turn, the first one first, until one has an answer. As the platform does not tell a
 * name that does not exist from a server that failed, a server that has nothing is not asked again, but the others
 * still are. Answers without records and errors are not remembered, for the same reason.
 *
 * Concurrent calls that ask the same share one look-up. A call that is killed or times out does not disturb the
 * others; if it is the last one, the look-up is ended.
 *
 * Source: `gevent.resolver.ares.Resolver`, `gevent.resolver.dnspython.Resolver`,
 * `eventlet.support.greendns.ResolverProxy`.
 *
 * @example A server of one's own
 * ```ts
 * import { DnsError, Resolver } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const resolver = new Resolver({ nameServers: ["127.0.0.1:5353"], timeout: 500 });
 * assertEquals(await resolver.resolve("localhost", "A"), ["127.0.0.1"]); // needs no server
 * const error = await resolver.resolve("example.invalid", "A").catch((error) => error);
 * assertEquals(error instanceof DnsError && error.code, "not-found");
 * ```
 */
export class Resolver {
  /** `undefined` for those that the system is configured to ask. */
  readonly #servers: readonly (NameServerAddress | undefined)[];
  readonly #timeout: number;
  readonly #attempts: number;
  readonly #cache: DnsCache<AnyRecords> | undefined;
  readonly #flights = new SingleFlight<AnyRecords>();
  /** What a call that finds its answer remembered does not have to wait for. */
  readonly #ready = new WaitList("resolve", this);

  /**
   * Makes a resolver. It holds nothing that would have to be closed.
   *
   * @param options Whom to ask, how often, and what to remember.
   * @throws {TypeError} If `nameServers` is empty or one of them is none, or an option is of another type.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(options: ResolverOptions = {}) {
    const action = "create resolver";
    const { nameServers, timeout = DEFAULT_TIMEOUT_MS, attempts = DEFAULT_ATTEMPTS, cache = {} } = options;
    this.#servers = nameServers === undefined ? [undefined] : parseNameServers(nameServers, action);
    this.#timeout = toMilliseconds(timeout, action);
    if (this.#timeout === 0) {
      throw new RangeError(`Cannot ${action}: timeout must be more than 0 ms, received 0`);
    }
    checkWhole(attempts, 1, action, "attempts");
    this.#attempts = attempts;
    this.#cache = makeCache(cache, action);
  }

  /**
   * Looks records up. Switches unless they are remembered. A kill or time-out ends the wait at once.
   *
   * @param name A domain name. A dot at the end keeps the system from trying it within its own domain.
   * @param type The type of the records.
   * @param options Limits of the whole look-up, for this caller.
   * @returns At least one record, in the server's order; the caller's own copy.
   * @throws {DnsError} If there is none (`code: "not-found"`), or something failed (`code: "failed"`).
   * @throws {Timeout} On time-out, or if all servers are silent.
   * @throws {TypeError} If `name` is no domain name, or `type` no record type.
   * @throws {RangeError} If the time-out is negative or NaN.
   * @throws {Deno.errors.NotCapable} Without permission to reach a server.
   *
   * @example Where a service is
   * ```ts
   * import { Resolver } from "@verdant/green";
   *
   * const resolver = new Resolver({ cache: { ttl: 5000 } });
   * async function pick(service: string) {
   *   const records = await resolver.resolve(`_${service}._tcp.example.com`, "SRV", { timeout: 2000 });
   *   return records.sort((a, b) => a.priority - b.priority)[0]!;
   * }
   * ```
   */
  resolve<T extends RecordType>(name: string, type: T, options?: WaitOptions): Promise<DnsRecords[T][]> {
    const question = new DnsQuestion(name, type);
    const plan = planWait(options, "resolve");
    const task = enterWait("resolve");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const known = this.#cache?.get(question.key) as DnsRecords[T][] | undefined;
    if (known !== undefined) return readyWith(task, this.#ready, copyRecords(known));
    const expiry = expireThrowing(() => new Timeout(plan.timeout, { message: `resolving ${question}` }));
    if (plan.timeout === 0) return immediately(plan, expiry);
    const lookingUp = this.#flights.join(question.key, () => this.#lookUp(question), { task, plan, expiry });
    return quiet(lookingUp.then((records) => copyRecords(records as DnsRecords[T][])));
  }

  /**
   * Looks the names of an address up. Switches unless they are remembered. A kill or time-out ends the wait at
   * once.
   *
   * @param ip An IPv4 or IPv6 address.
   * @param options Limits of the whole look-up, for this caller.
   * @returns At least one name, without the dot at the end.
   * @throws {DnsError} If there is none (`code: "not-found"`), or something failed (`code: "failed"`).
   * @throws {Timeout} On time-out, or if all servers are silent.
   * @throws {TypeError} If `ip` is no IP address.
   * @throws {RangeError} If the time-out is negative or NaN.
   * @throws {Deno.errors.NotCapable} Without permission to reach a server.
   *
   * @example Names for a log
   * ```ts
   * import { Resolver } from "@verdant/green";
   *
   * const resolver = new Resolver({ timeout: 200, attempts: 1 });
   * const nameOf = (ip: string) => resolver.reverse(ip).then(([name]) => name, () => ip);
   * ```
   */
  reverse(ip: string, options?: WaitOptions): Promise<string[]> {
    return quiet(this.resolve(reverseName(ip), "PTR", options).then(asHostnames));
  }

  /** Forgets the answers that are remembered. Does not switch. */
  clearCache(): void {
    this.#cache?.clear();
  }

  async #lookUp(question: DnsQuestion): Promise<AnyRecords> {
    const records = await this.#askInTurn(question);
    this.#cache?.set(question.key, records);
    return records;
  }

  async #askInTurn(question: DnsQuestion): Promise<AnyRecords> {
    const begun = getHub().now();
    const found = new Set<NameServerAddress | undefined>();
    let failure: DnsError | undefined;
    for (let attempt = 0; attempt < this.#attempts; attempt++) {
      for (const server of this.#servers) {
        if (found.has(server)) continue;
        const outcome = await this.#ask(question, server);
        if (Array.isArray(outcome)) return outcome;
        if (outcome?.code === "not-found") found.add(server);
        if (failure?.code !== "not-found") failure = outcome ?? failure;
      }
    }
    throw failure ?? silenceSince(begun, question, this.#silence());
  }

  /** The records, or why there are none; `undefined` if the server is silent. */
  async #ask(
    question: DnsQuestion,
    server: NameServerAddress | undefined,
  ): Promise<AnyRecords | DnsError | undefined> {
    const patience = new Timeout(this.#timeout);
    try {
      return await question.ask(server, { timeout: patience });
    } catch (error) {
      if (error === patience || error instanceof NoAnswer) return undefined;
      if (error instanceof DnsError) return error;
      throw error;
    }
  }

  #silence(): string {
    const servers = this.#servers.map(formatNameServer).join(", ");
    return `no answer from ${servers} in ${plural(this.#attempts, "attempt")}`;
  }
}

function parseNameServers(servers: readonly NameServer[], action: string): NameServerAddress[] {
  if (!Array.isArray(servers) || servers.length === 0) {
    throw new TypeError(
      `Cannot ${action}: nameServers must be an array of at least one, received ${JSON.stringify(servers)}`,
    );
  }
  return servers.map((server: NameServer) => parseNameServer(server, action));
}

function makeCache(cache: DnsCacheOptions | false, action: string): DnsCache<AnyRecords> | undefined {
  if (cache === false) return undefined;
  if (typeof cache === "object" && cache !== null) return new DnsCache(cache);
  throw new TypeError(`Cannot ${action}: cache must be false or an object, received ${String(cache)}`);
}
