/**
 * Crawls a web site with a pool of greenlets, a queue of links and a time limit for every page.
 *
 *     deno task demo                                                    a local site, three crawls
 *     deno run -A examples/crawler.ts http://host/ --concurrency 32     another site
 */
import { getHub, main, onSignal, sleep, spawn } from "@verdant/green";
import { crawl, CrawlReport } from "./crawler/crawl.ts";
import { type Options, readOptions, USAGE, UsageError } from "./crawler/options.ts";
import { comparison, progress, summary } from "./crawler/report.ts";
import { startSite } from "./crawler/site.ts";

const DEMO_SIZES = [1, 8, 64];

main(async () => {
  try {
    const options = readOptions(Deno.args);
    if (options.help) console.log(USAGE);
    else if (options.url === undefined) await crawlLocalSite(options);
    else await crawlOne(options.url, options);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(`crawler: ${error.message}`);
    Deno.exitCode = error instanceof UsageError ? 2 : 1;
  }
});

async function crawlOne(url: URL, options: Options): Promise<void> {
  const report = await watch(url, options);
  if (report.pages.length === 0) {
    throw new Error(`cannot load ${url}: ${report.broken[0]?.why ?? "the crawl was interrupted"}`);
  }
  console.log(summary(report));
}

async function crawlLocalSite(options: Options): Promise<void> {
  await using site = await startSite(options.latency);
  console.log(`${site.files} files at ${site.url}, every answer delayed by ${options.latency} ms\n`);
  const reports: CrawlReport[] = [];
  for (const concurrency of DEMO_SIZES) {
    const report = await watch(site.url, { ...options, concurrency });
    reports.push(report);
    if (report.interrupted) break;
  }
  console.log(summary(reports.at(-1)!));
  console.log(comparison(reports));
}

/** Crawls with a line that shows how far it is; Ctrl-C ends the crawl, not the program. */
async function watch(url: URL, options: Options): Promise<CrawlReport> {
  const report = new CrawlReport(options.concurrency);
  const crawler = spawn(crawl, url, options, report);
  const interrupt = () => {
    report.interrupted = true;
    void crawler.kill("interrupted", { block: false });
  };
  using _listening = onSignal("SIGINT", interrupt);
  await using _line = spawn(showProgress, report);
  try {
    await crawler.get();
  } finally {
    report.finished = getHub().now();
  }
  return report;
}

async function showProgress(report: CrawlReport): Promise<void> {
  if (!Deno.stdout.isTerminal()) return;
  const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
  try {
    for (;;) {
      write(progress(report));
      await sleep(100);
    }
  } finally {
    write("");
  }
}
