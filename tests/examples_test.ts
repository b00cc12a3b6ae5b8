import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

async function run(example: string, ...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", `examples/${example}`, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, lines: decoder.decode(stdout).trimEnd().split("\n"), err: decoder.decode(stderr) };
}

Deno.test("examples/pipeline.ts loses only the order in the hands of the killed worker", async () => {
  const { code, lines, err } = await run("pipeline.ts");
  assertEquals([code, err], [0, ""]);
  const shipped = lines.filter((line) => line.startsWith("shipped")).map((line) => Number(/\d+/.exec(line)));
  // Which order Bob has in hand when he is killed depends on how fast the machine is.
  assertEquals([shipped.length, new Set(shipped).size, shipped.every((n) => n >= 1 && n <= 6)], [5, 5, true]);
  assertEquals(lines.filter((line) => line.endsWith("tidies up")), ["Bob tidies up", "Ann tidies up"]);
  assertEquals(lines.at(-1), "all done");
});

Deno.test("examples/timeouts.ts shows every kind of limit", async () => {
  const { code, lines, err } = await run("timeouts.ts");
  assertEquals([code, err], [0, ""]);
  assertEquals(lines.filter((line) => line.startsWith("  ")).map((line) => line.trim()), [
    "work cleans up",
    "Timeout: Timed out after 10 ms",
    "work cleans up",
    "too slow",
    "in time",
    "inner work cleans up",
    "outer limit: true",
    "false",
    "committed",
    "Timeout: Timed out after 10 ms",
  ]);
});

Deno.test("examples/nursery.ts waits for all, kills the others, and collects the errors", async () => {
  const { code, lines, err } = await run("nursery.ts");
  assertEquals([code, err], [0, ""]);
  assertEquals(lines.filter((line) => line.startsWith("  ")).map((line) => line.trim()), [
    "image loaded",
    "image closed",
    "text loaded",
    "text closed",
    "9 bytes",
    "video closed",
    "disk full",
    "archive closed",
    "Timed out after 10 ms",
    "cannot read and cannot close",
  ]);
});

Deno.test("examples/crawler.ts crawls its local site with pools of 1, 8 and 64", async () => {
  const { code, lines, err } = await run("crawler.ts", "--latency", "0");
  assertEquals([code, err], [0, ""]);
  const pages = Number(/^pages +(\d+)$/.exec(lines.find((line) => line.startsWith("pages "))!)?.[1]);
  assert(pages > 200, `${pages} pages`);
  const table = lines.slice(lines.findIndex((line) => line.startsWith("pool size")) + 1);
  const rows = table.map((line) => line.trim().split(/ +/).map(Number));
  assertEquals(rows.map(([size, found]) => [size, found]), [[1, pages], [8, pages], [64, pages]]);
});

Deno.test("examples/crawler.ts finds broken and slow pages, follows redirects, and stays on the site", async () => {
  const closing = Promise.withResolvers<void>();
  const page = (html: string) => new Response(html, { headers: { "content-type": "text/html" } });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/") {
      return page(
        `<a href="/a?b=1&amp;c=2">a</a> <a href='moved#top'>moved</a> <A HREF=missing>missing</A>
         <a href="hangs">hangs</a> <a href="mailto:me@example.com">me</a> <a href="http://example.com/">out</a>
         <!-- <a href="commented">no</a> --> <link rel=stylesheet href="style.css">`,
      );
    }
    if (pathname === "/moved") return Response.redirect(new URL("/deep/er/", url));
    if (pathname === "/deep/er/") return page(`<a href="../up.html">up</a> <a href="/">home</a>`);
    if (pathname === "/style.css") return new Response("a { href: url(no) }");
    if (pathname === "/hangs") await closing.promise;
    if (pathname === "/missing") return new Response("?", { status: 404, statusText: "Not Found" });
    return page("<p>leaf");
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const { code, lines, err } = await run("crawler.ts", url, "--timeout", "500", "--concurrency", "3");
  closing.resolve();
  await server.shutdown();
  assertEquals([code, err], [0, ""]);
  assertEquals(lines[0], "pages          5"); // /, /a, /moved, /style.css, /deep/up.html
  assert(lines.includes("broken links   2"), lines.join("\n"));
  assert(lines.includes(`  ${url}missing (404 Not Found), on ${url}`), lines.join("\n"));
  assert(lines.includes(`  ${url}hangs (Timed out after 500 ms), on ${url}`), lines.join("\n"));
});

Deno.test("examples/crawler.ts explains itself and its errors", async () => {
  assertStringIncludes((await run("crawler.ts", "--help")).lines[0]!, "Usage:");
  for (
    const [args, code, message] of [
      [["ftp://host"], 2, `the url must begin with http:// or https://, received "ftp://host"`],
      [["--concurrency", "0"], 2, `--concurrency must be a whole number from 1, received "0"`],
      [["--bogus"], 2, "Unknown option '--bogus'"],
      [["http://localhost.invalid/"], 1, "cannot load http://localhost.invalid/: "],
    ] as const
  ) {
    const outcome = await run("crawler.ts", ...args);
    assertEquals(outcome.code, code);
    assertStringIncludes(outcome.err, `crawler: ${message}`);
    assertEquals(outcome.err.trimEnd().split("\n").length, 1, outcome.err);
  }
});

Deno.test("examples/timeline.ts writes a picture of who waited for what", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const { code, lines, err } = await run("timeline.ts", file);
  assertEquals([code, err], [0, ""]);
  assertEquals(lines, [...[1, 2, 3, 4, 5, 6].map((n) => `dish ${n} is served`), `many waits, see ${file}`]);
  const names = JSON.parse(await Deno.readTextFile(file)).traceEvents.map(({ name }: { name: string }) =>
    name
  );
  for (const name of ["Queue(served) get", "Semaphore(oven) acquire", "running"]) {
    assert(names.includes(name), name);
  }
  await Deno.remove(file);
});
