import { getHub, type Greenlet } from "@verdant/green";
import { describeWait } from "../../../hub/mod.ts";

/** Switches `hub.debug` on until disposed. */
export function debugging(): Disposable {
  const hub = getHub();
  const before = hub.debug;
  hub.debug = true;
  return { [Symbol.dispose]: () => void (hub.debug = before) };
}

/** What a greenlet waits for, in words, places in the program as `@`. */
export function waitOf(greenlet: Greenlet): string {
  return withoutPlaces(describeWait(greenlet.waits!));
}

/** A report with `@` for each place in the program. */
export function withoutPlaces(text: string): string {
  return text.replaceAll(/at (?:[^,()]*\()?file:\S*\.ts:\d+:\d+\)?/g, "@");
}
