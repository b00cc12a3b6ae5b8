import type { Inspectable, WaitSource } from "../../hub/mod.ts";

/** The call that waits, by its class: `"Queue.get"`, `"Greenlet.join"`; without one where there is no object. */
export function callName({ owner, what }: WaitSource): string {
  const anonymous = owner === undefined || (owner as Inspectable).inspectTitle === "";
  return anonymous ? what : `${owner.constructor.name}.${what}`;
}
