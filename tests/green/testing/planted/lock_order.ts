import { assertEquals } from "@std/assert";
import { joinAll, Lock, LoopExit, spawn } from "@verdant/green";
import type { Planted } from "./planted.ts";

class Account {
  readonly lock = new Lock();

  constructor(readonly number: number, public balance: number) {}
}

type Transfer = (from: Account, to: Account, amount: number) => Promise<void>;

function inOrder(first: Account, second: Account, act: () => void): Promise<void> {
  return first.lock.with(() => second.lock.with(act));
}

/** Locks the payer first, whoever that is. */
const payerFirst: Transfer = (from, to, amount) =>
  inOrder(from, to, () => {
    from.balance -= amount;
    to.balance += amount;
  });

/** Locks the smaller number first, whoever pays. */
const smallerFirst: Transfer = (from, to, amount) => {
  const [first, second] = from.number < to.number ? [from, to] : [to, from];
  return inOrder(first, second, () => {
    from.balance -= amount;
    to.balance += amount;
  });
};

async function bothWays(transfer: Transfer): Promise<void> {
  const [a, b] = [new Account(1, 50), new Account(2, 50)];
  await joinAll([spawn(transfer, a, b, 10), spawn(transfer, b, a, 30)], { raiseError: true });
  assertEquals([a.balance, b.balance], [70, 30]);
}

/** Two take the same two locks in opposite order. */
export const lockOrder: Planted = {
  name: "locks in opposite order",
  broken: () => bothWays(payerFirst),
  correct: () => bothWays(smallerFirst),
  inject: [],
  fails: { type: LoopExit, message: "cycle: #2 payerFirst -> #3 payerFirst -> #2 payerFirst" },
  shrunk: { switches: 4, decisions: 1 },
};
