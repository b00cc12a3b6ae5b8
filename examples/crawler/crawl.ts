// deno-lint-ignore no-import-prefix -- a dependency of this example alone, not of the library
import { Parser } from "npm:htmlparser2@^10.0.0";
import { fetch, getHub, isKill, Pool, Queue, spawn, withTimeout } from "@verdant/green";
import type { Options } from "./options.ts";

/** A link to follow. */
interface Link {
  readonly url: URL;
  /** The page it is on. */
  readonly from: string;
}

export interface Page {
  readonly url: string;
  readonly bytes: number;
  /** Milliseconds it took to load. */
  readonly ms: number;
}

export interface BrokenLink {
  readonly url: string;
  readonly from: string;
  readonly why: string;
}

/** What a crawl has found so far. */
export class CrawlReport {
  readonly pages: Page[] = [];
  readonly broken: BrokenLink[] = [];
  /** Links found that are not visited yet. */
  pending = 0;
  interrupted = false;
  readonly started: number = getHub().now();
  finished: number | undefined = undefined;

  constructor(readonly concurrency: number) {}

  get bytes(): number {
    return this.pages.reduce((sum, page) => sum + page.bytes, 0);
  }

  get seconds(): number {
    return ((this.finished ?? getHub().now()) - this.started) / 1000;
  }
}

/** Visits every page of a site that can be reached by links, `concurrency` at a time. */
export async function crawl(start: URL, options: Options, report: CrawlReport): Promise<void> {
  const seen = new Set<string>();
  const links = new Queue<Link>();

  function discover(href: string, base: URL): void {
    const url = URL.parse(href, base);
    if (url === null || url.origin !== start.origin || seen.size >= options.maxPages) return;
    url.hash = "";
    if (seen.has(url.href)) return;
    seen.add(url.href);
    links.putNowait({ url, from: base.href });
    report.pending++;
  }

  async function visit({ url, from }: Link): Promise<void> {
    try {
      await withTimeout(options.timeout, () => load(url, report, discover));
    } catch (error) {
      if (isKill(error)) throw error;
      report.broken.push({ url: url.href, from, why: reason(error) });
    } finally {
      report.pending--;
      links.taskDone();
    }
  }

  discover(start.href, start);
  await using pool = new Pool(options.concurrency); // whatever happens, no visitor is left behind
  await using _dispatcher = spawn(async () => {
    for await (const link of links) await pool.spawn(visit, link);
  });
  await links.join(); // every link that was found has been visited
}

async function load(
  url: URL,
  report: CrawlReport,
  discover: (href: string, base: URL) => void,
): Promise<void> {
  const begin = getHub().now();
  const response = await fetch(url);
  const body = await response.bytes();
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  report.pages.push({ url: url.href, bytes: body.length, ms: getHub().now() - begin });
  if (!response.headers.get("content-type")?.startsWith("text/html")) return;
  const base = new URL(response.url); // after redirects
  for (const href of hrefs(new TextDecoder().decode(body))) discover(href, base);
}

/** A failed fetch tells the reason in its cause. */
function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/** Where the links of a page lead. */
function hrefs(html: string): string[] {
  const found: string[] = [];
  const parser = new Parser({
    onopentag(name, { href }) {
      if (href !== undefined && (name === "a" || name === "link")) found.push(href);
    },
  });
  parser.end(html);
  return found;
}
