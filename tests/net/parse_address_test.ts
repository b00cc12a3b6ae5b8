import { assertEquals, assertThrows } from "@std/assert";
import { parseAddress } from "@verdant/green";

Deno.test("parseAddress() reads a port, and a host before it", () => {
  const good: [number | string, { hostname?: string; port: number }][] = [
    [8080, { port: 8080 }],
    [0, { port: 0 }],
    [65535, { port: 65535 }],
    ["8080", { port: 8080 }],
    [":8080", { port: 8080 }],
    ["*:8080", { port: 8080 }],
    ["127.0.0.1:8080", { hostname: "127.0.0.1", port: 8080 }],
    ["localhost:0", { hostname: "localhost", port: 0 }],
    ["my-host.example.com:65535", { hostname: "my-host.example.com", port: 65535 }],
    ["[::1]:8080", { hostname: "::1", port: 8080 }],
    ["[::]:8080", { hostname: "::", port: 8080 }],
    ["[fe80::1%eth0]:8080", { hostname: "fe80::1%eth0", port: 8080 }],
    ["127.0.0.1:0080", { hostname: "127.0.0.1", port: 80 }],
  ];
  for (const [address, expected] of good) assertEquals(parseAddress(address), expected, String(address));
});

Deno.test("parseAddress() refuses what is no address, with the value in the message", () => {
  const bad = [
    "",
    ":",
    "host",
    "host:",
    "host:http",
    "host:-1",
    "host:1.5",
    "host:80 ",
    " host:80",
    "my host:80",
    "::1:80",
    "[::1]",
    "[::1]80",
    "[]:80",
    "[::1:80",
    "::1]:80",
    "[[::1]]:80",
    "host:80\n",
    "http://host:80",
    "a:b:80",
    undefined,
    null,
    true,
    {},
    [80],
  ];
  for (const address of bad) {
    const message = `must be a port or look like "host:port", received ${JSON.stringify(address)}`;
    assertThrows(() => parseAddress(address as string), TypeError, `Cannot parse address: it ${message}`);
  }
});

Deno.test("parseAddress() refuses a port out of range", () => {
  const bad: [number | string, string][] = [
    [-1, "-1"],
    [65536, "65536"],
    [1.5, "1.5"],
    [NaN, "NaN"],
    ["65536", "65536"],
    ["host:65536", "65536"],
    ["[::1]:99999999999", "99999999999"],
  ];
  for (const [address, received] of bad) {
    const message = `Cannot parse address: port must be an integer from 0 to 65535, received ${received}`;
    assertThrows(() => parseAddress(address), RangeError, message);
  }
});

Deno.test("parseAddress() names the action of its caller in messages", () => {
  assertThrows(() => parseAddress("host", "create server"), TypeError, "Cannot create server: it must");
  assertThrows(() => parseAddress(-1, "create server"), RangeError, "Cannot create server: port must");
});
