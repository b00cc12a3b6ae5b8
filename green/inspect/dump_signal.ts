import { callerTask, dump, type Hub, signalBoard } from "../../hub/mod.ts";

/**
 * Options of {@linkcode installDumpSignal}.
 *
 * @example Another signal, and a file
 * ```ts
 * import { type DumpSignalOptions, installDumpSignal } from "@verdant/green";
 *
 * const options: DumpSignalOptions = {
 *   signal: "SIGUSR1",
 *   write: (text) => Deno.writeTextFileSync("dump.txt", text),
 * };
 * using _installed = installDumpSignal(options);
 * ```
 */
export interface DumpSignalOptions {
  /**
   * The signal that asks for the dump.
   *
   * @default {"SIGQUIT"} Ctrl-\ in a terminal. On Windows, `"SIGBREAK"`.
   */
  signal?: Deno.Signal | undefined;
  /** Gets the dump. By default, it is printed to stderr. Its errors are reported. */
  write?: ((text: string) => void) | undefined;
  /** Which hub; the caller's by default. */
  hub?: Hub | undefined;
}

/**
 * Prints the {@linkcode dump} of the running program to stderr whenever the process gets a signal: `kill -QUIT` shows
 * why it hangs, and it goes on. Keeps no program alive. While a greenlet holds the event loop, no signal is seen: that
 * is what `monitor()` is for. Does not switch.
 *
 * @returns Gives the signal back to the system when disposed.
 * @throws {TypeError} If there is no such signal, or it cannot be caught.
 *
 * @example In a server
 * ```ts
 * import { installDumpSignal } from "@verdant/green";
 *
 * using _installed = installDumpSignal();
 * ```
 */
export function installDumpSignal(options: DumpSignalOptions = {}): Disposable {
  const { signal = usualSignal(), write = console.error, hub = callerTask().hub } = options;
  const onSignal = () => {
    try {
      write(`${signal} at ${new Date().toISOString()}\n${dump({ hub })}`);
    } catch (error) {
      hub.handleError(installDumpSignal, error);
    }
  };
  signalBoard.listen(signal, onSignal, false);
  return { [Symbol.dispose]: () => signalBoard.unlisten(signal, onSignal) };
}

function usualSignal(): Deno.Signal {
  return Deno.build.os === "windows" ? "SIGBREAK" : "SIGQUIT";
}
