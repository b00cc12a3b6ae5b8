import { assert, assertEquals } from "@std/assert";
import { Event, sleep } from "@verdant/green";
import {
  alive,
  Audience,
  type Body,
  crew,
  ended,
  exploreTest,
  FAULTS,
  LIMIT,
  Link,
  start,
} from "./explored.ts";

/** Whoever waits when it is set is woken, though it may be cleared at once; whoever comes later waits on. */
function pulses(waiters: number, rounds: number, count: number): Body {
  return async (world) => {
    const event = new Event();
    const audience = new Audience();
    const links: Link[] = [];
    let sets = 0;
    let late = 0;
    const waiting = start(waiters, async function waiter(index) {
      for (let round = 0; round < rounds; round++) {
        const link = new Link(event);
        links.push(link);
        const [wasSet, before] = [event.isSet, sets];
        if (!await audience.wait(() => event.wait({ timeout: LIMIT }))) late++;
        else assert(wasSet || sets > before, "It was woken by a set() that came before");
        if (index % 2 === 1) link.cancel();
        if (round % 2 === 1) await sleep();
      }
    });
    const set = () => {
      sets++;
      audience.grant();
      event.set();
    };
    while (sets < count) {
      await sleep();
      set();
      if (sets % 2 === 1) await sleep(); // it stays set for those who come meanwhile
      event.clear();
      await world.settle();
      audience.check();
    }
    set();
    await world.settle();
    assertEquals(alive(waiting), 0, "Somebody waits though it is set");
    const struck = await ended(waiting);
    assert(struck + late <= FAULTS, `${struck} were struck, ${late} came too late`);
    for (const link of links) link.check();
  };
}

exploreTest("Event.set() wakes all who wait then, and nobody who comes after clear()", pulses(4, 4, 2), {
  every: pulses(3, 1, 1),
});

/** The flag of a queue: no item is left while a consumer waits. */
function flag(producers: number, consumers: number, items: number): Body {
  return async (world) => {
    const event = new Event();
    const queue: number[] = [];
    let put = 0;
    let taken = 0;
    let over = false;
    const consuming = start(consumers, async function consumer() {
      for (;;) {
        if (queue.shift() !== undefined) taken++;
        else if (over) return;
        else {
          event.clear();
          if (!await event.wait({ timeout: LIMIT })) return;
        }
      }
    });
    await crew(producers, async function producer() {
      for (let i = 0; i < items; i++) {
        queue.push(put++);
        event.set();
        await sleep();
      }
    });
    await world.settle();
    assertEquals([queue.length, taken], [0, put], "A consumer waits though there are items");
    over = true;
    event.set();
    await ended(consuming);
  };
}

exploreTest("Event as the flag of a queue is not missed", flag(2, 3, 3), { every: flag(1, 2, 2) });
