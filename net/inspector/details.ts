import type { GreenletSnapshot, Snapshot, TaskCounters, WaitSnapshot } from "../../hub/mod.ts";
import { cut } from "./wire.ts";

/** Characters of what may be long. */
const MAX_TEXT = 500;
const MAX_STACK = 8_000;
/** How many of them are told. */
const MAX_LOCALS = 50;
const MAX_WAITS = 20;
const MAX_CHILDREN = 200;

/** Somebody who is mentioned. */
export interface Mention {
  readonly id: number;
  readonly name: string;
}

/** All about one greenlet, for the page. */
export interface Details extends Mention {
  readonly state: string;
  /** Milliseconds. */
  readonly startsIn: number | undefined;
  readonly spawner: Mention | undefined;
  readonly children: readonly Mention[];
  readonly waits: readonly {
    readonly description: string;
    readonly blockers: readonly Mention[];
    /** Milliseconds. */
    readonly since: number | undefined;
    readonly stack: string;
  }[];
  readonly stuck: boolean;
  readonly kills: number;
  readonly killPending: boolean;
  /** Names and values, as texts. */
  readonly locals: readonly (readonly [string, string])[];
  readonly spawnStack: string;
  readonly counters: TaskCounters | undefined;
}

/** All about one greenlet; `undefined` if it is not there. */
export function detailsIn(snapshot: Snapshot, id: number): Details | undefined {
  const greenlet = snapshot.greenlets.find((entry) => entry.id === id);
  if (greenlet === undefined) return undefined;
  const { state, startsIn, stuck, kills, killPending, counters } = greenlet;
  const mention = mentioner(snapshot);
  return {
    id,
    name: cut(greenlet.name, MAX_TEXT),
    state,
    startsIn,
    spawner: greenlet.spawner === undefined ? undefined : mention(greenlet.spawner),
    children: snapshot.greenlets.filter(({ spawner }) => spawner === id).slice(0, MAX_CHILDREN).map(
      toMention,
    ),
    waits: greenlet.waits.slice(0, MAX_WAITS).map((wait) => describe(wait, mention)),
    stuck,
    kills,
    killPending,
    locals: Object.entries(greenlet.locals).slice(0, MAX_LOCALS)
      .map(([name, value]) => [cut(name, MAX_TEXT), cut(String(value), MAX_TEXT)]),
    spawnStack: cut(greenlet.spawnStack ?? "", MAX_STACK),
    counters,
  };
}

function describe(
  { description, blockers, since, stack = "" }: WaitSnapshot,
  mention: (id: number) => Mention,
) {
  return {
    description: cut(description, MAX_TEXT),
    blockers: blockers.slice(0, MAX_WAITS).map(mention),
    since,
    stack: cut(stack, MAX_STACK),
  };
}

function toMention({ id, name }: GreenletSnapshot): Mention {
  return { id, name: cut(name, MAX_TEXT) };
}

/** Who is not there has ended. */
function mentioner({ greenlets }: Snapshot): (id: number) => Mention {
  return (id) => {
    const found = greenlets.find((entry) => entry.id === id);
    return found === undefined ? { id, name: "" } : toMention(found);
  };
}
