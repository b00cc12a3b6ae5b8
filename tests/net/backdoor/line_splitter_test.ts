import { assertEquals } from "@std/assert";
import { LineSplitter, TOO_LONG } from "../../../net/backdoor/line_splitter.ts";
import { bytes } from "../network.ts";

/** The lines of a text that comes in pieces of this size, and what is left. */
function split(text: string, maxBytes: number, size: number): [unknown[], unknown] {
  const splitter = new LineSplitter(maxBytes);
  const all = bytes(text);
  const lines: unknown[] = [];
  for (let at = 0; at < all.length; at += size) lines.push(...splitter.split(all.slice(at, at + size)));
  return [lines, splitter.rest()];
}

Deno.test("LineSplitter.split() cuts at newlines, however the bytes come", () => {
  const expected: [string, [unknown[], unknown]][] = [
    ["a\nbc\n\nd", [["a", "bc", ""], "d"]],
    ["a\r\nb\r\n\r\n", [["a", "b", ""], undefined]],
    ["a\r\0b\r\0", [["a", "b"], undefined]],
    ["a\0b\rc\n", [["a\0b\rc"], undefined]],
    ["äöü €\n€", [["äöü €"], "€"]],
    ["", [[], undefined]],
  ];
  for (const [text, result] of expected) {
    for (const size of [1, 2, 3, 5, 100]) {
      assertEquals(split(text, 100, size), result, `${JSON.stringify(text)} ${size}`);
    }
  }
});

Deno.test("LineSplitter.split() says where a line was too long, and goes on behind it", () => {
  const long = "x".repeat(11);
  const expected: [string, [unknown[], unknown]][] = [
    [`${long}\nb\n`, [[TOO_LONG, "b"], undefined]],
    [`a\n${long}${long}\r\nb`, [["a", TOO_LONG], "b"]],
    ["1234567890\n1234567890\r\n", [["1234567890", "1234567890"], undefined]],
    [`a\n${long}`, [["a"], TOO_LONG]],
    [`a\n${"x".repeat(1000)}`, [["a"], TOO_LONG]],
    ["€€€\n€€€€\n", [["€€€", TOO_LONG], undefined]],
  ];
  for (const [text, result] of expected) {
    for (const size of [1, 2, 3, 7, 100]) {
      assertEquals(split(text, 10, size), result, `${JSON.stringify(text)} ${size}`);
    }
  }
});

Deno.test("LineSplitter.clear() forgets the line that is not complete", () => {
  const splitter = new LineSplitter(10);
  assertEquals([...splitter.split(bytes("a\nbc"))], ["a"]);
  splitter.clear();
  assertEquals([...splitter.split(bytes("d\n"))], ["d"]);
  assertEquals([...splitter.split(bytes("x".repeat(20)))], []);
  splitter.clear();
  assertEquals([...splitter.split(bytes("e\n"))], ["e"]);
  assertEquals(splitter.rest(), undefined);
});
