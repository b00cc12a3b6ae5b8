import { assertEquals, assertStrictEquals } from "@std/assert";
import { Greenlet } from "@verdant/green";
import { TaskList, WeakPlace } from "@verdant/green/hub";

function filled(count: number): { list: TaskList; tasks: Greenlet[] } {
  const list = new TaskList();
  const tasks = Array.from({ length: count }, () => new Greenlet(() => {}));
  for (const task of tasks) list.add(task);
  return { list, tasks };
}

/** The list, and whether its links agree in both directions: what is removed and added next would show it. */
function assertList(list: TaskList, expected: Greenlet[]): void {
  assertEquals([[...list].map(({ id }) => id), list.size], [expected.map(({ id }) => id), expected.length]);
}

Deno.test("TaskList lists its tasks, oldest first", () => {
  const { list, tasks } = filled(3);
  assertList(list, tasks);
  assertList(new TaskList(), []);
});

Deno.test("TaskList.remove() takes out the first, one between and the last, and says so", () => {
  for (const index of [0, 1, 2]) {
    const { list, tasks } = filled(3);
    const [removed] = tasks.splice(index, 1);
    assertEquals([list.remove(removed!), list.remove(removed!)], [true, false]);
    assertList(list, tasks);
    list.add(removed!);
    assertList(list, [...tasks, removed!]);
  }
});

Deno.test("TaskList.remove() of one that was never added does nothing", () => {
  const { list, tasks } = filled(1);
  assertEquals(list.remove(new Greenlet(() => {})), false);
  list.weaken(tasks[0]!);
  assertEquals(list.remove(new Greenlet(() => {})), false);
  assertList(list, tasks);
});

Deno.test("TaskList.weaken() keeps the place, and strengthen() gives it back", () => {
  for (const index of [0, 1, 2]) {
    const { list, tasks } = filled(3);
    const task = tasks[index]!;
    const place = list.weaken(task)!;
    assertStrictEquals(place.task, task);
    assertStrictEquals(list.weaken(task), place);
    assertEquals([task.prevTask, task.nextTask], [undefined, undefined]);
    assertList(list, tasks);
    list.strengthen(task);
    list.strengthen(task);
    assertList(list, tasks);
    assertEquals(place.prevTask, undefined);
    const last = new Greenlet(() => {});
    list.add(last);
    assertList(list, [...tasks, last]);
    assertEquals(list.remove(task), true);
    assertList(list, [...tasks.filter((other) => other !== task), last]);
  }
});

Deno.test("TaskList.weaken() of one that is not in the list does nothing", () => {
  const { list } = filled(0);
  assertEquals(list.weaken(new Greenlet(() => {})), undefined);
  list.strengthen(new Greenlet(() => {}));
  assertList(list, []);
});

Deno.test("TaskList.remove() takes out one that is held weakly", () => {
  for (const index of [0, 1, 2]) {
    const { list, tasks } = filled(3);
    for (const task of tasks) list.weaken(task);
    const [removed] = tasks.splice(index, 1);
    const place = list.weaken(removed!)!;
    assertEquals([list.remove(removed!), list.remove(removed!), list.weaken(removed!)], [
      true,
      false,
      undefined,
    ]);
    assertList(list, tasks);
    list.drop(place);
    assertList(list, tasks);
    const last = new Greenlet(() => {});
    list.add(last);
    assertList(list, [...tasks, last]);
  }
});

Deno.test("TaskList.drop() gives up a place, once", () => {
  for (const index of [0, 1, 2]) {
    const { list, tasks } = filled(3);
    const [gone] = tasks.splice(index, 1);
    const place = list.weaken(gone!)!;
    list.drop(place);
    list.drop(place);
    assertList(list, tasks);
  }
});

Deno.test("TaskList.find() finds a task by its number, also one held weakly, and no other", () => {
  const { list, tasks: [first, second, gone] } = filled(3);
  list.weaken(second!);
  list.remove(gone!);
  const found = [first!.id, second!.id, gone!.id, String(first!.id)].map((id) => list.find(id));
  assertEquals(found, [first, second, undefined, undefined]);
});

Deno.test("WeakPlace names its task while there is one", () => {
  const task = new Greenlet(() => {});
  assertStrictEquals(new WeakPlace(task).task, task);
});
