/**
 * Fetches a bunch of URLs at the same time. The web crawler of eventlet's documentation, line by line.
 *
 *     deno run --allow-net examples/eventlet/web_crawler.ts                          its three images
 *     deno run --allow-net examples/eventlet/web_crawler.ts http://example.com/     others
 */
import { eventlet, fetch, main } from "@verdant/green";

const urls = Deno.args.length > 0 ? Deno.args : [
  "https://www.google.com/intl/en_ALL/images/logo.gif",
  "https://www.python.org/static/img/python-logo.png",
  "http://us.i1.yimg.com/us.yimg.com/i/ww/beta/y3.gif",
];

async function fetchBody(url: string) {
  console.log("opening", url);
  const body = await (await fetch(url)).bytes();
  console.log("done with", url);
  return body;
}

main(async () => {
  const pool = new eventlet.GreenPool(200);
  for await (const body of pool.imap(fetchBody, urls)) console.log("got body of length", body.length);
});
