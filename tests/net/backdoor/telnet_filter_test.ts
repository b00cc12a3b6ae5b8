import { assertEquals } from "@std/assert";
import { TelnetFilter } from "../../../net/backdoor/telnet_filter.ts";
import { bytes, text } from "../network.ts";

const [IAC, DONT, DO, WONT, WILL, SB, IP, BRK, SE, EOF, AYT] = [
  255,
  254,
  253,
  252,
  251,
  250,
  244,
  243,
  240,
  236,
  246,
];

/** What comes out of the filter, whether the input comes at once or byte by byte: text, answers, interruptions, end. */
function filtered(...parts: (string | number)[]): [string | null, number[], number, boolean] {
  const input = parts.flatMap((part) => typeof part === "string" ? [...bytes(part)] : [part]);
  const outputs = [[input], input.map((byte) => [byte])].map((chunks) => {
    const filter = new TelnetFilter();
    const data: number[] = [];
    const reply: number[] = [];
    let interruptions = 0;
    let over = false;
    for (const chunk of chunks) {
      const result = filter.filter(Uint8Array.from(chunk));
      data.push(...result.data);
      reply.push(...result.reply);
      if (result.interrupted) interruptions++;
      if (result.ended) over = true;
    }
    return [text(Uint8Array.from(data)), reply, interruptions, over] as [
      string | null,
      number[],
      number,
      boolean,
    ];
  });
  assertEquals(outputs[0], outputs[1]);
  return outputs[0]!;
}

Deno.test("TelnetFilter.filter() lets text pass", () => {
  assertEquals(filtered("hello\r\nwörld €\n"), ["hello\r\nwörld €\n", [], 0, false]);
  assertEquals(filtered(), ["", [], 0, false]);
});

Deno.test("TelnetFilter.filter() takes commands out and refuses all options but the timing mark", () => {
  assertEquals(filtered("a", IAC, DO, 1, "b"), ["ab", [IAC, WONT, 1], 0, false]);
  assertEquals(filtered("a", IAC, WILL, 31, "b"), ["ab", [IAC, DONT, 31], 0, false]);
  assertEquals(filtered("a", IAC, DONT, 1, IAC, WONT, 1, "b"), ["ab", [], 0, false]);
  assertEquals(filtered("a", IAC, DO, 6, "b"), ["ab", [IAC, WILL, 6], 0, false]);
  assertEquals(filtered("a", IAC, AYT, "b", IAC, IAC, "c"), ["abc", [], 0, false]);
  assertEquals(filtered(IAC, DO, IAC, "c"), ["c", [IAC, WONT, IAC], 0, false]);
});

Deno.test("TelnetFilter.filter() takes subnegotiations out", () => {
  assertEquals(filtered("a", IAC, SB, 24, 0, "xterm", IAC, IAC, "x", IAC, SE, "b"), ["ab", [], 0, false]);
  assertEquals(filtered("a", IAC, SB, 24, "never ends\n"), ["a", [], 0, false]);
});

Deno.test("TelnetFilter.filter() sees Ctrl-C and the end of the file", () => {
  assertEquals(filtered("a", IAC, IP, IAC, DO, 6, "b"), ["ab", [IAC, WILL, 6], 1, false]);
  assertEquals(filtered("a", IAC, BRK, "b"), ["ab", [], 1, false]);
  assertEquals(filtered("a", IAC, EOF), ["a", [], 0, true]);
  assertEquals(filtered("a", IAC, SB, IP, EOF, IAC, SE), ["a", [], 0, false]);
});
