import { joinAll, sleep, spawn } from "@verdant/green";
import { measure } from "./helpers.ts";

const OPERATIONS = 100_000;

measure({
  group: "switch",
  name: "await null",
  operations: OPERATIONS,
  baseline: true,
  async run() {
    for (let i = 0; i < OPERATIONS; i++) await null;
  },
});

for (const greenlets of [1, 2, 100, 10_000]) {
  const each = OPERATIONS / greenlets;
  measure({
    group: "switch",
    name: `sleep() in ${greenlets.toLocaleString("en")} greenlets`,
    operations: OPERATIONS,
    run() {
      const body = async () => {
        for (let i = 0; i < each; i++) await sleep();
      };
      return joinAll(Array.from({ length: greenlets }, () => spawn(body)));
    },
  });
}

measure({
  group: "switch through the event loop",
  name: "setTimeout(0) promise",
  operations: 100,
  baseline: true,
  async run() {
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  },
});

measure({
  group: "switch through the event loop",
  name: "sleep()",
  operations: 100,
  async run() {
    for (let i = 0; i < 100; i++) await sleep();
  },
});
