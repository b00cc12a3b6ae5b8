import { assertEquals } from "@std/assert";
import { HttpHead, isToken } from "../../../net/websocket/http_head.ts";

const lines = (...fields: string[]) => ["GET / HTTP/1.1", ...fields].join("\r\n");

Deno.test("HttpHead.parse() understands fields, in whatever case, with whatever blanks", () => {
  const head = HttpHead.parse(lines("Host:a", "X-List: a , b", "x-list:\tc \t", "Empty:", "Odd: a:b"))!;
  assertEquals(head.startLine, "GET / HTTP/1.1");
  assertEquals(head.get("host"), "a");
  assertEquals(head.list("x-list"), ["a", "b", "c"]);
  assertEquals([head.get("empty"), head.get("odd"), head.get("none")], ["", "a:b", undefined]);
  assertEquals([head.has("x-list", "b"), head.has("x-list", "d")], [true, false]);
});

Deno.test("HttpHead.parse() refuses what breaks the rules of HTTP", () => {
  const bad = [
    "no colon",
    ": no name",
    "a b: blank in name",
    "a : blank before the colon",
    " folded",
    "\tfolded",
  ];
  bad.push("a: nul\0", "a: line\nfeed", "a: bell\x07", "ä: not ASCII", "a\r: b");
  for (const field of bad) assertEquals([field, HttpHead.parse(lines("Host: a", field))], [field, undefined]);
  assertEquals(HttpHead.parse(lines("a: \xe4\xff tab\tinside"))!.get("a"), "\xe4\xff tab\tinside");
  assertEquals(HttpHead.parse("GET /\nHost: a"), undefined);
});

Deno.test("isToken() allows what RFC 9110 does", () => {
  for (const token of ["a", "A-1.b_c~", "!#$%&'*+^`|"]) assertEquals([token, isToken(token)], [token, true]);
  for (const other of ["", "a b", "a,b", "a/b", 'a"', "(a)", "ä"]) {
    assertEquals([other, isToken(other)], [other, false]);
  }
});
