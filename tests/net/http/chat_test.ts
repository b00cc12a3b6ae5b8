/** The chat example: by plain WebSockets, and by its page in a real browser where there is one. */
import { assert, assertEquals } from "@std/assert";
import { Program } from "../../example_program.ts";
import { type Browser, browserIfAny, type Page } from "../browser.ts";

const EXAMPLE = "websocket_chat/server.ts";

/** Somebody without a browser. */
class Member implements Disposable {
  readonly #news: Record<string, unknown>[] = [];
  readonly #socket: WebSocket;
  #told = Promise.withResolvers<void>();

  constructor(port: number, name: string) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    this.#socket.onopen = () => this.#socket.send(name);
    this.#socket.onmessage = ({ data }) => {
      this.#news.push(JSON.parse(data));
      this.#told.resolve();
    };
  }

  say(text: string): void {
    this.#socket.send(text);
  }

  async hear(): Promise<Record<string, unknown>> {
    while (this.#news.length === 0) {
      this.#told = Promise.withResolvers();
      await this.#told.promise;
    }
    return this.#news.shift()!;
  }

  /** Leaves, and waits until the server knows. */
  async leave(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    await closed;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

Deno.test("examples/websocket_chat tells everybody who comes, what is said and who leaves", async () => {
  await using program = new Program(EXAMPLE, "127.0.0.1:0");
  const port = await program.port();
  const ann = new Member(port, " Ann ");
  assertEquals(await ann.hear(), { type: "welcome", name: "Ann", people: ["Ann"], history: [] });
  const bob = new Member(port, "Ann");
  const welcome = { type: "welcome", name: "Ann 2", people: ["Ann", "Ann 2"], history: [] };
  assertEquals(await bob.hear(), welcome, "a name that is taken gets a number");
  assertEquals(await ann.hear(), { type: "joined", name: "Ann 2", people: ["Ann", "Ann 2"] });
  bob.say("hello");
  for (const member of [ann, bob]) {
    const { time: _, id: __, ...said } = await member.hear();
    assertEquals(said, { type: "said", name: "Ann 2", text: "hello" });
  }
  await bob.leave();
  assertEquals(await ann.hear(), { type: "left", name: "Ann 2", people: ["Ann"] });
  const eve = new Member(port, "Eve");
  const { history } = await eve.hear();
  assertEquals((history as unknown[]).length, 1, "who comes later sees what was said");
  await Promise.all([ann.leave(), eve.leave()]);
  assertEquals(await program.end("SIGINT"), { code: 0, lines: [], errors: "" });
});

/** Somebody with a browser. */
async function join(
  browser: Browser,
  url: string,
  name: string,
  options: object,
  errors: unknown[],
): Promise<Page> {
  const page = await (await browser.newContext(options)).newPage();
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(url);
  await page.fill("dialog input", name);
  await page.click("dialog button");
  await page.waitForSelector("#state.on");
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill("#say input", text);
  await page.click("#say button");
}

const hears = (page: Page, text: string) =>
  page.waitForFunction(
    `[...document.querySelectorAll("#talk li")].some((li) => li.innerText.includes(${JSON.stringify(text)}))`,
  );
const people = (page: Page) =>
  page.evaluate(`[...document.querySelectorAll("#people li")].map((li) => li.innerText)`);

// The browser is a process with pipes and timers of its own, which the sanitizers would take for leaks.
Deno.test({
  name: "examples/websocket_chat in a browser: two talk, one leaves, and the page finds the server again",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const browser = await browserIfAny();
    if (browser === undefined) return;
    const errors: unknown[] = [];
    try {
      const first = new Program(EXAMPLE, "127.0.0.1:0");
      const port = await first.port();
      const url = `http://127.0.0.1:${port}/`;
      const ann = await join(browser, url, "Ann", { viewport: { width: 1100, height: 700 } }, errors);
      const bob = await join(browser, url, "Bob", { viewport: { width: 390, height: 780 } }, errors);
      await say(ann, "<b>hello</b>");
      await say(bob, "good morning");
      for (const page of [ann, bob]) {
        await hears(page, "<b>hello</b>");
        await hears(page, "good morning");
        assertEquals(await people(page), ["Ann", "Bob"]);
        assertEquals(
          await page.evaluate("document.querySelectorAll('#talk li b').length"),
          2,
          "two names, no markup",
        );
        assert(
          await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
          "nothing is cut off",
        );
      }
      await bob.close();
      await hears(ann, "Bob has left");
      assertEquals(await people(ann), ["Ann"]);
      assertEquals((await first.end("SIGINT")).code, 0);
      await ann.waitForSelector("#state:not(.on)");
      await using again = new Program(EXAMPLE, `127.0.0.1:${port}`);
      await again.port();
      await ann.waitForSelector("#state.on");
      await say(ann, "still here");
      await hears(ann, "still here");
      await ann.close();
      assertEquals((await again.end("SIGINT")).code, 0);
      assertEquals(errors, []);
    } finally {
      await browser.close();
    }
  },
});
