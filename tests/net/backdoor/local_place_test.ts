import { assertEquals, assertThrows } from "@std/assert";
import { localPlace } from "../../../net/backdoor/local_place.ts";
import type { ListenOptions } from "@verdant/green";

Deno.test("localPlace() takes 127.0.0.1 if no host is named", () => {
  const expected: [number | string | ListenOptions, ListenOptions][] = [
    [4000, { hostname: "127.0.0.1", port: 4000 }],
    ["4000", { hostname: "127.0.0.1", port: 4000 }],
    [":4000", { hostname: "127.0.0.1", port: 4000 }],
    ["*:4000", { hostname: "0.0.0.0", port: 4000 }],
    ["[::1]:0", { hostname: "::1", port: 0 }],
    ["example.org:1", { hostname: "example.org", port: 1 }],
    [{ port: 1, backlog: 5 }, { hostname: "127.0.0.1", port: 1, backlog: 5 }],
    [{ hostname: "0.0.0.0", port: 1 }, { hostname: "0.0.0.0", port: 1 }],
    [{ path: "/tmp/x" }, { path: "/tmp/x" }],
  ];
  for (const [address, place] of expected) assertEquals(localPlace(address, "test"), place);
  assertThrows(() => localPlace("/tmp/x", "test"), TypeError, 'received "/tmp/x"');
  assertThrows(() => localPlace(65536, "test"), RangeError, "received 65536");
  assertThrows(() => localPlace({} as ListenOptions, "test"), TypeError, "either path or port");
  assertThrows(() => localPlace(null as unknown as string, "test"), TypeError, "received null");
});
