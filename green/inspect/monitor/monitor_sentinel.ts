/** The worker that watches a heartbeat. */
import { keeperOf } from "../../worker_keeper.ts";
import { type Hub, originalOf } from "../../../hub/mod.ts";
import { runAs } from "../../../hub/context.ts";
import { type Heartbeat, LAYOUT, type Layout, STOP, WATCHING } from "./heartbeat.ts";

/** Milliseconds. */
export interface SentinelTimes {
  /** How long the event loop may be blocked. */
  readonly maxBlocking: number;
  /** How often it beats, and is looked at. */
  readonly period: number;
}

/**
 * Looks at a heartbeat, whenever what it returns is called. Sent to the worker as text: it must be self-contained.
 *
 * It never says too much. The loop may have been idle until the next beat was due: that is when a block begins. If
 * it was itself called late (the process was stopped, the machine is busy), nobody ran, or nobody knows: what was
 * too late does not count.
 *
 * @param now The clock of the worker (ms): another one than that of the monitored thread.
 * @param print Gets a line while the loop is blocked.
 */
export function sentinel(
  { cells, times, entries, texts, line }: Heartbeat,
  at: Layout,
  { maxBlocking, period }: SentinelTimes,
  now: () => number,
  print: (line: string) => void,
): () => void {
  let beats = 0;
  /** What the clock of the worker is ahead. A beat is seen late, never early: the least is nearest to the truth. */
  let offset = Infinity;
  let lookedAt = now();
  let blockedSince = Infinity;
  let who = 0;
  let heldSince = Infinity;
  /** The next line comes when the loop was blocked for so long. */
  let due = maxBlocking;

  return function look(): void {
    const time = now();
    const before = lookedAt;
    lookedAt = time;
    const late = time - before - period;
    if (late > period) {
      blockedSince += late;
      heldSince += late;
    }
    if (Atomics.load(cells, at.beats) !== beats) return restart(time);
    const current = cells[at.who]!;
    const entry = entryOf(current);
    if (current !== who) {
      heldSince = Math.max(blockedSince, who === 0 ? before : time);
      who = current;
    }
    if (current === 0 ? cells[at.outsideMayBlock] !== 0 : flagOf(entry, at.mayBlock)) {
      blockedSince = heldSince = time;
      due = maxBlocking;
    }
    const blocked = time - blockedSince;
    if (blocked < due || !say(entry, describe(entry, blocked, time - heldSince))) return;
    while (due <= blocked) due *= 2;
  };

  function restart(time: number): void {
    beats = Atomics.load(cells, at.beats);
    offset = Math.min(offset, time - times[at.beatAt]!);
    blockedSince = heldSince = times[at.beatAt]! + offset + period;
    who = cells[at.who]!;
    due = maxBlocking;
  }

  /** Says whether it was true. */
  function say(entry: number, text: string): boolean {
    const shown = text.slice(0, line.length);
    for (let i = 0; i < shown.length; i++) line[i] = shown.charCodeAt(i);
    cells[at.lineLength] = shown.length;
    cells[at.suspect] = who;
    cells[at.suspectWait] = entry < 0 ? 0 : entries[entry + at.wait]!;
    times[at.blockedSince] = blockedSince - offset;
    times[at.heldSince] = heldSince - offset;
    Atomics.or(cells, at.attention, at.alarm);
    // It may have gone on meanwhile: then what was read may be of several greenlets, and none blocks.
    const still = Atomics.load(cells, at.beats) === beats && cells[at.who] === who;
    if (still) print(text);
    else Atomics.and(cells, at.attention, ~at.alarm);
    return still;
  }

  function describe(entry: number, blocked: number, held: number): string {
    const whole = `${Math.floor(blocked)} ms`;
    if (who === 0) {
      return `green monitor: the event loop has been blocked for ${whole}, and still is, by no greenlet that is ` +
        "known: by code outside greenlets, the garbage collector, or a greenlet that came back from a promise " +
        "that is not the library's";
    }
    const name = entry < 0 ? `#${who}` : nameAt(who, entry + at.label, flagOf(entry, at.numbered));
    const parts = [
      blocked - held > 2 * period
        ? `green monitor: the event loop has been blocked for ${whole}, for the last ${
          Math.floor(held)
        } ms ` +
          `of them by ${name}, and still is`
        : `green monitor: ${name} has held the event loop for ${whole}, and still does`,
    ];
    if (entry >= 0) {
      parts.push(spawnAt(entry));
      const wait = textAt(entries[entry + at.wait]!);
      if (wait !== undefined) parts.push(`it last waited for ${wait}`);
    }
    return parts.join("; ");
  }

  function spawnAt(entry: number): string {
    const spawner = entries[entry + at.spawner]!;
    const site = textAt(entries[entry + at.site]!);
    const by = spawner === 0
      ? "outside greenlets"
      : spawner < 0
      ? "by a greenlet that has ended"
      : `by ${nameAt(spawner, entry + at.spawnerLabel, flagOf(entry, at.spawnerNumbered))}`;
    return `spawned ${by}${site === undefined ? "" : ` at ${site}`}`;
  }

  function nameAt(id: number, place: number, numbered: boolean): string {
    const label = textAt(entries[place]!);
    return label === undefined ? `#${id}` : `#${id} ${JSON.stringify(numbered ? `${label}-${id}` : label)}`;
  }

  function flagOf(entry: number, flag: number): boolean {
    return entry >= 0 && (entries[entry + at.flags]! & flag) !== 0;
  }

  function textAt(code: number): string | undefined {
    if (code <= 0 || code >= texts.length) return undefined;
    return String.fromCharCode(...texts.subarray(code + 1, code + 1 + Math.min(texts[code]!, 1_000)));
  }

  function entryOf(id: number): number {
    const slots = entries.length / at.words;
    for (let probe = 0; probe < at.probes; probe++) {
      const entry = ((id + probe) & (slots - 1)) * at.words;
      if (id !== 0 && entries[entry] === id) return entry;
    }
    return -1;
  }
}

/** What is posted to the worker. */
interface Order {
  readonly heartbeat: Heartbeat;
  readonly at: Layout;
  readonly times: SentinelTimes;
  readonly print: boolean;
}

/** The program of the worker. It sleeps in `Atomics.wait`, as it has no event loop to keep running. */
function program(watch: typeof sentinel): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Order>) => void;
    close(): void;
  };
  scope.onmessage = ({ data: { heartbeat, at, times, print } }) => {
    const { cells } = heartbeat;
    const show = print ? (line: string) => console.error(line) : () => {};
    const look = watch(heartbeat, at, times, () => performance.now(), show);
    Atomics.store(cells, at.watching, 1);
    while (Atomics.wait(cells, at.stop, 0, times.period) === "timed-out") look();
    scope.close();
  };
}

/**
 * Has a worker watch a heartbeat. It does not keep the process alive, and needs no permission: its program is not
 * read from a file.
 *
 * @param hub The hub whose thread is watched.
 * @param print Whether it writes to the standard error output while the loop is blocked.
 * @param onError Called if the worker fails.
 * @returns Ends it when disposed.
 * @throws {Error} If the platform has no workers that let the process end.
 */
export function startSentinel(
  hub: Hub,
  heartbeat: Heartbeat,
  times: SentinelTimes,
  print: boolean,
  onError: (error: Error) => void,
): Disposable {
  const url = `data:text/javascript,${encodeURIComponent(`(${program})(${sentinel})`)}`;
  let worker!: Worker;
  // Its events must not run in the context of the greenlet that started it.
  runAs(
    hub.root,
    () => worker = new (originalOf(Worker))(url, { type: "module", name: "green monitor" }),
    undefined,
  );
  const end = () => {
    Atomics.store(heartbeat.cells, STOP, 1);
    Atomics.notify(heartbeat.cells, STOP);
    Atomics.store(heartbeat.cells, WATCHING, 0);
    worker.terminate();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    onError(new Error(`The monitor's worker has failed: ${event.message}`));
  };
  const keepAlive = keeperOf(worker);
  if (keepAlive === undefined) {
    end();
    throw new Error("Cannot start monitor: its worker would keep the process alive on this platform");
  }
  keepAlive(false);
  worker.postMessage({ heartbeat, at: LAYOUT, times, print } satisfies Order);
  return { [Symbol.dispose]: end };
}
