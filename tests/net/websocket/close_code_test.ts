import { assertEquals, assertThrows } from "@std/assert";
import { WebSocketError } from "@verdant/green";
import { decodeClose, encodeClose, maySend } from "../../../net/websocket/close_code.ts";
import { closePayload } from "./peers.ts";

Deno.test("maySend() allows the codes of RFC 6455, its registry and applications", () => {
  const allowed = [
    1000,
    1001,
    1002,
    1003,
    1007,
    1008,
    1009,
    1010,
    1011,
    1012,
    1013,
    1014,
    3000,
    3999,
    4000,
    4999,
  ];
  for (const code of allowed) assertEquals([code, maySend(code)], [code, true]);
  const refused = [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535, 1000.5, NaN];
  for (const code of refused) assertEquals([code, maySend(code)], [code, false]);
});

Deno.test("decodeClose() reads what encodeClose() writes", () => {
  for (const [code, reason] of [[1000, ""], [1001, "bye"], [4999, "€".repeat(41)]] as const) {
    assertEquals(decodeClose(encodeClose(code, reason)), { code, reason });
  }
  assertEquals(encodeClose(1005, ""), new Uint8Array(0));
  assertEquals(decodeClose(new Uint8Array(0)), { code: 1005, reason: "" });
});

Deno.test("encodeClose() cuts a reason that is too long between characters", () => {
  assertEquals(decodeClose(encodeClose(1000, "€".repeat(50))).reason, "€".repeat(41));
});

Deno.test("decodeClose() refuses what must not be sent", () => {
  const codeOf = (payload: Uint8Array) =>
    (assertThrows(() => decodeClose(payload), WebSocketError) as WebSocketError).code;
  assertEquals(codeOf(Uint8Array.of(3)), 1002);
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]) {
    assertEquals(codeOf(closePayload(code)), 1002);
  }
  assertEquals(codeOf(Uint8Array.of(3, 232, 0xff)), 1007);
});
