import type { CrawlReport } from "./crawl.ts";

const MAX_BROKEN = 10;
const MAX_SLOWEST = 5;

/** One line: how far a crawl is. */
export function progress(report: CrawlReport): string {
  const { concurrency, pages, pending, broken } = report;
  return `${concurrency} at a time: ${pages.length} pages, ${pending} to go, ${broken.length} broken`;
}

/** What a crawl has found, as a table. */
export function summary(report: CrawlReport): string {
  const { pages, bytes, broken, interrupted } = report;
  const slowest = pages.toSorted((a, b) => b.ms - a.ms).slice(0, MAX_SLOWEST);
  const lines = [
    interrupted ? "interrupted; so far:" : "",
    `pages          ${pages.length}`,
    `bytes          ${bytes.toLocaleString("en")}`,
    `broken links   ${broken.length}`,
    ...broken.slice(0, MAX_BROKEN).map(({ url, from, why }) => `  ${url} (${why}), on ${from}`),
    broken.length > MAX_BROKEN ? `  and ${broken.length - MAX_BROKEN} more` : "",
    "slowest pages",
    ...slowest.map(({ url, ms }) => `  ${ms.toFixed(0).padStart(6)} ms   ${url}`),
    `pages/second   ${rate(report)}`,
  ];
  return lines.filter((line) => line !== "").join("\n");
}

/** How the size of the pool changes the speed. */
export function comparison(reports: CrawlReport[]): string {
  const header = "\npool size   pages   seconds   pages/second";
  const rows = reports.map((report) =>
    [
      String(report.concurrency).padStart(9),
      String(report.pages.length).padStart(8),
      report.seconds.toFixed(2).padStart(10),
      rate(report).padStart(15),
    ].join("")
  );
  return [header, ...rows].join("\n");
}

function rate({ pages, seconds }: CrawlReport): string {
  return (pages.length / seconds).toFixed(0);
}
