import { assert, assertEquals } from "@std/assert";
import { Condition, getCurrent, type Greenlet, Lock, RLock, sleep, Timeout } from "@verdant/green";
import { alive, type Body, ended, exploreTest, LIMIT, start, Tickets } from "./explored.ts";

/** A lock that notes who is inside, and a way to wait that looks whether it is still so afterwards. */
class Room {
  readonly lock: Lock | RLock;
  #inside: Greenlet | undefined = undefined;

  constructor(lock: Lock | RLock) {
    this.lock = lock;
  }

  enter<T>(act: () => Promise<T> | T): Promise<T> {
    return this.lock.with(async () => {
      this.#comeIn();
      try {
        return await act();
      } finally {
        this.#goOut();
      }
    });
  }

  /** Waits inside: the lock is held again afterwards, whatever ended the wait. */
  async wait(operation: () => Promise<boolean>): Promise<boolean> {
    this.#goOut();
    try {
      return await operation();
    } finally {
      this.#comeIn();
    }
  }

  #comeIn(): void {
    assert(this.#inside === undefined, "Two are inside");
    assert(this.lock.owned, "The lock is not held");
    this.#inside = getCurrent();
  }

  #goOut(): void {
    assert(this.#inside === getCurrent(), "It is not inside any more");
    this.#inside = undefined;
  }
}

/** Two conditions of one lock, with one notification for each change. */
class BoundedBuffer {
  readonly #room: Room;
  readonly #notFull: Condition;
  readonly #notEmpty: Condition;
  readonly #items: number[] = [];
  #closed = false;

  constructor(lock: Lock | RLock) {
    this.#room = new Room(lock);
    this.#notFull = new Condition(lock);
    this.#notEmpty = new Condition(lock);
  }

  /** Puts an item; says whether it was done in time. */
  put(item: number, done: (item: number) => void): Promise<boolean> {
    return this.#room.enter(async () => {
      while (this.#items.length > 0) {
        if (!await this.#room.wait(() => this.#notFull.wait({ timeout: LIMIT }))) return false;
      }
      this.#items.push(item);
      done(item);
      this.#notEmpty.notify();
      return true;
    });
  }

  /** Takes an item; says whether there can be more. */
  take(done: (item: number) => void): Promise<boolean> {
    return this.#room.enter(async () => {
      const some = () => this.#items.length > 0 || this.#closed;
      if (!await this.#room.wait(() => this.#notEmpty.waitFor(some, { timeout: LIMIT }))) return true;
      assert(some(), "waitFor() has not waited for it");
      if (this.#items.length === 0) return false;
      done(this.#items.shift()!);
      this.#notFull.notify();
      return true;
    });
  }

  close(): Promise<void> {
    return this.#room.enter(() => {
      this.#closed = true;
      this.#notEmpty.notifyAll();
    });
  }

  get left(): readonly number[] {
    return this.#items;
  }
}

/** What was put was taken once, or is left. There must be more consumers than faults. */
function trade(makeLock: () => Lock | RLock, producers: number, consumers: number, items: number): Body {
  return async () => {
    const buffer = new BoundedBuffer(makeLock());
    const put: number[] = [];
    const taken: number[] = [];
    const putting = start(producers, async function producer(index) {
      for (let i = 0; i < items; i++) await buffer.put(10 * index + i, (item) => put.push(item));
    });
    const taking = start(consumers, async function consumer() {
      while (await buffer.take((item) => taken.push(item)));
    });
    await ended(putting);
    await buffer.close();
    await ended(taking);
    assertEquals([...taken, ...buffer.left], put);
  };
}

for (const Kind of [Lock, RLock]) {
  exploreTest(
    `Condition of a ${Kind.name}: wait() and waitFor() hold it again, no notification is lost`,
    trade(() => new Kind(), 2, 3, 3),
    Kind === Lock ? { every: trade(() => new Kind(), 1, 2, 1), preemptions: 1 } : {},
  );
}

/** As many wake as are notified, those who have waited longest. */
function notified(waiters: number): Body {
  return async (world) => {
    const condition = new Condition(new Lock());
    const tickets = new Tickets();
    let woken = 0;
    const waiting = start(waiters, function waiter() {
      return condition.with(async () => {
        const ticket = tickets.draw();
        if (!await condition.wait({ timeout: LIMIT })) return;
        tickets.serve(ticket);
        woken++;
      });
    });
    const expectWoken = async (expected: number) => {
      await world.settle();
      assertEquals(woken, expected);
    };
    await expectWoken(0);
    const first = Math.min(2, alive(waiting));
    await condition.with(() => condition.notify(2));
    await expectWoken(first);
    const rest = alive(waiting);
    await condition.with(() => condition.notifyAll());
    await expectWoken(first + rest);
    assertEquals(alive(waiting), 0);
  };
}

exploreTest("Condition.notify() wakes so many, in the order in which they came", notified(4), {
  every: notified(3),
  preemptions: 1,
});

/** Whatever ends the wait, an RLock is held as often as before. */
function depthKept(waiters: number, rounds: number): Body {
  return async (world) => {
    const lock = new RLock();
    const condition = new Condition(lock);
    const waitDeep = async () => {
      using _outer = await lock.lease();
      using _inner = await lock.lease();
      try {
        await condition.wait({ timeout: LIMIT });
      } finally {
        lock.release();
        assert(lock.owned, "It was held once only");
        lock.tryAcquire();
      }
    };
    const waiting = start(waiters, async function waiter() {
      for (let round = 0; round < rounds; round++) await waitDeep();
    });
    for (let i = 0; i < rounds; i++) await condition.with(() => condition.notifyAll());
    while (alive(waiting) > 0) {
      await world.settle();
      await condition.with(() => condition.notify());
    }
    await ended(waiting);
    assert(!lock.locked);
  };
}

exploreTest("Condition.wait() holds an RLock as often as before", depthKept(3, 2), {
  every: depthKept(2, 1),
});

/** A running `Timeout` given as the limit never ends it with an error, whenever it fires, and fires once. */
function limitedByTimeout(waiters: number, rounds: number): Body {
  return async () => {
    const condition = new Condition(new Lock());
    let open = false;
    const waiting = start(waiters, function waiter() {
      return condition.with(async () => {
        using limit = Timeout.start(LIMIT);
        const held = await condition.waitFor(() => open, { timeout: limit }).catch((error) => {
          if (error === limit) throw new Error("The time-out was thrown", { cause: error });
          throw error;
        });
        assertEquals(held, open);
        if (!held) await sleep(); // it was delivered: not a second time here
      });
    });
    for (let round = 0; round < rounds; round++) {
      await sleep();
      await condition.with(() => condition.notifyAll());
    }
    await condition.with(() => {
      open = true;
      condition.notifyAll();
    });
    await ended(waiting);
    assert(!condition.lock.locked);
  };
}

exploreTest("Condition.waitFor() under a running Timeout returns in time or not", limitedByTimeout(2, 2), {
  every: limitedByTimeout(1, 2),
});
