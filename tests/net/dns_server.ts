/** A DNS server (RFC 1035) on a port of this machine that answers as a test says, and counts what it is asked. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { Buffer } from "node:buffer";

/** The number of each record type. */
const TYPES: Record<string, number> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  CAA: 257,
  ANAME: 65305,
};
/** The number of each way to answer without records (RCODE). */
const REFUSALS: Record<string, number> = { nothing: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

/** A record's data, as it goes over the wire. */
export type Data = number[];

/**
 * What the server does with a question: the records it sends, why it has none, or no answer at all. `nothing`
 * is a name that exists and has no records of that type.
 */
export type Answer = Data[] | "nothing" | "NXDOMAIN" | "SERVFAIL" | "REFUSED" | "silence";

/** What the server is asked. */
export interface Question {
  /** Lower case, without the dot at the end. */
  readonly name: string;
  /** As `Deno.resolveDns` calls it. */
  readonly type: string;
}

/** Says what to answer; the answer goes out when its promise is fulfilled. */
export type Zone = (question: Question) => Answer | Promise<Answer>;

/** How long (s) the answers say they are good for. */
const TTL_S = 300;

/** The server. */
export class DnsServer implements AsyncDisposable {
  /** What it was asked, oldest first. */
  readonly questions: Question[] = [];
  readonly #socket: Socket;
  readonly #zone: Zone;
  #watchers: (() => void)[] = [];

  private constructor(socket: Socket, zone: Zone) {
    this.#socket = socket;
    this.#zone = zone;
    socket.on("message", (query, from) => void this.#serve(query, from));
  }

  /** Starts one on an address of this machine. */
  static async start(zone: Zone, hostname: "127.0.0.1" | "::1" = "127.0.0.1"): Promise<DnsServer> {
    const socket = createSocket(hostname === "::1" ? "udp6" : "udp4");
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(0, hostname, resolve);
    });
    return new DnsServer(socket, zone);
  }

  /** Its port. */
  get port(): number {
    return this.#socket.address().port;
  }

  /** As a `Resolver` takes it. */
  get address(): string {
    const { address, port } = this.#socket.address();
    return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  }

  /** How often it was asked. */
  get count(): number {
    return this.questions.length;
  }

  /** Resolves once it has been asked `count` times. */
  async asked(count: number): Promise<void> {
    while (this.count < count) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  async #serve(query: Uint8Array, from: RemoteInfo): Promise<void> {
    const { question, end } = readQuestion(query);
    this.questions.push(question);
    for (const resolve of this.#watchers.splice(0)) resolve();
    const answer = await this.#zone(question);
    if (answer !== "silence") this.#send(reply(query.subarray(0, end), answer), from);
  }

  #send(bytes: Uint8Array, { port, address }: RemoteInfo): void {
    try {
      this.#socket.send(bytes, port, address);
    } catch {
      // The test is over and has closed it.
    }
  }
}

const HEADER_BYTES = 12;

function readQuestion(query: Uint8Array): { question: Question; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  const number = query[at + 1]! * 256 + query[at + 2]!;
  const type = Object.keys(TYPES).find((type) => TYPES[type] === number) ?? String(number);
  return { question: { name: labels.join(".").toLowerCase(), type }, end: at + 5 };
}

/** The query's header and question again, and the records. */
function reply(query: Uint8Array, answer: Exclude<Answer, "silence">): Uint8Array {
  const records = typeof answer === "string" ? [] : answer;
  const code = typeof answer === "string" ? REFUSALS[answer]! : 0;
  const header = [
    ...query.subarray(0, 2), // its id
    0x85, // an answer, authoritative, recursion was desired
    0x80 | code, // recursion is available
    ...short(1),
    ...short(records.length),
    ...short(0),
    ...short(0),
  ];
  const type = query.subarray(-4, -2);
  const body = records.flatMap((data) => [
    ...short(0xc000 | HEADER_BYTES), // the name asked for
    ...type,
    ...short(1),
    ...long(TTL_S),
    ...short(data.length),
    ...data,
  ]);
  return Buffer.from([...header, ...query.subarray(HEADER_BYTES), ...body]);
}

/** The data of an A record. */
export function ipv4(address: string): Data {
  return address.split(".").map(Number);
}

/** The data of an AAAA record; all eight groups. */
export function ipv6(address: string): Data {
  return address.split(":").flatMap((group) => short(parseInt(group, 16)));
}

/** The data of an ANAME, CNAME, NS or PTR record. */
export function domain(name: string): Data {
  return [...name.split(".").filter((label) => label !== "").flatMap(text), 0];
}

/** The data of a TXT record. */
export function txt(...texts: string[]): Data {
  return texts.flatMap(text);
}

/** The data of an MX record. */
export function mx(preference: number, exchange: string): Data {
  return [...short(preference), ...domain(exchange)];
}

/** The data of an SRV record. */
export function srv(priority: number, weight: number, port: number, target: string): Data {
  return [...short(priority), ...short(weight), ...short(port), ...domain(target)];
}

/** The data of a CAA record. */
export function caa(flags: number, tag: string, value: string): Data {
  return [flags, ...text(tag), ...new TextEncoder().encode(value)];
}

/** The data of a NAPTR record. */
export function naptr(order: number, preference: number, texts: string[], replacement: string): Data {
  return [...short(order), ...short(preference), ...texts.flatMap(text), ...domain(replacement)];
}

/** The data of an SOA record; the numbers are serial, refresh, retry, expire, minimum. */
export function soa(mname: string, rname: string, numbers: number[]): Data {
  return [...domain(mname), ...domain(rname), ...numbers.flatMap(long)];
}

function text(value: string): Data {
  const bytes = new TextEncoder().encode(value);
  return [bytes.length, ...bytes];
}

function short(value: number): Data {
  return [value >> 8 & 255, value & 255];
}

function long(value: number): Data {
  return [...short(value >>> 16), ...short(value & 0xffff)];
}
