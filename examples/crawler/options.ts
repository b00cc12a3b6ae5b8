import { parseArgs } from "node:util";

export const USAGE = `Usage: deno run -A examples/crawler.ts [url] [options]

Crawls every page of a site that its links lead to, and tells what it found. Without a url it crawls a
local site, made of this project's documentation, with pools of 1, 8 and 64 greenlets.

  --concurrency <n>   pages at once                                   (default 16)
  --timeout <ms>      limit for each page                             (default 10000)
  --max-pages <n>     visit no more than this                         (default 5000)
  --latency <ms>      of the local site's answers                     (default 5)
  --help              this text`;

/** The command line is wrong. */
export class UsageError extends Error {}

export interface Options {
  readonly url: URL | undefined;
  readonly concurrency: number;
  /** Milliseconds for each page. */
  readonly timeout: number;
  readonly maxPages: number;
  /** Milliseconds by which the local site delays its answers. */
  readonly latency: number;
  readonly help: boolean;
}

export function readOptions(args: string[]): Options {
  const { values, positionals } = parse(args);
  if (positionals.length > 1) throw new UsageError(`one url is enough, received ${positionals.join(" ")}`);
  return {
    url: positionals[0] === undefined ? undefined : readUrl(positionals[0]),
    concurrency: readNumber("concurrency", values.concurrency, 1),
    timeout: readNumber("timeout", values.timeout, 1),
    maxPages: readNumber("max-pages", values["max-pages"], 1),
    latency: readNumber("latency", values.latency, 0),
    help: values.help,
  };
}

function parse(args: string[]) {
  const number = (value: string) => ({ type: "string", default: value }) as const;
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        concurrency: number("16"),
        timeout: number("10000"),
        "max-pages": number("5000"),
        latency: number("5"),
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(". ")[0]}; --help shows the options`);
  }
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new UsageError(`the url must begin with http:// or https://, received "${text}"`);
}

function readNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && text.trim() !== "") return value;
  throw new UsageError(`--${name} must be a whole number from ${least}, received "${text}"`);
}
