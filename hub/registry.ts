import type { Hub } from "./hub.ts";

let makeHub: () => Hub;
let hub: Hub | undefined;

/** The hub of this thread, made on first use: importing the library starts nothing. */
export function mainHub(): Hub {
  return hub ??= makeHub();
}

/** Tells how the hub of this thread is made. Called once, by the module that defines it. */
export function setHubFactory(factory: () => Hub): void {
  makeHub = factory;
}
