/** The bytes of an IP address: four or sixteen; `undefined` if it is none. A zone (`%eth0`) is no part of one. */
export function parseIp(text: unknown): Uint8Array | undefined {
  if (typeof text !== "string") return undefined;
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  const isByte = (part: string) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255;
  return parts.length === 4 && parts.every(isByte) ? Uint8Array.from(parts, Number) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f:.]+$/i.test(text)) return undefined;
  // The platform's parser of URLs knows all notations, and answers in one.
  const url = URL.parse(`http://[${text}]`);
  if (url === null) return undefined;
  const [head, tail] = url.hostname.slice(1, -1).split("::") as [string, string?];
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = new Array(8 - before.length - after.length).fill(0);
  return Uint8Array.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255]));
}

function groups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
}
