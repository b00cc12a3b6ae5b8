import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Event,
  simulate,
  sleep,
  spawn,
  type StatChange,
  Timeout,
  watchStat,
  withTimeout,
} from "@verdant/green";
import { TempFolder } from "./temp_folder.ts";

const info = (size: number, more: Partial<Deno.FileInfo> = {}) =>
  ({ size, mtime: new Date(0), isFile: true, ...more }) as Deno.FileInfo;
const missing = () => new Deno.errors.NotFound("No such file or directory (os error 2)");
const sizes = ({ previous, current }: StatChange) => [previous?.size ?? null, current?.size ?? null];

Deno.test("watchStat() looks every interval, and yields what has changed", async () => {
  await simulate(async (world) => {
    const states: Record<number, Deno.FileInfo | undefined> = {
      0: undefined,
      100: undefined,
      200: info(1),
      300: info(1),
      400: info(1, { mtime: new Date(5) }),
      500: undefined,
    };
    const looks: number[] = [];
    const stat = (path: string) => {
      assertEquals(path, "/a/file");
      looks.push(world.now);
      const state = states[world.now];
      return state === undefined ? Promise.reject(missing()) : Promise.resolve(state);
    };
    const seen: unknown[] = [];
    for await (const change of watchStat("/a/file", { interval: 100, stat })) {
      seen.push([world.now, ...sizes(change)]);
      if (seen.length === 3) break;
    }
    assertEquals(seen, [[200, null, 1], [400, 1, 1], [500, 1, null]]);
    assertEquals(looks, [0, 100, 200, 300, 400, 500]);
  });
});

Deno.test("watchStat() looks every five seconds unless told otherwise", async () => {
  await simulate(async (world) => {
    for await (const _ of watchStat("/a/file", { stat: () => Promise.resolve(info(world.now)) })) break;
    assertEquals(world.now, 5_000);
  });
});

Deno.test("watchStat() tells any change but that of the time of reading", async () => {
  await simulate(async () => {
    const base = {
      mtime: new Date(1),
      ctime: new Date(1),
      atime: new Date(1),
      mode: 1,
      ino: 1,
      uid: 1,
      gid: 1,
      dev: 1,
    };
    const changes = {
      mtime: new Date(2),
      ctime: new Date(2),
      mode: 2,
      ino: 2,
      uid: 2,
      gid: 2,
      dev: 2,
      isFile: false,
    };
    for (const [key, value] of Object.entries({ ...changes, size: 9 })) {
      const states = [
        info(1, base),
        info(1, { ...base, atime: new Date(7) }),
        info(1, { ...base, [key]: value }),
      ];
      const stat = () => Promise.resolve(states.length > 1 ? states.shift()! : states[0]!);
      let told: StatChange | undefined;
      for await (told of watchStat("/a", { interval: 1, stat })) break;
      assertEquals([told?.previous?.atime, states.length], [new Date(1), 1], key);
    }
  });
});

Deno.test("watchStat() tells errors other than NotFound, with the path", async () => {
  const stat = () => Promise.reject(new Deno.errors.PermissionDenied("Permission denied (os error 13)"));
  await assertRejects(
    () => watchStat("/a/file", { stat }).next(),
    Deno.errors.PermissionDenied,
    "Cannot look at /a/file: Permission denied",
  );
});

Deno.test("watchStat() can be killed at each of its waits", async () => {
  const hang = () => new Promise<Deno.FileInfo>(() => {});
  for (const stat of [hang, () => Promise.resolve(info(1))]) {
    const victim = spawn(async () => {
      for await (const _ of watchStat("/a/file", { interval: 60_000, stat }));
    });
    await sleep(1);
    await victim.kill();
    assert(victim.dead);
  }
  await assertRejects(
    () => withTimeout(1, () => watchStat("/a/file", { stat: hang }).next()),
    Timeout,
  );
});

Deno.test("watchStat() sees a real file come, grow and go", async () => {
  using folder = new TempFolder();
  const path = folder.file("a");
  const seen: unknown[] = [];
  const looked = new Event();
  const stat = (path: string) => Deno.stat(path).finally(() => looked.set());
  const changes = watchStat(new URL(`file://${path}`), { interval: 1, stat });
  const watcher = spawn(async () => {
    for await (const change of changes) {
      seen.push(sizes(change));
      if (seen.length === 1) Deno.writeTextFileSync(path, "1234");
      else if (seen.length === 2) Deno.removeSync(path);
      else break;
    }
  });
  await looked.wait();
  Deno.linkSync(Deno.makeTempFileSync({ dir: folder.path }), path); // it is there at once, and empty
  await watcher.get();
  assertEquals(seen, [[null, 0], [0, 4], [4, null]]);
});

Deno.test("watchStat() refuses bad arguments at the call", () => {
  assertThrows(() => watchStat(5 as unknown as string), TypeError, "received 5");
  assertThrows(() => watchStat("/a", { interval: -1 }), RangeError, "-1");
  assertThrows(() => watchStat("/a", { stat: 5 as unknown as typeof Deno.stat }), TypeError, "received 5");
});
