/**
 * What a record of each type looks like, as the platform gives it. Domain names in records end with a dot.
 *
 * @example The type of an answer
 * ```ts
 * import type { DnsRecords } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const servers: DnsRecords["MX"][] = [
 *   { preference: 20, exchange: "backup.example.com." },
 *   { preference: 10, exchange: "mail.example.com." },
 * ];
 * servers.sort((a, b) => a.preference - b.preference);
 * assertEquals(servers[0]!.exchange, "mail.example.com.");
 * ```
 */
export interface DnsRecords {
  /** An IPv4 address. */
  A: string;
  /** An IPv6 address. */
  AAAA: string;
  /** The name that the addresses are those of. */
  ANAME: string;
  /** Who may issue certificates. */
  CAA: Deno.CaaRecord;
  /** The name that this one is another name of. */
  CNAME: string;
  /** A mail server. */
  MX: Deno.MxRecord;
  /** A rule to make another name. */
  NAPTR: Deno.NaptrRecord;
  /** A name server of the zone. */
  NS: string;
  /** The name that an address belongs to; see `reverse()`. */
  PTR: string;
  /** Who is in charge of the zone. */
  SOA: Deno.SoaRecord;
  /** Where a service is. */
  SRV: Deno.SrvRecord;
  /** Texts, each in parts of up to 255 bytes. */
  TXT: string[];
}

/**
 * A type of record.
 *
 * @example Of any type
 * ```ts
 * import { type RecordType, resolve } from "@verdant/green";
 *
 * const count = async (name: string, type: RecordType) => (await resolve(name, type)).length;
 * ```
 */
export type RecordType = keyof DnsRecords;

const RECORD_TYPES: readonly RecordType[] = [
  "A",
  "AAAA",
  "ANAME",
  "CAA",
  "CNAME",
  "MX",
  "NAPTR",
  "NS",
  "PTR",
  "SOA",
  "SRV",
  "TXT",
];

/**
 * Refuses what is no type of record.
 *
 * @throws {TypeError} Naming the value.
 */
export function checkRecordType(type: unknown): void {
  if (RECORD_TYPES.includes(type as RecordType)) return;
  throw new TypeError(
    `Cannot resolve: type must be one of ${RECORD_TYPES.join(", ")}, received ${JSON.stringify(type)}`,
  );
}

/** The same records as objects of the caller's own. */
export function copyRecords<T extends RecordType>(records: readonly DnsRecords[T][]): DnsRecords[T][] {
  return records.map(copyRecord) as DnsRecords[T][];
}

function copyRecord(record: DnsRecords[RecordType]): DnsRecords[RecordType] {
  if (typeof record === "string") return record;
  return Array.isArray(record) ? [...record] : { ...record };
}
