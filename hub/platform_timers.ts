const { setImmediate, setTimeout, clearTimeout } = globalThis;

/**
 * The timers of the platform, as they were when the library was loaded.
 *
 * Taken here, while no greenlet runs, because Deno loads its timers at their first use and runs microtasks
 * meanwhile: in the middle of a switch, they would be greenlets that run inside one another.
 */
export const platform: Pick<typeof globalThis, "setImmediate" | "setTimeout" | "clearTimeout"> = {
  setImmediate,
  setTimeout,
  clearTimeout,
};
