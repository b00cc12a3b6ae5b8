/** Runs an example as a process of its own. */

const ROOT = new URL("../", import.meta.url);
/** A test that hangs fails after this: the program is killed, and its clients hear nothing any more. */
const LIMIT_MS = 30_000;

/** What a stream of bytes says, line by line. */
export class Lines {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(bytes: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = bytes.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** `null` at the end. */
  async next(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) return null;
      this.#text += value;
    }
  }

  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.next(); line !== null; line = await this.next()) lines.push(line);
    return lines;
  }
}

/** An example that runs. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly out: Lines;
  readonly #errors: Promise<string[]>;
  #ended = false;

  constructor(example: string, ...args: string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--no-prompt",
        "--allow-net",
        "--allow-read",
        "--allow-env=GREEN_CONTEXT",
        `examples/${example}`,
        ...args,
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(LIMIT_MS),
    }).spawn();
    this.out = new Lines(this.#child.stdout);
    this.#errors = new Lines(this.#child.stderr).rest();
  }

  /** Where it says that it listens. */
  async port(): Promise<number> {
    const line = await this.out.next();
    const port = /127\.0\.0\.1:(\d+)/.exec(line ?? "")?.[1];
    if (port === undefined) throw new Error(`It printed ${line} and ${(await this.#errors).join("\n")}`);
    return Number(port);
  }

  /** Waits for its end, after a signal if one is given. */
  async end(signal?: Deno.Signal): Promise<{ code: number; lines: string[]; errors: string }> {
    if (signal !== undefined) this.#child.kill(signal);
    const [{ code }, lines, errors] = await Promise.all([this.#child.status, this.out.rest(), this.#errors]);
    this.#ended = true;
    return { code, lines, errors: errors.join("\n") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.end("SIGKILL");
  }
}
