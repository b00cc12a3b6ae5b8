import { assertEquals, AssertionError } from "@std/assert";
import { joinAll, SimpleQueue, spawn, type WaitOptions } from "@verdant/green";
import { enterWait, expireWith, park, planWait, refusal, Waiter, type WaitSource } from "@verdant/green/hub";
import type { Planted } from "./planted.ts";

interface Request {
  readonly question: number;
  readonly slot: Slot;
  /** The number of this use of the slot. */
  readonly use: number;
}

/** Where a caller waits for the reply; used again and again. */
class Slot implements WaitSource {
  readonly what = "reply";
  waiter: Waiter | undefined = undefined;
  uses = 0;

  constructor(readonly owner: Calls) {}

  remove(): void {
    this.owner.recycle(this);
  }
}

/** Questions to somebody who answers them one by one, perhaps too late. */
class Calls {
  readonly requests = new SimpleQueue<Request>();
  readonly #unused: Slot[] = [];

  /** The reply; `undefined` if it does not come in time. */
  ask(question: number, options: WaitOptions): Promise<number | undefined> {
    const plan = planWait(options, "ask");
    const task = enterWait("ask");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const slot = this.#unused.pop() ?? new Slot(this);
    const waiter = slot.waiter = new Waiter(task, slot, undefined);
    this.requests.putNowait({ question, slot, use: ++slot.uses });
    return park(waiter, plan, expireWith(undefined));
  }

  answer(request: Request, reply: number): void {
    const { slot, slot: { waiter } } = request;
    if (waiter === undefined || !this.isFor(request)) return;
    this.recycle(slot);
    waiter.wake(reply);
  }

  recycle(slot: Slot): void {
    slot.waiter = undefined;
    this.#unused.push(slot);
  }

  /** Whether the one who waits in the slot is the one who asked. */
  protected isFor({ slot, use }: Request): boolean {
    return slot.uses === use;
  }
}

/** Takes whoever waits in the slot for the one who asked. */
class CrossedCalls extends Calls {
  protected override isFor(): boolean {
    return true;
  }
}

async function everybodyGetsTheirReply(calls: Calls): Promise<void> {
  const client = async (n: number) => {
    const reply = await calls.ask(n, { timeout: 10 });
    if (reply !== undefined) assertEquals(reply, n * n, "the reply to another question");
  };
  const clients = [spawn(client, 2), spawn(client, 3)];
  for (const _ of clients) {
    const request = await calls.requests.get();
    calls.answer(request, request.question ** 2);
  }
  await joinAll(clients, { raiseError: true });
}

/** ABA: a slot looks as it did before, but somebody else waits in it. */
export const reusedWaiter: Planted = {
  name: "a waiter that was reused meanwhile (ABA)",
  broken: () => everybodyGetsTheirReply(new CrossedCalls()),
  correct: () => everybodyGetsTheirReply(new Calls()),
  inject: ["timeout"],
  fails: { type: AssertionError, message: "the reply to another question" },
  shrunk: { switches: 7, decisions: 3 },
};
