import { standsFor, until } from "../../hub/mod.ts";
import { isOutside } from "../../green/outside.ts";
import { ofDeno } from "./files.ts";
import type { Replacement } from "./replacement.ts";
import { greenReadable, greenWritable } from "./streams.ts";
import {
  abortable,
  type AnyFunction,
  cleaningUp,
  imitate,
  replaceGetters,
  replaceMethods,
  throughHub,
} from "./through_hub.ts";

type CommandArgs = ConstructorParameters<typeof Deno.Command>;

/** `Deno.Command`, `Deno.spawn` and `Deno.spawnAndWait`. */
export function processReplacements(): Replacement[] {
  return [ofDeno("Command", commands), ofDeno("spawn", spawning), ofDeno("spawnAndWait", spawningAndWaiting)]
    .filter(({ key }) => key in Deno); // the newer ones are not in every Deno
}

function commands(original: AnyFunction): AnyFunction {
  const Original = original as unknown as typeof Deno.Command;
  const mine: AnyFunction = new Proxy(original, {
    construct(_target, args, newTarget) {
      const command = Reflect.construct(Original, args, newTarget === mine ? Original : newTarget);
      return greenCommand(command as Deno.Command, Original, args as CommandArgs);
    },
  });
  return standsFor(mine, original);
}

function greenCommand(
  command: Deno.Command,
  Original: typeof Deno.Command,
  [program, options = {}]: CommandArgs,
): Deno.Command {
  /** An interruption ends the child: nobody else could. */
  const run = (others: unknown) => new Original(program, others as Deno.CommandOptions).output();
  return replaceMethods(command, {
    output: (original) =>
      throughHub(original, { wait: () => abortable(run, [options], 0, { what: `output of ${program}` }) }),
    spawn: spawning,
  });
}

function spawning(original: AnyFunction): AnyFunction {
  function spawn(this: unknown, ...args: unknown[]): Deno.ChildProcess {
    return greenChild(Reflect.apply(original, this, args) as Deno.ChildProcess);
  }
  return imitate(spawn, original);
}

function spawningAndWaiting(original: AnyFunction): AnyFunction {
  return throughHub(original, {
    wait: (call, args) =>
      abortable(call, args, Array.isArray(args[1]) ? 2 : 1, { what: `output of ${args[0]}` }),
  });
}

/** An interruption leaves the child to whoever spawned it. */
function greenChild(child: Deno.ChildProcess): Deno.ChildProcess {
  replaceGetters(child, {
    status: (status: Promise<Deno.CommandStatus>) =>
      isOutside() ? status : until(status, { what: "status of a child" }),
    stdin: greenWritable,
    stdout: greenReadable,
    stderr: greenReadable,
  });
  return replaceMethods(child, {
    output: (original) => throughHub(original, { what: "output of a child" }),
    [Symbol.asyncDispose]: cleaningUp,
  });
}
