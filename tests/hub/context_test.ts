import { AsyncLocalStorage } from "node:async_hooks";
import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import {
  AsyncResult,
  Event,
  getCurrent,
  kill,
  Queue,
  Semaphore,
  sleep,
  spawn,
  until,
  withTimeout,
} from "@verdant/green";
import { type ContextBackend, fastBackend, portableBackend, selfTest } from "../../hub/context.ts";
import type { Task } from "../../hub/mod.ts";
import { turn } from "../helpers.ts";

for (const [name, make] of Object.entries({ fastBackend, portableBackend })) {
  Deno.test(`${name}() passes the self-test`, () => {
    const backend = make();
    assert(selfTest(backend));
    assertEquals(`${backend.name}Backend`, name);
  });

  Deno.test(`${name}() keeps the task and user stores across an await`, async () => {
    const backend = make();
    const store = new AsyncLocalStorage<string>();
    const task = { probe: true } as unknown as Task;
    const seen: unknown[] = [];
    await store.run("user", async () => {
      await new Promise<void>((resolve) => {
        backend.run(backend.capture(task), async () => {
          await turn();
          seen.push(backend.current(), store.getStore());
          resolve();
        }, undefined);
      });
    });
    assertStrictEquals(seen[0], task);
    assertEquals([seen[1], backend.current(), store.getStore()], ["user", undefined, undefined]);
  });
}

Deno.test("selfTest() fails for a back end that loses the task or the stores", () => {
  const good = portableBackend();
  const forgetful: ContextBackend = { ...good, current: () => undefined };
  const leaky: ContextBackend = { ...good, run: (_frame, fn, arg) => fn(arg) };
  assertFalse(selfTest(forgetful));
  assertFalse(selfTest(leaky));
});

const waits: Record<string, () => Promise<unknown>> = {
  "sleep()": () => sleep(),
  "a timed sleep()": () => sleep(1),
  "Queue.get()": () => {
    const queue = new Queue<number>();
    spawn(() => queue.put(1));
    return queue.get();
  },
  "Event.wait()": () => {
    const event = new Event();
    spawn(() => event.set());
    return event.wait();
  },
  "Semaphore.acquire()": () => {
    const semaphore = new Semaphore(0);
    spawn(() => semaphore.release());
    return semaphore.acquire();
  },
  "AsyncResult.get()": () => {
    const result = new AsyncResult<number>();
    spawn(() => result.set(1));
    return result.get();
  },
  "Greenlet.join()": () => spawn(() => sleep()).join(),
  "Greenlet.get()": () => spawn(() => 1).get(),
  "until()": () => until(turn()),
  "a foreign await": () => turn(),
  "a time-out": () => withTimeout(1, () => new Event().wait(), { value: 0 }),
  "a kill": () => kill(spawn(() => sleep(60_000))),
};

for (const [name, wait] of Object.entries(waits)) {
  Deno.test(`getCurrent() and AsyncLocalStorage stores are the same after ${name}`, async () => {
    const store = new AsyncLocalStorage<number>();
    const greenlets = [1, 2, 3].map((n) =>
      store.run(n, () =>
        spawn(async () => {
          const own = getCurrent();
          const before = store.getStore();
          await wait();
          const inner = await store.run(n * 10, async () => {
            await wait();
            return store.getStore();
          });
          return [before, inner, store.getStore(), own === getCurrent()];
        }))
    );
    for (const [i, greenlet] of greenlets.entries()) {
      const n = i + 1;
      assertEquals(await greenlet.get(), [n, n * 10, n, true]);
    }
  });
}

Deno.test("getCurrent() is exact in timer callbacks and then-callbacks of several greenlets at once", async () => {
  const body = () => {
    const own = getCurrent();
    return until(
      new Promise<boolean[]>((resolve) => {
        setTimeout(() => {
          const inTimer = getCurrent() === own;
          turn().then(() => resolve([inTimer, getCurrent() === own]));
        }, 1);
      }),
    );
  };
  const greenlets = [spawn(body), spawn(body)];
  for (const greenlet of greenlets) assertEquals(await greenlet.get(), [true, true]);
  assertEquals(getCurrent(), undefined);
});

Deno.test("getCurrent() is undefined in a callback that outlives its greenlet", async () => {
  const seen: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const greenlet = spawn(() => {
    setImmediate(() => {
      seen.push(getCurrent());
      resolve();
    });
  });
  await greenlet.join();
  await promise;
  assertEquals(seen, [undefined]);
});
