import { originalOf, until, type WaitOptions } from "../hub/mod.ts";
import { DnsError } from "./dns_error.ts";
import { checkRecordType, copyRecords, type DnsRecords, type RecordType } from "./dns_records.ts";
import { formatNameServer, type NameServerAddress } from "./name_server.ts";

/** How long a name and a part of it may be (RFC 1035, section 2.3.4). */
const MAX_NAME = 253;
const MAX_LABEL = 63;
/** An ASCII character that the platform takes in no name. */
const FOREIGN = /(?![\w*.\\-])\p{ASCII}/u;

/** The server does not answer. */
export class NoAnswer extends Error {}

/** What is asked: the records of one type of one name. */
export class DnsQuestion<T extends RecordType = RecordType> {
  /**
   * @throws {TypeError} If `name` is no domain name, or `type` no record type.
   */
  constructor(readonly name: string, readonly type: T) {
    if (!isDomainName(name)) {
      throw new TypeError(`Cannot resolve: name must be a domain name, received ${JSON.stringify(name)}`);
    }
    checkRecordType(type);
  }

  /** Equal questions have equal keys. A dot at the end counts: without it the system may complete the name. */
  get key(): string {
    return `resolve ${this.type} of ${this.name.toLowerCase()}`;
  }

  toString(): string {
    return `${this.type} of ${this.name}`;
  }

  /**
   * Asks once; `server` undefined: as the system is configured. Switches.
   *
   * @throws {NoAnswer} If the platform gives up waiting.
   * @throws {DnsError} If there are no records, or something failed.
   * @throws {Timeout} On time-out.
   */
  ask(server: NameServerAddress | undefined, limits: WaitOptions): Promise<DnsRecords[T][]> {
    return until((signal) => this.#query(server, signal), { ...limits, what: String(this) });
  }

  /** Here the platform's errors are told from a kill, whatever its reason. */
  async #query(server: NameServerAddress | undefined, signal: AbortSignal): Promise<DnsRecords[T][]> {
    const options = server === undefined ? { signal } : { signal, nameServer: { ...server } };
    try {
      const records = await originalOf(Deno.resolveDns)(this.name, this.type, options);
      return copyRecords(records as unknown as DnsRecords[T][]); // the platform's objects have no prototype
    } catch (error) {
      throw this.#explain(error, formatNameServer(server));
    }
  }

  #explain(error: unknown, server: string): unknown {
    if (error instanceof Deno.errors.TimedOut) return new NoAnswer(`No answer from ${server}`);
    if (error instanceof Deno.errors.NotFound) {
      return new DnsError("not-found", `Cannot resolve ${this}: ${server} found nothing`, { cause: error });
    }
    // What fails on the way has no class of its own; a missing permission, for example, does.
    if (!(error instanceof Error) || error.constructor !== Error) return error;
    return new DnsError("failed", `Cannot resolve ${this} with ${server}: ${error.message}`, {
      cause: error,
    });
  }
}

function isDomainName(name: unknown): boolean {
  if (typeof name !== "string") return false;
  if (name === ".") return true;
  const absolute = name.endsWith(".") ? name.slice(0, -1) : name;
  return absolute.length <= MAX_NAME && !FOREIGN.test(absolute) && absolute.split(".").every(isLabel);
}

function isLabel(label: string): boolean {
  return label !== "" && label.length <= MAX_LABEL && !label.startsWith("-");
}
