/** A real browser, where there is one. */
const CHROMIUM = "/usr/bin/chromium";
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What is used of `npm:playwright-core`: named here, because the tests must load where it cannot be had. */
export interface Page {
  goto(url: string): Promise<unknown>;
  fill(selector: string, text: string): Promise<void>;
  click(selector: string): Promise<void>;
  hover(selector: string, options?: object): Promise<void>;
  waitForSelector(selector: string, options?: object): Promise<unknown>;
  waitForFunction(script: string): Promise<unknown>;
  evaluate(script: string): Promise<unknown>;
  screenshot(options: { path: string }): Promise<unknown>;
  readonly keyboard: { press(key: string): Promise<void> };
  on(event: "pageerror" | "console", listener: (event: { message?: string; text?(): string }) => void): void;
  close(): Promise<void>;
}

/** A browser that runs. */
export interface Browser {
  newContext(options: object): Promise<{ newPage(): Promise<Page> }>;
  close(): Promise<void>;
}

type Playwright = { chromium: { launch(options: object): Promise<Browser> } };

/** `undefined`, with a message, where there is none. */
export async function browserIfAny(): Promise<Browser | undefined> {
  const specifier = "npm:playwright-core@1";
  try {
    await Deno.stat(CHROMIUM);
    const { chromium }: Playwright = await import(specifier);
    return await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
  } catch (error) {
    console.log(`skipped: ${(error as Error).message} (apt-get install chromium)`);
    return undefined;
  }
}
