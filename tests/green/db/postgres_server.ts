/** A PostgreSQL server for one test file: a cluster of its own in a temporary directory, on a Unix socket. */
import pg from "pg";

/** How long a server may take to start or to stop. */
const LIMIT_MS = 60_000;

/** What the server runs with: nothing survives the test, so nothing needs to be safe on the disk. */
const SETTINGS = "-c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off " +
  "-c max_connections=60 -c autovacuum=off -c shared_buffers=16MB";

/** Says "up", waits until its input ends, also because the test process died, and leaves nothing behind. */
const KEEPER = `
trap '' HUP INT QUIT PIPE TERM
cd "$DIRECTORY" && export PGDATA="$DIRECTORY/data"
initdb -A trust -U postgres -N --no-locale -E UTF8 >log 2>&1 &&
  pg_ctl -w -s -l log -o "-k $DIRECTORY $SETTINGS" start >>log 2>&1 && echo up || cat log
cat >/dev/null
pg_ctl -s -m immediate stop >>log 2>&1
cd / && rm -rf "$DIRECTORY"
`;

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Where `initdb` and `pg_ctl` are: Debian keeps them off the PATH, a folder for each version. */
function binaries(): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")].map(({ name }) => Number.parseInt(name));
    const newestFirst = versions.filter(Number.isFinite).sort((a, b) => b - a);
    folders.unshift(...newestFirst.map((version) => `/usr/lib/postgresql/${version}/bin`));
  } catch {
    // Not a Debian: the PATH must do.
  }
  return folders.find((folder) => isFile(`${folder}/initdb`) && isFile(`${folder}/pg_ctl`));
}

/** PostgreSQL refuses to run as root: then it runs as `postgres`, else as `nobody`. */
function runAs(): { uid: number; gid: number } | undefined {
  if (Deno.uid() !== 0) return undefined;
  const users = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  return user === undefined ? undefined : { uid: Number(user[2]), gid: Number(user[3]) };
}

const BIN: string | undefined = Deno.build.os === "windows" ? undefined : binaries();

/** Why a test cannot run here; `undefined` if it can. */
export const NO_POSTGRES: string | undefined = BIN === undefined
  ? "no PostgreSQL server is installed"
  : undefined;

/** A test that needs a server: ignored, and the reason is in its name, where none is installed. */
export function postgresTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: NO_POSTGRES === undefined ? name : `${name} [${NO_POSTGRES}]`,
    ignore: NO_POSTGRES !== undefined,
    fn,
  });
}

/** A running server; at its end the directory is removed. */
export class PostgresServer implements AsyncDisposable {
  readonly #keeper: Deno.ChildProcess;

  private constructor(keeper: Deno.ChildProcess, readonly directory: string) {
    this.#keeper = keeper;
  }

  /** Starts a server and waits until it answers. */
  static async start(): Promise<PostgresServer> {
    const directory = await Deno.makeTempDir({ prefix: "pg" });
    const user = runAs();
    if (user !== undefined) await Deno.chown(directory, user.uid, user.gid);
    const keeper = new Deno.Command("/bin/sh", {
      args: ["-c", KEEPER],
      ...user,
      cwd: "/",
      clearEnv: true,
      env: { PATH: `${BIN}:/usr/bin:/bin`, DIRECTORY: directory, SETTINGS, LC_ALL: "C" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const server = new PostgresServer(keeper, directory);
    const reader = keeper.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    const said = new TextDecoder().decode(value);
    if (said === "up\n") return server;
    await server[Symbol.asyncDispose]();
    throw new Error(`Cannot start PostgreSQL: ${said}`);
  }

  /** What a client needs to get in. */
  get config(): pg.ClientConfig {
    return { host: this.directory, user: "postgres", database: "postgres" };
  }

  /** Stops the server at once, which ends all its connections, and starts it again. */
  async restart(): Promise<void> {
    const command = new Deno.Command(`${BIN}/pg_ctl`, {
      args: [
        "-w",
        "-s",
        "-D",
        `${this.directory}/data`,
        "-l",
        `${this.directory}/log`,
        "-m",
        "fast",
        "restart",
      ],
      ...runAs(),
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const { code } = await command.output();
    if (code !== 0) throw new Error(`Cannot restart PostgreSQL: pg_ctl ended with ${code}`);
  }

  /** A connection of the test's own, beside all pools: what it says counts. `await using`. */
  async observer(): Promise<Observer> {
    const client = new pg.Client({ ...this.config, application_name: "observer" });
    client.on("error", () => {}); // the server may be stopped
    await client.connect();
    return new Observer(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stdin.close();
    await this.#keeper.stdout.cancel();
    await this.#keeper.status;
  }
}

/** Looks at the server from outside of all pools. */
export class Observer implements AsyncDisposable {
  constructor(readonly client: pg.Client) {}

  /** The first column of what a query finds. */
  async column(text: string, values: unknown[] = []): Promise<unknown[]> {
    const { rows } = await this.client.query({ text, values, rowMode: "array" });
    return rows.map((row) => row[0]);
  }

  /** The process ids of the connections of an application, whatever they do. */
  async backends(application: string, where = "true"): Promise<number[]> {
    const query = `select pid from pg_stat_activity where application_name = $1 and ${where} order by 1`;
    return await this.column(query, [application]) as number[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end();
  }
}
