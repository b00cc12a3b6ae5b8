import {
  callerTask,
  enterWait,
  expireWith,
  type Hub,
  planWait,
  readyWith,
  refusal,
  suspend,
  type WaitOptions,
} from "../../hub/mod.ts";
import { ForeignWaitList } from "./foreign_wait_list.ts";
import { ProcessGroup } from "./process_group.ts";

const EXPIRE_UNDEFINED = expireWith(undefined);

/** A process that was started: how it ends, and what it is sent. */
export class Child {
  readonly hub: Hub;
  readonly pid: number;
  /** The group that it leads, if it does. */
  readonly group: ProcessGroup | undefined;
  /** Those who wait for its end; they get the return code. */
  readonly ends: ForeignWaitList;
  readonly #raw: Deno.ChildProcess;
  readonly #name: string;
  #status: Deno.CommandStatus | undefined = undefined;

  constructor(raw: Deno.ChildProcess, name: string, leadsGroup: boolean) {
    this.hub = callerTask().hub;
    this.pid = raw.pid;
    this.group = leadsGroup ? new ProcessGroup(raw.pid) : undefined;
    this.ends = new ForeignWaitList("end of process", this, this.hub);
    this.#raw = raw;
    this.#name = name;
    raw.status.then(this.#onEnd);
  }

  /** Its exit status; negative the number of the signal that ended it; `undefined` while it runs. */
  get returnCode(): number | undefined {
    if (this.#status === undefined) return undefined;
    const { code, signal } = this.#status;
    return signal === null ? code : 128 - code; // as a shell does, the platform adds 128 to a signal
  }

  /** The signal that ended it. */
  get signal(): Deno.Signal | null {
    return this.#status?.signal ?? null;
  }

  /**
   * Sends a signal: to its group if it leads one, otherwise to itself. Nothing happens if it has ended.
   *
   * @throws {TypeError} If the signal is unknown.
   * @throws {Deno.errors.PermissionDenied} If it may not be signalled.
   */
  sendSignal(name: Deno.Signal): void {
    if (this.group !== undefined) return this.group.signal(name);
    try {
      this.#raw.kill(name);
    } catch (error) {
      if (!isAboutTheEnd(error)) throw error;
    }
  }

  /** Waits for the end; yields the return code, `undefined` on time-out. Switches unless it has ended. */
  ended(options?: WaitOptions): Promise<number | undefined> {
    const plan = planWait(options, "wait for process");
    const task = enterWait("wait for process");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#status !== undefined) return readyWith(task, this.ends, this.returnCode);
    return suspend(task, this.ends, undefined, plan, EXPIRE_UNDEFINED);
  }

  /** For messages. */
  toString(): string {
    return `process ${this.pid} (${this.#name})`;
  }

  readonly #onEnd = (status: Deno.CommandStatus): void => {
    this.#status = status;
    this.group?.leaderEnded();
    this.hub.wakeFromOutside(() => this.ends.wakeAll(this.returnCode));
  };
}

/** It has ended. */
function isAboutTheEnd(error: unknown): boolean {
  if (error instanceof Deno.errors.NotFound) return true;
  return error instanceof TypeError && error.message.includes("terminated");
}
