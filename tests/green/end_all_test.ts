import { assert, assertEquals } from "@std/assert";
import {
  Event,
  explore,
  getHub,
  GreenletExit,
  nursery,
  Semaphore,
  shield,
  simulate,
  sleep,
  spawn,
  spawnLater,
  spawnRaw,
  spawnWith,
  Timeout,
} from "@verdant/green";
import { endAll } from "../../green/end_all.ts";

const FOREVER = 1_000_000_000;

interface Ending {
  readonly log: string[];
  /** What `endAll()` said. */
  readonly all: boolean;
  /** How long (ms) it took. */
  readonly took: number;
}

/** Runs `program` for 10 ms as the root of a tree, then ends everything. */
function ended(program: (log: string[]) => unknown, grace = 1_000): Promise<Ending> {
  return simulate(async (world) => {
    const log: string[] = [];
    world.hub.onError = (_context, error) => log.push(String(error));
    const root = spawn(program, log);
    await sleep(10);
    const before = world.now;
    const all = await endAll(root, "SIGTERM", grace);
    return { log: [...log], all, took: world.now - before };
  }, { allow: { greenlets: true, permits: true } });
}

/** Waits until it is killed, then takes `ms` to clean up. */
async function tidy(log: string[], name: string, ms = 0): Promise<void> {
  try {
    await sleep(FOREVER);
  } finally {
    if (ms > 0) await sleep(ms);
    log.push(name);
  }
}

/** Spawns something that no greenlet has spawned. */
function spawnOutside(fn: () => unknown): void {
  getHub().runCallback(() => void spawn(fn));
}

Deno.test("endAll() kills the root and all that it has spawned, and waits for their clean-up", async () => {
  const { log, all, took } = await ended(async (log) => {
    spawn(async () => {
      spawn(tidy, log, "grandchild", 30);
      await tidy(log, "child", 20);
    });
    await tidy(log, "root", 10);
  });
  assertEquals([log, all, took], [["root", "child", "grandchild"], true, 60]);
});

Deno.test("endAll() finds those whose spawner has ended", async () => {
  const { log, all } = await ended((log) => {
    spawn(() => void spawn(tidy, log, "orphan"));
  });
  assertEquals([log, all], [["orphan"], true]);
});

Deno.test("endAll() of a tree that has ended is done at once", async () => {
  assertEquals(await ended(() => {}), { log: [], all: true, took: 0 });
});

Deno.test("endAll() kills whoever is not of the tree when the tree has ended", async () => {
  const { log, all, took } = await ended(async (log) => {
    spawnOutside(() => tidy(log, "outside", 5));
    await tidy(log, "root", 10);
  });
  assertEquals([log, all, took], [["root", "outside"], true, 15]);
});

Deno.test("endAll() never begins what has not begun", async () => {
  const { log, all, took } = await ended((log) => {
    spawnLater(FOREVER, () => log.push("begun"));
  });
  assertEquals([log, all, took], [[], true, 0]);
  await simulate(async (world) => {
    const begun: string[] = [];
    const root = spawn(() => {});
    await root.join();
    const now = new Event();
    world.hub.runCallback(() => {
      now.set(); // the body goes on before those who are spawned here
      spawn(() => begun.push("greenlet"));
      spawnRaw(() => begun.push("raw"));
    });
    await now.wait();
    assertEquals(world.hub.stats().greenlets, 3);
    assertEquals([await endAll(root, "SIGTERM", 100), begun], [true, []]);
  });
});

Deno.test("endAll() kills raw greenlets, too", async () => {
  const { log, all, took } = await ended((log) => {
    spawnRaw(tidy, log, "raw", 5);
  });
  assertEquals([log, all, took], [["raw"], true, 5]);
});

Deno.test("endAll() delivers a GreenletExit that names the signal", async () => {
  const { log } = await ended(async (log) => {
    const failure: unknown = await sleep(FOREVER).catch((error) => error);
    assert(failure instanceof GreenletExit);
    log.push(failure.message);
  });
  assertEquals(/^Greenlet #\d+ .* was killed by .* while it waited for sleep: SIGTERM$/.test(log[0]!), true);
});

Deno.test("endAll() gives up on whoever takes longer than the grace, and on nobody else", async () => {
  const { log, all, took } = await ended(async (log) => {
    spawn(tidy, log, "slow", 200);
    spawn(tidy, log, "quick", 59);
    spawnOutside(() => tidy(log, "outside"));
    await tidy(log, "root", 40);
  }, 100);
  // Those outside hear of it all the same.
  assertEquals([log, all, took], [["root", "quick", "outside"], false, 100]);
});

Deno.test("endAll() leaves to a greenlet whom it kills in its own clean-up", async () => {
  const { log, all, took } = await ended(async (log) => {
    const child = spawn(tidy, log, "child", 20);
    try {
      await sleep(FOREVER);
    } finally {
      await sleep(5);
      await child.kill();
      log.push("root");
    }
  });
  assertEquals([log, all, took], [["child", "root"], true, 25]);
});

Deno.test("endAll() leaves to a greenlet whose work it waits for in its own clean-up", async () => {
  const { log, all, took } = await ended(async (log) => {
    const child = spawn(async () => {
      await sleep(100);
      log.push("drained");
    });
    try {
      await sleep(FOREVER);
    } finally {
      await child.join();
    }
  });
  assertEquals([log, all, took], [["drained"], true, 90]);
});

Deno.test("endAll() kills everybody after half the grace, also those whom others wait for", async () => {
  const { log, all, took } = await ended(async (log) => {
    const child = spawn(tidy, log, "child", 100);
    try {
      await sleep(FOREVER);
    } finally {
      await child.join();
      log.push("root");
    }
  });
  assertEquals([log, all, took], [["child", "root"], true, 600]);
});

Deno.test("endAll() without grace lets everybody run up to a wait", async () => {
  const { log, all, took } = await ended(async (log) => {
    spawn(tidy, log, "child");
    spawnOutside(() => tidy(log, "outside"));
    await tidy(log, "root");
  }, 0);
  assertEquals([log.toSorted(), all, took], [["child", "outside", "root"], true, 0]);
  assertEquals((await ended((log) => tidy(log, "root", 1), 0)).all, false);
});

Deno.test("endAll() with endless grace waits as long as it takes", async () => {
  const { log, all, took } = await ended((log) => tidy(log, "root", FOREVER), Infinity);
  assertEquals([log, all, took], [["root"], true, FOREVER]);
});

Deno.test("endAll() kills nobody twice, and gives up on who ignores it", async () => {
  const { log, all, took } = await ended(async (log) => {
    for (;;) {
      try {
        await sleep(30);
      } catch {
        if (log.push("ignored") > 1) return;
      }
    }
  }, 100);
  assertEquals([log, all, took], [["ignored"], false, 100]);
});

Deno.test("endAll() waits for a shield to be lowered", async () => {
  const { log, all, took } = await ended(async (log) => {
    await shield(async () => {
      await sleep(60);
      log.push("written");
    });
    await sleep(FOREVER);
  });
  assertEquals([log, all, took], [["written"], true, 50]);
});

Deno.test("endAll() lets the clean-up spawn and wait for what it needs, and kills what outlives it", async () => {
  const { log, all, took } = await ended(async (log) => {
    try {
      await sleep(FOREVER);
    } finally {
      spawn(tidy, log, "left behind");
      await spawn(async () => {
        await sleep(20);
        log.push("helper");
      }).join();
      log.push("root");
    }
  });
  assertEquals([log, all, took], [["helper", "root", "left behind"], true, 20]);
});

Deno.test("endAll() leaves the errors of the clean-up to the hub", async () => {
  const { log, all } = await ended(async () => {
    try {
      await sleep(FOREVER);
    } finally {
      await Promise.reject(new RangeError("in clean-up"));
    }
  });
  assertEquals([log, all], [["RangeError: in clean-up"], true]);
});

Deno.test("endAll() ends nurseries and time-outs in their own way", async () => {
  const { log, all } = await ended(async (log) => {
    try {
      await nursery(async (n) => {
        n.spawn(tidy, log, "child", 5);
        using _limit = Timeout.start(FOREVER);
        await sleep(FOREVER);
      });
    } finally {
      log.push("after");
    }
  });
  assertEquals([log, all], [["child", "after"], true]);
});

Deno.test("endAll() reports nothing about a greenlet that ends by it", async () => {
  const { log } = await ended(() => void spawnWith({ name: "quiet" }, () => new Event().wait()));
  assertEquals(log, []);
});

Deno.test("endAll() runs every finally under every schedule, and leaves nothing held", async () => {
  await explore(async () => {
    const semaphore = new Semaphore(2);
    const log: string[] = [];
    let begun = 0;
    const work = async () => {
      begun++;
      try {
        await semaphore.acquire();
        try {
          await sleep(5);
        } finally {
          await sleep(1);
          semaphore.release();
        }
        await sleep(5);
      } finally {
        log.push("ended");
      }
    };
    const root = spawn(async () => {
      for (let i = 0; i < 3; i++) {
        spawn(async () => {
          spawn(work);
          await work();
        });
        await sleep(1);
      }
    });
    await sleep(3);
    assertEquals(await endAll(root, "SIGTERM", FOREVER), true);
    assertEquals([log.length, semaphore.counter], [begun, 2]);
  }, { runs: 200 });
});
