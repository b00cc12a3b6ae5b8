import {
  enterWait,
  expireThrowing,
  immediately,
  planWait,
  quiet,
  refusal,
  Timeout,
  type WaitOptions,
} from "../hub/mod.ts";

/**
 * One limit for all phases of an operation: `fn` gets a signal that ends them. A running `Timeout` ends them by
 * itself. What `fn` throws at once is thrown.
 */
export function within<T>(
  options: WaitOptions | undefined,
  action: string,
  message: string,
  fn: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const plan = planWait(options, action);
  const task = enterWait(action);
  const refused = refusal(task, plan);
  if (refused !== undefined) return refused;
  const late = () => plan.owner?.thrown ?? new Timeout(plan.timeout, { message });
  if (plan.timeout === 0) return immediately(plan, expireThrowing(late));
  if (plan.timeout === Infinity) return quiet(fn(plan.signal));
  const limit = new AbortController(); // a `Timeout` would also end other waits of the greenlet
  const work = fn(plan.signal === undefined ? limit.signal : AbortSignal.any([plan.signal, limit.signal]));
  const { hub } = task;
  const timer = hub.startTimer(plan.timeout, true, () => limit.abort(late()), undefined);
  return quiet(work.finally(() => hub.cancelTimer(timer)));
}
