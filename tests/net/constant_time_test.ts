import { assert, assertFalse } from "@std/assert";
import { equalInConstantTime } from "../../net/constant_time.ts";

Deno.test("equalInConstantTime() says whether two strings are equal", () => {
  for (const same of ["", "a", "token", "äöü €", "x".repeat(1000)]) assert(equalInConstantTime(same, same));
  const different = [["", "a"], ["a", ""], ["a", "b"], ["token", "tokem"], ["uoken", "token"], [
    "token",
    "tok",
  ]];
  different.push(["tok", "token"], ["token\0", "token"], ["token", "token\0"], ["é", "e"], [
    "Token",
    "token",
  ]);
  for (const [a, b] of different) assertFalse(equalInConstantTime(a!, b!), `${a} ${b}`);
});

Deno.test("equalInConstantTime() looks at all of the secret, wherever the first difference is", () => {
  // Counted, not timed: how many bytes of what was given are asked for.
  let asked = 0;
  const { encode } = TextEncoder.prototype;
  TextEncoder.prototype.encode = function (text) {
    return new Proxy(encode.call(this, text), {
      get(target, name) {
        if (typeof name === "string" && /^\d+$/.test(name)) asked++;
        return Reflect.get(target, name, target);
      },
    });
  };
  try {
    const costs = ["xxxxxx", "secrex", "secret", "s"].map((given) => {
      asked = 0;
      equalInConstantTime(given, "secret");
      return asked;
    });
    assert(costs.every((cost) => cost === 12), `${costs}`);
  } finally {
    TextEncoder.prototype.encode = encode;
  }
});
