import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type Address, peerOf, placeOf } from "../../../net/eventlet/address.ts";

Deno.test("placeOf() takes a tuple, a path or an object", () => {
  assertEquals(placeOf(["127.0.0.1", 80], "listen"), { hostname: "127.0.0.1", port: 80 });
  assertEquals(placeOf(["::1", 0], "listen"), { hostname: "::1", port: 0 });
  for (const path of ["/tmp/socket", "./a:80", "socket", ""]) assertEquals(placeOf(path, "listen"), { path });
  const place = { port: 80, hostname: "localhost" };
  assertStrictEquals(placeOf(place, "listen"), place);
});

Deno.test("placeOf() takes a host of nothing for every interface", () => {
  assertEquals(placeOf(["", 8090], "listen"), { port: 8090 });
});

Deno.test("placeOf() refuses what is no address, and names it", () => {
  const wrong: unknown[] = [8080, undefined, null, [], ["host"], [80, "host"], ["host", 80, 0], true];
  for (const address of wrong) {
    const message = `Cannot listen: the address must be ["host", port], a path or an object, received ${
      JSON.stringify(address)
    }`;
    assertThrows(() => placeOf(address as Address, "listen"), TypeError, message);
  }
});

Deno.test("placeOf() does not take host and port in one for a path", () => {
  for (const address of ["127.0.0.1:8080", "localhost:80", ":8080", "[::1]:80"]) {
    const message = `Cannot connect: host and port must be given as ["host", port], received "${address}"`;
    assertThrows(() => placeOf(address, "connect"), TypeError, message);
  }
});

Deno.test("peerOf() gives a tuple for TCP and a path for a Unix socket", () => {
  assertEquals(peerOf({ transport: "tcp", hostname: "::1", port: 80 }), ["::1", 80]);
  assertEquals(peerOf({ transport: "unix", path: "/tmp/socket" }), "/tmp/socket");
  assertEquals(peerOf({ transport: "unix" } as Deno.UnixAddr), "");
});
