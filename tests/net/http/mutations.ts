/** Requests that are almost right: for a fuzz test. */
import { fromLatin1, latin1, post, postChunks } from "./http_servers.ts";

/** A number in [0, 1). */
export type Random = () => number;

const get = (target: string, ...lines: string[]) =>
  [`GET ${target} HTTP/1.1`, "host: example.org:8080", ...lines, "", ""].join("\r\n");

/** What is mutated. */
export const SEEDS: readonly string[] = [
  get("/"),
  get("/wait?a=1&b=%20", "user-agent: Fuzz/1.0", "accept: */*", "cookie: a=1; b=2"),
  get("http://example.org/stream", "connection: close"),
  get("/wait", "connection: keep-alive") + get("/next"),
  get("/", "upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13"),
  get("*").replace("GET", "OPTIONS"),
  get("/").replace("1.1", "1.0"),
  post("0123456789"),
  post('{"a":[1,2,3]}', "content-type: application/json").replace("/body", "/json"),
  post("x".repeat(100), "expect: 100-continue"),
  post("abc") + get("/after"),
  postChunks(["0123", "456789", "x".repeat(50)]),
  postChunks(["abc"], "trailer: x-a").replace(/\r\n\r\n$/, "\r\nx-a: 1\r\n\r\n"),
  postChunks(["a", "b"]) + post("c") + get("/last", "connection: close"),
  post("y".repeat(999)).replace("POST", "PUT").replace("/body", "/wait"),
];

/** What breaks parsers. */
const SPICES = [
  ...'\0\r\n\t :;,=/?#%*"\\\x7f\x80\xff',
  "\r\n",
  "\r\n\r\n",
  "\n\n",
  "content-length: 5\r\n",
  "content-length: -1\r\n",
  "transfer-encoding: chunked\r\n",
  "transfer-encoding: identity\r\n",
  "connection: close\r\n",
  "host: [::\r\n",
  "expect: 100-continue\r\n",
  "0\r\n\r\n",
  "ffffffff\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
  "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
  "x".repeat(300),
];

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

const below = (random: Random, n: number) => Math.floor(random() * n);

/** Two places in order. */
function range(bytes: Uint8Array, random: Random, most = Infinity): [number, number] {
  const start = below(random, bytes.length);
  return [start, Math.min(bytes.length, start + 1 + below(random, Math.min(most, bytes.length - start)))];
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return latin1(parts.map(fromLatin1).join(""));
}

const MUTATIONS: readonly Mutation[] = [
  function flip(bytes, random) {
    const flipped = bytes.slice();
    for (let i = 0; i <= below(random, 4); i++) {
      flipped[below(random, bytes.length)]! ^= 1 << below(random, 8);
    }
    return flipped;
  },
  function overwrite(bytes, random) {
    const written = bytes.slice();
    written[below(random, bytes.length)] = below(random, 256);
    return written;
  },
  function cut(bytes, random) {
    return bytes.slice(0, below(random, bytes.length));
  },
  function remove(bytes, random) {
    const [start, end] = range(bytes, random, 20);
    return joined(bytes.subarray(0, start), bytes.subarray(end));
  },
  function duplicate(bytes, random) {
    const [start, end] = range(bytes, random);
    return joined(bytes.subarray(0, end), bytes.subarray(start));
  },
  function splice(bytes, random) {
    const other = latin1(SEEDS[below(random, SEEDS.length)]!);
    return joined(
      bytes.subarray(0, below(random, bytes.length)),
      other.subarray(below(random, other.length)),
    );
  },
  function spice(bytes, random) {
    const at = below(random, bytes.length);
    return joined(bytes.subarray(0, at), latin1(SPICES[below(random, SPICES.length)]!), bytes.subarray(at));
  },
];

/** A request with one to three faults, most of the time. */
export function mutated(random: Random): Uint8Array {
  let bytes: Uint8Array = latin1(SEEDS[below(random, SEEDS.length)]!);
  for (let i = 0; i <= below(random, 3) && bytes.length > 0; i++) {
    bytes = MUTATIONS[below(random, MUTATIONS.length)]!(bytes, random);
  }
  return bytes;
}

const RESPONSE = /^HTTP\/1\.[01] (\d{3}) [ -~]*\r\n((?:[!-9;-~]+: [^\r\n\0]*\r\n)*)\r\n/;

/**
 * The statuses of the answers in what a connection yielded.
 *
 * @throws {Error} If it is anything but whole answers, and a last one that may be cut.
 */
export function statusesIn(text: string): number[] {
  const statuses: number[] = [];
  for (let rest = text; rest !== "";) {
    const match = RESPONSE.exec(rest);
    if (match === null) throw new Error(`No answer: ${JSON.stringify(rest.slice(0, 200))}`);
    const status = Number(match[1]);
    statuses.push(status);
    rest = rest.slice(match[0].length);
    if (status < 200) continue;
    const length = /^content-length: (\d+)\r$/im.exec(match[2]!)?.[1];
    rest = length === undefined ? afterChunks(rest) : rest.slice(Number(length));
  }
  return statuses;
}

function afterChunks(text: string): string {
  for (let rest = text;;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(rest);
    if (size === null) return ""; // cut, or until the end of the connection
    const length = parseInt(size[1]!, 16);
    rest = rest.slice(size[0].length + length + 2);
    if (length === 0) return rest;
  }
}
