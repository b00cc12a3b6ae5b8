import { unpack } from "./parcel.ts";
import { acceptChannels, onChannelArrival, type WorkerChannel } from "./worker_channel.ts";

/** The arguments of a task, and the channel ends among them, which are the task's: they end with it. */
export class ArgumentsWithEnds {
  /** The arguments, whole again. */
  readonly args: unknown[];
  readonly #ends: WorkerChannel<unknown>[] = [];

  constructor(wired: unknown[]) {
    acceptChannels();
    onChannelArrival((end) => this.#ends.push(end));
    try {
      this.args = unpack(wired) as unknown[];
    } finally {
      onChannelArrival(undefined);
    }
  }

  /** Runs the task with them. If it fails, the other ends are told, so that nothing looks complete that is not. */
  async lend(task: (args: unknown[]) => Promise<void>): Promise<void> {
    try {
      await task(this.args);
    } catch (error) {
      for (const end of this.#ends) end.abort(`its task failed: ${String(error)}`);
      throw error;
    }
    for (const end of this.#ends) end.close();
  }
}
