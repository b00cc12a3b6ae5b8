import { getHub, GreenletExit, Timeout, until } from "../../hub/mod.ts";
import { dump } from "../../hub/inspect/dump.ts";
import { snapshot } from "../../hub/inspect/snapshot.ts";
import { getCurrent } from "../../green/current.ts";
import { Greenlet } from "../../green/greenlet.ts";
import * as green from "../../green/mod.ts";
import { sleep } from "../../green/sleep.ts";
import { spawn, spawnLater } from "../../green/spawn.ts";
import { withTimeout } from "../../green/with_timeout.ts";
import * as sync from "../../sync/mod.ts";
import { formatAll } from "./print_value.ts";
import { sessionConsole } from "./session_console.ts";
import { textTable } from "./text_table.ts";

/** What the commands know of their session. */
export interface CommandContext {
  /** Writes to the client. */
  write(text: string): void;
  /** Ends the session. */
  quit(): void;
  /** Whether a greenlet is one of those that the session consists of. */
  isOwn(greenlet: object): boolean;
  /** The variables of the session and the names of the commands. */
  names(): string[];
}

/** So long (ms) `kill()` waits for the end of a greenlet. */
const KILL_WAIT_MS = 1_000;

const HELP = `\
greenlets()       the greenlets: number, state, name, what each waits for
dump()            the same as a tree, with all that is known
kill(5)           kills greenlet 5; whether it has ended
print(a, b)       prints; console.log() and its like print here, too
_                 the last value
quit(), exit()    ends the session
hub, green, sync  the hub, and the library: green.Pool, sync.Queue ...
and               getCurrent, getHub, Greenlet, sleep, snapshot, spawn, spawnLater, Timeout, until, withTimeout

An entry is JavaScript with top-level await; import() takes modules as the program does. What it declares lasts.`;

/** The names that every session has beside its variables. */
export function commandsOf(context: CommandContext): Record<string, unknown> {
  const print = (...values: unknown[]): void => context.write(`${formatAll(values)}\n`);
  const quit = (): never => {
    context.quit();
    throw new GreenletExit("The session was quit");
  };
  return {
    __proto__: null,
    help: command(
      "help() tells what there is",
      () => print(`${HELP}\n\nHere: ${context.names().join(", ")}`),
    ),
    greenlets: command("greenlets() lists the greenlets", () => print(greenletTable(context))),
    dump: command("dump() tells what every greenlet does", () => print(dump())),
    kill: command("kill(number) kills a greenlet", (target: unknown) => kill(target, context, print)),
    quit: command("quit() ends the session", () => quit()),
    exit: command("exit() ends the session", () => quit()),
    importModule,
    print,
    console: sessionConsole(print),
    hub: getHub(),
    green,
    sync,
    getCurrent,
    getHub,
    Greenlet,
    sleep,
    snapshot,
    spawn,
    spawnLater,
    Timeout,
    until,
    withTimeout,
    _: undefined,
  };
}

/** A function that tells how to use it if it is not called. */
function command<F extends (...args: never[]) => unknown>(usage: string, fn: F): F {
  return Object.assign(fn, { [Symbol.for("Deno.customInspect")]: () => usage });
}

function greenletTable({ isOwn }: CommandContext): string {
  const own = new Set([...getHub().tasks()].filter(isOwn).map(({ id }) => id));
  const rows = snapshot().greenlets.map(({ id, state, name, waits }) => {
    const waitsFor = waits.map(({ description }) => description).join(" and ");
    return [`${id}`, state, own.has(id) ? `${name} (this session)` : name, waitsFor];
  });
  return textTable([["id", "state", "name", "waits for"], ...rows]);
}

async function kill(
  target: unknown,
  { isOwn }: CommandContext,
  print: (text: string) => void,
): Promise<boolean> {
  const found = target instanceof Greenlet ? target : getHub().taskList.find(target);
  if (found === undefined) {
    print(`There is no greenlet ${formatAll([target])}: greenlets() lists them`);
  } else if (isOwn(found)) {
    print(`#${found.id} belongs to this session: quit() ends it`);
  } else if (!(found instanceof Greenlet)) {
    print(`#${found.id} ${found.label} was spawned by spawnRaw(): it cannot be killed`);
  } else {
    const ended = await found.kill("by the backdoor", { timeout: KILL_WAIT_MS });
    if (!ended) print(`#${found.id} ${found.label} has been killed, but has not ended yet`);
    return ended;
  }
  return false;
}

/** `import()` relative to the program: that of an entry is relative to the file that compiles it. */
async function importModule(specifier: unknown, options?: ImportCallOptions): Promise<unknown> {
  const relative = /^\.{0,2}\//.test(String(specifier));
  if (!relative) return await import(String(specifier), options);
  const program = Deno.mainModule as string | undefined ?? location.href; // in a worker
  return await import(new URL(String(specifier), program).href, options);
}
