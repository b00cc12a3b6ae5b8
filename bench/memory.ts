/**
 * Heap bytes per parked greenlet, beside a bare parked async function. `deno task bench:memory`.
 *
 * Every figure comes from a process of its own, which collects garbage before and after.
 */
import { Event, sleep, spawn } from "@verdant/green";

const KINDS: Record<string, (count: number) => Promise<unknown>> = {
  "bare async function": parkBare,
  "greenlet in Event.wait()": parkOnEvent,
  "greenlet in sleep()": parkAsleep,
};
const COUNTS = [100_000, 1_000_000];
/** Heap bytes for each greenlet. */
const BUDGET_BYTES = 1_000;

/** Kept alive here: it keeps what waits for it. */
const never = new Promise(() => {});

async function parkBare(count: number): Promise<unknown> {
  const body = async () => {
    await never;
  };
  const parked = Array.from({ length: count }, () => body());
  await Promise.resolve();
  return parked;
}

async function parkOnEvent(count: number): Promise<unknown> {
  const event = new Event();
  const body = async () => {
    await event.wait();
  };
  const parked = Array.from({ length: count }, () => spawn(body));
  await sleep();
  return parked;
}

async function parkAsleep(count: number): Promise<unknown> {
  const body = async () => {
    await sleep(3_600_000, { ref: false });
  };
  const parked = Array.from({ length: count }, () => spawn(body));
  await sleep();
  return parked;
}

const { gc } = globalThis as unknown as { gc?: () => void };

function used(): { heap: number; rss: number } {
  for (let i = 0; i < 3; i++) gc!();
  const { heapUsed, rss } = Deno.memoryUsage();
  return { heap: heapUsed, rss };
}

/** In the child: parks and prints what it took. */
async function measure(kind: string, count: number): Promise<void> {
  await KINDS[kind]!(1_000); // everything is compiled and warm
  const before = used();
  const parked = await KINDS[kind]!(count);
  const after = used();
  console.log(JSON.stringify({ heap: after.heap - before.heap, rss: after.rss - before.rss }));
  Deno.exit((parked as unknown[]).length === count ? 0 : 1);
}

async function compare(): Promise<void> {
  console.log(`${"".padEnd(26)}${"count".padStart(10)}${"heap B each".padStart(14)}${"rss MB".padStart(9)}`);
  for (const count of COUNTS) {
    for (const kind of Object.keys(KINDS)) {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          "--v8-flags=--expose-gc,--max-old-space-size=4096",
          import.meta.filename!,
          kind,
          String(count),
        ],
        cwd: new URL("../", import.meta.url),
        stdout: "piped",
      });
      const { stdout } = await child.output();
      const { heap, rss } = JSON.parse(new TextDecoder().decode(stdout));
      const each = heap / count;
      const verdict = kind.startsWith("bare")
        ? ""
        : each <= BUDGET_BYTES
        ? "  within budget"
        : "  OVER BUDGET";
      const columns = [
        String(count).padStart(10),
        each.toFixed(0).padStart(14),
        (rss / 1e6).toFixed(0).padStart(9),
      ];
      console.log(`${kind.padEnd(26)}${columns.join("")}${verdict}`);
    }
  }
  console.log(`\nbudget: ${BUDGET_BYTES} B of heap each, so 1,000,000 in 1 GB`);
}

const [kind, count] = Deno.args;
if (kind === undefined) await compare();
else await measure(kind, Number(count));
