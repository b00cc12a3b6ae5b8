/** A field for it would cost every event and queue eight bytes, and few have a name. */
const names = new WeakMap<object, string>();

/**
 * Has a name in reports, if it is given one: the base of everything that greenlets wait on.
 *
 * @example A queue with a name
 * ```ts
 * import { Queue } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = new Queue<string>();
 * jobs.name = "jobs";
 * assertEquals(jobs.name, "jobs");
 * ```
 */
export abstract class Named {
  /** What reports call it; `undefined` if it was given no name. */
  get name(): string | undefined {
    return names.get(this);
  }

  set name(name: string | undefined) {
    if (name === undefined) names.delete(this);
    else names.set(this, name);
  }
}

/**
 * Gives a name to something and returns it, so that it can be named where it is made.
 *
 * @param thing Whatever has a `name` that can be set: queues, locks, events, greenlets.
 * @param name What reports call it.
 *
 * @example Named where it is made
 * ```ts
 * import { Lock, named } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const accounts = named(new Lock(), "accounts");
 * assertEquals(accounts.name, "accounts");
 * ```
 */
export function named<T extends { name?: string | undefined }>(thing: T, name: string): T {
  thing.name = name;
  return thing;
}

/**
 * What reports call an object: `"Lock"`, or `"Lock(accounts)"` if it has a name.
 *
 * @example With and without a name
 * ```ts
 * import { Lock, named } from "@verdant/green";
 * import { titleOf } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(titleOf(new Lock()), "Lock");
 * assertEquals(titleOf(named(new Lock(), "accounts")), "Lock(accounts)");
 * ```
 */
export function titleOf(thing: object): string {
  const { name } = thing as { name?: unknown };
  const kind = thing.constructor?.name || "Object";
  return typeof name === "string" && name !== "" ? `${kind}(${name})` : kind;
}
