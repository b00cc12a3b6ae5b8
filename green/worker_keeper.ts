/**
 * What decides whether a worker keeps the process alive: it does until it is told otherwise. Where the platform has no
 * official way (`unref`, `ref`), Deno has a method under a symbol without a description, which its
 * `node:worker_threads` uses. That one counts, so it must be called in turn.
 *
 * @returns `undefined` if there is no way.
 */
export function keeperOf(worker: Worker): ((keep: boolean) => void) | undefined {
  const set = officialKeeper(worker) ?? hiddenKeeper(worker);
  if (set === undefined) return undefined;
  let kept = true;
  return (keep) => {
    if (keep === kept) return;
    kept = keep;
    set(keep);
  };
}

function officialKeeper(worker: Worker): ((keep: boolean) => void) | undefined {
  const { ref, unref } = worker as { ref?: () => void; unref?: () => void };
  if (typeof ref !== "function" || typeof unref !== "function") return undefined;
  return (keep) => (keep ? ref : unref).call(worker);
}

function hiddenKeeper(worker: Worker): ((keep: boolean) => void) | undefined {
  const { prototype } = Worker;
  const key = Object.getOwnPropertySymbols(prototype).find((symbol) => !symbol.description);
  const method = key && (prototype as unknown as Record<symbol, unknown>)[key];
  if (typeof method !== "function" || method.length !== 1) return undefined;
  return (keep) => method.call(worker, keep);
}
