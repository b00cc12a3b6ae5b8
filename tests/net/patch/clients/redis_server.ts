/** A Redis server for one test file: on a Unix socket in a temporary directory, nothing of it survives. */

/** Why a test cannot run here; `undefined` if it can. */
export const NO_REDIS: string | undefined = isInstalled() ? undefined : "no redis-server is installed";

function isInstalled(): boolean {
  if (Deno.build.os === "windows") return false;
  try {
    return new Deno.Command("redis-server", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** A test that needs a server: ignored, and the reason is in its name, where none is installed. */
export function redisTest(name: string, fn: () => Promise<void>): void {
  const title = NO_REDIS === undefined ? name : `${name} [${NO_REDIS}]`;
  Deno.test({ name: title, ignore: NO_REDIS !== undefined, fn });
}

/** A running server; at its end the directory is removed. */
export class RedisServer implements AsyncDisposable {
  readonly path: string;

  private constructor(readonly directory: string, readonly child: Deno.ChildProcess) {
    this.path = `${directory}/socket`;
  }

  /** Starts a server and waits until it answers. */
  static async start(): Promise<RedisServer> {
    const directory = await Deno.makeTempDir({ prefix: "redis" });
    const settings = `port 0\nunixsocket ${directory}/socket\nsave ""\nappendonly no\ndir ${directory}\n`;
    const child = new Deno.Command("redis-server", {
      args: ["-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(settings));
    await writer.close();
    let said = "";
    for await (
      const chunk of child.stdout.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })
    ) {
      said += chunk;
      if (said.includes("accept connections")) return new RedisServer(directory, child);
    }
    throw new Error(`Cannot start Redis: ${said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill();
    await this.child.status;
    await this.child.stdout.cancel().catch(() => {});
    await Deno.remove(this.directory, { recursive: true });
  }
}
