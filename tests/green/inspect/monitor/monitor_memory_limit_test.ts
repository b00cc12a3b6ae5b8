import { assertEquals, assertThrows } from "@std/assert";
import { formatBytes, MemoryLimit, toBytes } from "../../../../green/inspect/monitor/monitor_memory_limit.ts";

Deno.test("MemoryLimit.check() finds what is above the limit only while it grows, and once what is back below", () => {
  const usages = [100, 101, 101, 100, 150, 140, 145, 90, 80, 101];
  const limit = new MemoryLimit(100, () => usages.shift()!);
  const found: unknown[] = [];
  while (usages.length > 0) {
    const finding = limit.check();
    found.push(finding && [finding.kind, finding.usage, finding.kind === "under" ? finding.most : undefined]);
  }
  assertEquals(found, [
    undefined,
    ["exceeded", 101, undefined],
    undefined,
    ["under", 100, 101],
    ["exceeded", 150, undefined],
    undefined,
    ["exceeded", 145, undefined],
    ["under", 90, 150],
    undefined,
    ["exceeded", 101, undefined],
  ]);
});

Deno.test("toBytes() takes numbers and sizes in words", () => {
  const sizes: [number | string, number][] = [
    [5, 5],
    ["5", 5],
    ["100MB", 100 * 2 ** 20],
    ["1.5 GiB", 1.5 * 2 ** 30],
    [" 2k ", 2048],
    ["1TB", 2 ** 40],
    ["7 B", 7],
  ];
  for (const [size, bytes] of sizes) assertEquals(toBytes(size, "watch", "maxMemory"), bytes);
});

Deno.test("toBytes() refuses everything else", () => {
  for (const wrong of [0, -1, NaN, "0", "0MB"]) {
    assertThrows(() => toBytes(wrong, "watch", "size"), RangeError, "Cannot watch: size must be a positive");
  }
  for (const wrong of ["", "MB", "1PB", "-5MB", null, {}]) {
    assertThrows(() => toBytes(wrong as never, "watch", "size"), TypeError, 'a text like "100MB", received');
  }
});

Deno.test("formatBytes() chooses the unit", () => {
  const texts = [0, 1023, 1024, 1.5 * 2 ** 20, 2 ** 30, 2 ** 50].map(formatBytes);
  assertEquals(texts, ["0 B", "1023 B", "1.0 KB", "1.5 MB", "1.0 GB", "1024.0 TB"]);
});
