import { DependencyCycle } from "./dag_errors.ts";

/** A vertex on a way, and the one before it. */
interface Step<K> {
  readonly key: K;
  readonly from: Step<K> | undefined;
}

/**
 * Which tasks wait for which keys.
 *
 * Invariants: the two maps hold the same edges; no set in them is empty; there is no cycle.
 */
export class DependencyGraph<K> {
  /** Of those that wait, what they wait for. */
  readonly #missing = new Map<K, Set<K>>();
  /** Of those that are waited for, who waits. */
  readonly #dependants = new Map<K, Set<K>>();

  /** How many tasks wait. */
  get waiting(): number {
    return this.#missing.size;
  }

  /** What each task that waits waits for, as of now. */
  allMissing(): Map<K, Set<K>> {
    return new Map(this.#missing.entries().map(([key, missing]) => [key, new Set(missing)]));
  }

  /** What a task waits for, as of now. */
  missing(key: K): Set<K> {
    return new Set(this.#missing.get(key));
  }

  /**
   * Adds a task that is not in it.
   *
   * @throws {DependencyCycle} If it could never end: then nothing has changed.
   */
  add(key: K, missing: Iterable<K>): void {
    for (const dependency of missing) {
      insert(this.#missing, key, dependency);
      insert(this.#dependants, dependency, key);
    }
    const cycle = this.#cycleThrough(key);
    if (cycle === undefined) return;
    this.remove(key);
    throw new DependencyCycle(cycle);
  }

  /** A task has ended: it waits no longer. */
  remove(key: K): void {
    for (const dependency of this.#missing.get(key) ?? []) drop(this.#dependants, dependency, key);
    this.#missing.delete(key);
  }

  /** A key has a value: nobody waits for it any longer. */
  resolve(key: K): void {
    for (const dependant of this.#dependants.get(key) ?? []) drop(this.#missing, dependant, key);
    this.#dependants.delete(key);
  }

  /**
   * The cycle that a new task has closed. It is looked for in both directions in turn, edge by edge: whichever
   * comes to an end first decides, so that neither long chains nor wide fans make a spawn slow.
   */
  #cycleThrough(key: K): K[] | undefined {
    const start: Step<K> = { key, from: undefined };
    const needed = new Map([[key, start]]);
    const needing = new Map([[key, start]]);
    const there = walk(start, this.#missing, needed);
    const back = walk(start, this.#dependants, needing);
    for (;;) {
      const next = there.next();
      if (next.done) return undefined;
      const known = needing.get(next.value.key);
      if (known !== undefined) return wayRound(next.value, known);
      const previous = back.next();
      if (previous.done) return undefined;
      const met = needed.get(previous.value.key);
      if (met !== undefined) return wayRound(met, previous.value);
    }
  }
}

/** Goes from vertex to vertex, the nearest first, and yields where every edge leads. */
function* walk<K>(
  start: Step<K>,
  edges: ReadonlyMap<K, ReadonlySet<K>>,
  reached: Map<K, Step<K>>,
): Generator<Step<K>, undefined> {
  const queue = [start];
  for (const from of queue) {
    for (const key of edges.get(from.key) ?? []) {
      const step = { key, from };
      if (!reached.has(key)) {
        reached.set(key, step);
        queue.push(step);
      }
      yield step;
    }
  }
}

/** Joins two ways that have met. Both begin at the start, which is named once; so is the meeting point. */
function wayRound<K>(there: Step<K>, back: Step<K>): K[] {
  return [...keysBackFrom(there).reverse().slice(0, -1), ...keysBackFrom(back).slice(0, -1)];
}

function keysBackFrom<K>(end: Step<K>): K[] {
  const keys: K[] = [];
  for (let step: Step<K> | undefined = end; step !== undefined; step = step.from) keys.push(step.key);
  return keys;
}

function insert<K>(map: Map<K, Set<K>>, key: K, element: K): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([element]));
  else set.add(element);
}

function drop<K>(map: Map<K, Set<K>>, key: K, element: K): void {
  const set = map.get(key)!;
  set.delete(element);
  if (set.size === 0) map.delete(key);
}
