import { expireThrowing, type Expiry, Timeout, type WaitPlan } from "../hub/mod.ts";

const NEVER: Expiry = expireThrowing(() => new Timeout());

/** The end of a wait's time is a `Timeout` that says what was to be done: `"reading from 127.0.0.1:80"`. */
export function expiryOf({ timeout }: WaitPlan, doing: string, object: { toString(): string }): Expiry {
  if (timeout === Infinity) return NEVER; // the words are made only if they may be needed
  return expireThrowing(() => new Timeout(timeout, { message: `${doing} ${object}` }));
}
