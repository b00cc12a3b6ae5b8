/** The page, in a real browser where there is one. */
import { assert, assertEquals } from "@std/assert";
import {
  getHub,
  type Greenlet,
  type InspectorOptions,
  killAll,
  Lock,
  named,
  Queue,
  serveInspector,
  sleep,
  spawnWith,
} from "@verdant/green";
import { type Browser, browserIfAny, type Page } from "../browser.ts";
import { Follower, TOKEN } from "./visitors.ts";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 640 };
const forever = () => sleep(3_600_000, { ref: false });

/** The names in the list, from top to bottom, with two blanks for each level. */
const NAMES = `[...document.querySelectorAll(".row:not([hidden])")]
  .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
  .map((row) => "  ".repeat(row.ariaLevel - 1) + row.querySelector(".label").textContent)`;
const names = async (page: Page) => await page.evaluate(NAMES) as string[];
/** Asks again and again: the page's policy allows nobody to have it wait. */
async function until(page: Page, script: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!await page.evaluate(script)) {
    if (performance.now() > deadline) throw new Error(`Not true after 10 s: ${script}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const untilNames = (page: Page, expected: string[]) =>
  until(page, `JSON.stringify(${NAMES}) === ${JSON.stringify(JSON.stringify(expected))}`);

/** Opens a page of a new inspector; ends both, and the greenlets, afterwards. */
function testPage(
  name: string,
  options: InspectorOptions & { viewport?: object; make?: () => Greenlet[] },
  body: (page: Page, greenlets: Greenlet[], browser: Browser, url: string) => Promise<void>,
): void {
  // The browser is a process with pipes and timers of its own, which the sanitizers would take for leaks.
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false, fn });
  async function fn() {
    const browser = await browserIfAny();
    if (browser === undefined) return;
    const { viewport = DESKTOP, make = () => [], ...others } = options;
    const greenlets = make();
    await sleep();
    const problems: (string | undefined)[] = [];
    try {
      await using inspector = serveInspector({ token: TOKEN, interval: 50, ...others });
      const page = await (await browser.newContext({ viewport })).newPage();
      page.on("pageerror", ({ message }) => problems.push(message));
      page.on("console", (message) => problems.push(message.text?.()));
      await page.goto(inspector.url);
      await page.waitForSelector("#link.live");
      await body(page, greenlets, browser, inspector.url);
      assertEquals(problems, [], "errors and refusals of the page");
    } finally {
      await browser.close();
      await killAll([...getHub().tasks()] as Greenlet[]); // those that they have spawned, too
    }
  }
}

/** A shop: a cook who has spawned a helper, and a door. */
function shop(): Greenlet[] {
  const orders = named(new Queue<number>(), "orders");
  const cook = spawnWith({ name: "cook" }, async () => {
    spawnWith({ name: "helper" }, forever);
    await orders.get();
  });
  return [cook, spawnWith({ name: "door" }, forever)];
}

async function nothingCutOff(page: Page): Promise<void> {
  assert(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off");
}

testPage(
  "the inspector's page shows the tree, folds it, and follows it",
  { make: shop },
  async (page, [cook]) => {
    await untilNames(page, ["cook", "  helper", "door"]);
    assertEquals(await page.evaluate("document.querySelector('.waits').textContent"), "Queue(orders) get");
    await page.click(".row .fold");
    await untilNames(page, ["cook", "door"]);
    await page.click(".row .fold");
    const late = spawnWith({ name: "late" }, forever);
    await untilNames(page, ["cook", "  helper", "door", "late"]);
    await late.kill();
    cook!.name = "chef";
    await untilNames(page, ["chef", "  helper", "door"]);
    await nothingCutOff(page);
  },
);

testPage("the inspector's page finds and filters", { make: shop }, async (page) => {
  await page.keyboard.press("/");
  assertEquals(await page.evaluate("document.activeElement.id"), "query");
  await page.fill("#query", "help");
  await untilNames(page, ["cook", "  helper"]);
  assertEquals(await page.evaluate("document.querySelector('#count').textContent"), "1 of 3");
  await page.fill("#query", "orders");
  await untilNames(page, ["cook"]);
  await page.fill("#query", "nothing like it");
  await untilNames(page, []);
  await page.click("#empty button");
  await untilNames(page, ["cook", "  helper", "door"]);
  await page.click("#chips .delayed");
  await untilNames(page, []);
  await page.click("#chips .delayed");
  await page.click("#chips .waiting");
  await untilNames(page, ["cook", "  helper", "door"]);
  await page.click("#chips .stuck");
  await untilNames(page, []);
});

testPage("the inspector's page holds the view while it is paused", { make: shop }, async (
  page,
  [cook],
  _browser,
  url,
) => {
  const title = "document.querySelector('#details .title').textContent";
  await untilNames(page, ["cook", "  helper", "door"]);
  await page.click(".row");
  await page.waitForSelector("#details .what");
  await page.keyboard.press(" ");
  await until(page, "document.querySelector('#link').textContent.trim() === 'paused'");
  const late = spawnWith({ name: "late" }, forever);
  cook!.name = "chef";
  await using follower = await Follower.of({ port: Number(new URL(url).port) });
  for (let updates = 0; updates < 10; updates++) await follower.next(); // the page has got some, too
  assertEquals(await names(page), ["cook", "  helper", "door"]);
  assertEquals(await page.evaluate(title), "cook");
  await page.fill("#query", "late"); // searches in what is shown
  await untilNames(page, []);
  await page.fill("#query", "");
  await page.click("#pause");
  await untilNames(page, ["chef", "  helper", "door", "late"]);
  await until(page, `${title} === "chef"`);
  await late.kill();
});

testPage(
  "the inspector's page kills, after it has asked",
  { make: shop, allowKill: true },
  async (page, [cook]) => {
    await untilNames(page, ["cook", "  helper", "door"]);
    await page.click(".row");
    await page.waitForSelector("#details .kill");
    assertEquals(
      await page.evaluate("document.querySelector('#details .what').textContent"),
      "Queue(orders) get, it is empty",
    );
    await page.click("#details .kill");
    await page.click("#ask-no");
    assertEquals(cook!.ready, false);
    await page.click("#details .kill");
    await page.click("#ask-yes");
    await cook!.join();
    await untilNames(page, ["door", "helper"]); // by their numbers
    await until(page, "document.querySelector('#details .state').textContent === 'ended'");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#details", { state: "hidden" });
  },
);

testPage("the inspector's page offers no kill unless it is allowed", { make: shop }, async (page) => {
  await page.click(".row");
  await page.waitForSelector("#details .what");
  assertEquals(await page.evaluate("document.querySelector('#details .kill').checkVisibility()"), false);
});

testPage("the inspector's page is worked by the keyboard", { make: shop }, async (page) => {
  await untilNames(page, ["cook", "  helper", "door"]);
  await page.evaluate("document.querySelector('#rows').focus()");
  const selected = "document.querySelector('.row[aria-selected=true] .label')?.textContent";
  const press = async (key: string, expected: string) => {
    await page.keyboard.press(key);
    assertEquals(await page.evaluate(selected), expected, key);
  };
  await press("ArrowDown", "cook");
  await press("ArrowRight", "helper");
  await press("ArrowLeft", "cook");
  await page.keyboard.press("ArrowLeft");
  await untilNames(page, ["cook", "door"]);
  await press("End", "door");
  await press("Home", "cook");
  assertEquals(
    await page.evaluate("document.querySelector('#rows').ariaActiveDescendantElement?.ariaLevel"),
    "1",
  );
});

const EVIL = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;

testPage(
  "the inspector's page shows names and what is waited for as they are, and runs nothing of them",
  { make: () => [spawnWith({ name: EVIL }, () => named(new Queue(), EVIL).get())] },
  async (page) => {
    await untilNames(page, [EVIL]);
    await page.click(".row");
    await page.waitForSelector("#details .what");
    assertEquals(await page.evaluate("document.querySelector('#details .title').textContent"), EVIL);
    assertEquals(
      await page.evaluate("document.querySelectorAll('img, body script').length"),
      1,
      "its own script",
    );
    assertEquals(await page.evaluate("document.title"), "Greenlets");
  },
);

testPage("the inspector's page shows deadlocks, and leads to them", {
  make: () => {
    const [red, blue] = [named(new Lock(), "red"), named(new Lock(), "blue")];
    const take = (one: Lock, other: Lock) =>
      one.with(async () => {
        await sleep();
        await other.acquire();
      });
    return [spawnWith({ name: "left" }, take, red, blue), spawnWith({ name: "right" }, take, blue, red)];
  },
}, async (page, greenlets) => {
  await page.waitForSelector("#deadlocks pre");
  assert(await page.evaluate("document.querySelector('#deadlocks').innerText.includes('Lock(blue)')"));
  await page.click("#deadlocks .link");
  await until(page, "document.querySelector('#details .title').textContent === 'left'");
  await page.click("#details .link"); // who holds it up
  await until(page, "document.querySelector('#details .title').textContent === 'right'");
  await killAll(greenlets);
  await page.waitForSelector("#deadlocks", { state: "hidden" });
});

testPage("the inspector's page shows who ran, and for how long", {
  make: () => [
    spawnWith({ name: "chopper" }, async () => {
      for (;;) {
        const end = performance.now() + 10;
        while (performance.now() < end);
        await sleep(20);
      }
    }),
  ],
}, async (page) => {
  await until(page, "document.querySelector('#legend').textContent.includes('chopper')");
  await until(page, "document.querySelector('#strip canvas').ariaLabel.includes('chopper')");
  await until(
    page,
    `(() => { const canvas = document.querySelector("#strip canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value > 0); })()`,
  );
});

testPage("the inspector's page scrolls through 10,000 greenlets", {
  make: () => Array.from({ length: 10_000 }, (_, i) => spawnWith({ name: `g${i}` }, forever)),
}, async (page) => {
  await until(page, `${NAMES}[0] === "g0"`);
  assert(await page.evaluate("document.querySelectorAll('.row').length < 100"), "only what is seen is made");
  assertEquals(
    await page.evaluate(
      "document.querySelector('#rows').ariaRowCount ?? document.querySelector('#rows').getAttribute('aria-rowcount')",
    ),
    "10000",
  );
  await page.evaluate("document.querySelector('#rows').scrollTop = 1e9");
  await until(page, `${NAMES}.at(-1) === "g9999"`);
  await page.fill("#query", "g777");
  await until(page, `${NAMES}.includes("g7779")`);
  assertEquals((await names(page)).length, 11);
});

testPage("the inspector's page fits a telephone", { viewport: PHONE, make: shop }, async (page) => {
  await untilNames(page, ["cook", "  helper", "door"]);
  await nothingCutOff(page);
  const rows = await page.evaluate(
    "[...document.querySelectorAll('.row:not([hidden])')].map((r) => r.offsetHeight)",
  );
  assertEquals(rows, [50, 50, 50], "in two lines");
  await page.click(".row");
  await page.waitForSelector("#details .what");
  await nothingCutOff(page);
  assertEquals(await page.evaluate("document.querySelector('#details').clientWidth"), PHONE.width);
  await page.click("#details .head button");
  await page.waitForSelector("#details", { state: "hidden" });
});

testPage("the inspector's page says when the program is gone, and finds it again", { make: shop }, async (
  page,
  _greenlets,
  _browser,
  url,
) => {
  await untilNames(page, ["cook", "  helper", "door"]);
  const again = serveInspector({ token: TOKEN, interval: 50 });
  // Another page, whose inspector ends and comes back.
  const { port } = again;
  await page.goto(url.replace(/:\d+/, `:${port}`));
  await page.waitForSelector("#link.live");
  await page.evaluate("console.clear = () => {}");
  await again.stop();
  await page.waitForSelector("#link.lost");
  assertEquals(await names(page), ["cook", "  helper", "door"], "what was known last stays");
  await using _third = serveInspector({ token: TOKEN, interval: 50, port });
  await page.waitForSelector("#link.live");
});

testPage(
  "the inspector's page is dark or light, as is wanted, and remembers it",
  {},
  async (page, _g, _b, url) => {
    const ground = "getComputedStyle(document.body).backgroundColor";
    const light = await page.evaluate(ground);
    await page.click("#theme");
    const dark = await page.evaluate(ground);
    assert(light !== dark);
    await page.goto(url);
    await page.waitForSelector("#link.live");
    assertEquals(await page.evaluate(ground), dark);
  },
);
