import { assertEquals, AssertionError } from "@std/assert";
import { sleep, spawn, withTimeout } from "@verdant/green";
import type { Planted } from "./planted.ts";

type Limited = (ms: number, fn: () => Promise<void>) => Promise<unknown>;

/** Goes away when the time is over, but the work goes on. */
const impatient: Limited = async (ms, fn) => {
  const worker = spawn(fn);
  return await worker.join({ timeout: ms }) && worker.successful ? "done" : "given up";
};

const limited: Limited = async (ms, fn) => {
  return await withTimeout(ms, fn, { value: "given up" }) ?? "done";
};

async function givenUpIsNotDone(limit: Limited): Promise<void> {
  const sent: string[] = [];
  const send = async () => {
    await sleep(1);
    sent.push("order");
  };
  const caller = spawn(function caller() {
    return limit(10, send);
  });
  const outcome = await caller.get();
  await sleep(10);
  assertEquals(sent, outcome === "done" ? ["order"] : [], `what was sent when it was ${outcome}`);
}

/** The time-out ends the wait only, not what was waited for. */
export const unstoppedWork: Planted = {
  name: "a time-out that does not stop the work",
  broken: () => givenUpIsNotDone(impatient),
  correct: () => givenUpIsNotDone(limited),
  inject: ["timeout"],
  fails: { type: AssertionError, message: "what was sent when it was given up" },
  shrunk: { switches: 7, decisions: 3 },
};
