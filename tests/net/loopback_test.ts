import { assertEquals } from "@std/assert";
import { isLoopback } from "../../net/loopback.ts";

Deno.test("isLoopback() knows what only this machine reaches", () => {
  const own = [
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.255",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "localhost",
    "LocalHost",
  ];
  own.push("::ffff:127.0.0.1", "::ffff:7f00:1");
  const others = [
    "0.0.0.0",
    "128.0.0.1",
    "126.255.255.255",
    "192.168.0.1",
    "::",
    "::2",
    "1::1",
    "::1:1",
    "fe80::1",
  ];
  others.push(
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "localhost.example.org",
    "example.org",
    "127.0.0.1.example.org",
  );
  others.push("127", "127.0.0.256", "", "*", "mylocalhost");
  for (const host of own) assertEquals([host, isLoopback(host)], [host, true]);
  for (const host of others) assertEquals([host, isLoopback(host)], [host, false]);
});
