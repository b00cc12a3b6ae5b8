/** As kill_anywhere_test.ts, for greenlets, groups, pools, the nursery and withTimeout(). */
import { assert, assertEquals } from "@std/assert";
import { GreenletExit, Group, nursery, Pool, sleep, spawn, withTimeout } from "@verdant/green";
import { interruptAnywhere } from "./interrupt_anywhere.ts";

interruptAnywhere("Greenlet.join() and get()", () => {
  const worker = spawn(async () => {
    for (let i = 0; i < 3; i++) await sleep();
    return 5;
  });
  return {
    victim: async () => {
      await worker.join();
      return await worker.get();
    },
    async check() {
      assertEquals(await worker.get(), 5);
      assertEquals(worker.links?.size ?? 0, 0);
    },
  };
});

interruptAnywhere("Pool.spawn()", () => {
  const pool = new Pool(2);
  let running = 0;
  let most = 0;
  const fill = async () => {
    for (let i = 0; i < 3; i++) {
      await pool.spawn(async () => {
        most = Math.max(most, ++running);
        try {
          await sleep();
        } finally {
          running--;
        }
      });
    }
  };
  return {
    victim: fill,
    others: [fill],
    async check() {
      await pool.join();
      assertEquals([pool.freeCount, pool.size, running, most], [2, 0, 0, 2]);
    },
  };
});

for (const make of [() => new Pool(2), () => new Group()]) {
  const { name } = make().constructor;
  const calls: Record<
    string,
    (group: Pool | Group, task: (n: number) => Promise<number>) => Promise<unknown>
  > = {
    apply: (group, task) => group.apply(task, [1]),
    map: (group, task) => group.map(task, [1, 2, 3, 4]),
    imap: (group, task) => Array.fromAsync(group.imap(task, [1, 2, 3, 4], { maxSize: 2 })),
    imapUnordered: (group, task) => Array.fromAsync(group.imapUnordered(task, [1, 2, 3, 4])),
  };
  for (const [method, call] of Object.entries(calls)) {
    interruptAnywhere(`${name}.${method}()`, () => {
      const group = make();
      let begun = 0;
      let cleaned = 0;
      const task = async (n: number) => {
        begun++;
        try {
          await sleep();
          return n;
        } finally {
          try {
            await sleep(); // a kill that came after the grant of the first wait arrives here
          } finally {
            cleaned++;
          }
        }
      };
      return {
        victim: async () => {
          await call(group, task);
        },
        check() {
          assertEquals([group.size, cleaned], [0, begun], "work went on behind the caller's back");
          if (group instanceof Pool) assertEquals(group.freeCount, 2);
        },
      };
    });
  }
}

interruptAnywhere("nursery()", () => {
  const log: string[] = [];
  const child = async () => {
    log.push("begin");
    try {
      await sleep();
      await sleep();
    } finally {
      try {
        await sleep();
      } finally {
        log.push("end");
      }
    }
  };
  return {
    victim: () =>
      nursery(async (n) => {
        n.spawn(child);
        await sleep();
        n.spawn(child);
        await sleep();
      }).finally(() => log.push("nursery")),
    check() {
      assertEquals(log.at(-1), "nursery");
      assertEquals(
        log.filter((entry) => entry === "end").length,
        log.filter((entry) => entry === "begin").length,
      );
    },
  };
});

interruptAnywhere("withTimeout()", () => {
  const log: string[] = [];
  return {
    victim: () =>
      withTimeout(60_000, async () => {
        try {
          await sleep();
          await sleep(1);
        } finally {
          log.push("cleaned up");
        }
      }),
    check: () => assertEquals(log, ["cleaned up"]),
  };
});

Deno.test("Greenlet.kill() runs finally, using and await using from the inside out", async () => {
  const log: string[] = [];
  const resource = (name: string) => ({
    [Symbol.dispose]: () => void log.push(name),
    async [Symbol.asyncDispose]() {
      await sleep();
      log.push(name);
    },
  });
  const victim = spawn(async () => {
    await using _outer = resource("outer await using");
    using _inner = resource("inner using");
    try {
      await using _innermost = resource("innermost await using");
      await sleep(60_000);
    } finally {
      await sleep();
      log.push("finally");
    }
  });
  await sleep();
  await victim.kill();
  assertEquals(log, ["innermost await using", "finally", "inner using", "outer await using"]);
  assert(victim.value as unknown instanceof GreenletExit);
});

Deno.test("Greenlet.kill() during the clean-up of a kill still counts as a quiet end", async () => {
  const victim = spawn(async () => {
    await using _resource = {
      async [Symbol.asyncDispose]() {
        await sleep(60_000); // the second kill arrives here
      },
    };
    await sleep(60_000);
  });
  await sleep();
  await victim.kill("first", { block: false });
  await sleep();
  await victim.kill("second");
  assert(victim.successful);
  assert(victim.value as unknown instanceof GreenletExit);
});
