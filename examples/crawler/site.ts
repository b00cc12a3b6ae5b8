import { sleep } from "@verdant/green";

/** A local web site, as long as it is in use. */
export interface Site extends AsyncDisposable {
  readonly url: URL;
  readonly files: number;
}

const ROOT = new URL("../../", import.meta.url);
const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css",
  js: "text/javascript",
};

/** Builds a few hundred pages, this project's documentation, and serves them. */
export async function startSite(latency: number): Promise<Site> {
  const folder = await Deno.makeTempDir({ prefix: "green-site-" });
  await buildPages(folder);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    await sleep(latency);
    return await serveFile(folder, new URL(request.url).pathname);
  });
  return {
    url: new URL(`http://127.0.0.1:${server.addr.port}/`),
    files: countFiles(folder),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function buildPages(folder: string): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--html", "--name=@verdant/green", `--output=${folder}`, "mod.ts"],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`cannot build the local site: ${new TextDecoder().decode(stderr)}`);
}

async function serveFile(folder: string, pathname: string): Promise<Response> {
  const path = decodeURIComponent(pathname.endsWith("/") ? `${pathname}index.html` : pathname);
  const headers = { "content-type": TYPES[path.split(".").at(-1)!] ?? "application/octet-stream" };
  try {
    return new Response(await Deno.readFile(`${folder}${path}`), { headers });
  } catch {
    return new Response("Not found", { status: 404 });
  }
}

function countFiles(folder: string): number {
  let files = 0;
  for (const entry of Deno.readDirSync(folder)) {
    files += entry.isDirectory ? countFiles(`${folder}/${entry.name}`) : 1;
  }
  return files;
}
