/** A program that a test runs beside itself. */

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
/** Longer than any test may take (ms). */
const LIMIT_MS = 60_000;

/** A process, killed at the end of its block. What it writes comes line by line. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #out: ReadableStreamDefaultReader<string>;
  readonly #err: Promise<string>;
  readonly #in: WritableStreamDefaultWriter<Uint8Array>;
  #rest = "";

  /** Starts a command. */
  constructor(command: string, args: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(command, {
      args: [...args],
      env: { NO_COLOR: "1", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(LIMIT_MS),
    }).spawn();
    this.#out = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#err = new Response(this.#child.stderr).text();
    this.#in = this.#child.stdin.getWriter();
  }

  /** Runs a file with Deno, under the same context back end as the test. */
  static run(file: URL, ...args: string[]): Program {
    return new Program(Deno.execPath(), [...DENO_RUN, file.pathname, ...args]);
  }

  /** Runs a module's text with Deno. */
  static evaluate(text: string): Program {
    return new Program(Deno.execPath(), ["eval", "--no-check", "--config", CONFIG, text]);
  }

  /** The next line of its output; `null` at the end. */
  async readLine(): Promise<string | null> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line.replace(/\r$/, "");
      }
      const { value, done } = await this.#out.read();
      if (done) return this.#takeRest();
      this.#rest += value;
    }
  }

  /** Reads lines until one matches. */
  async readUntil(pattern: RegExp): Promise<RegExpExecArray> {
    for (let line = await this.readLine(); line !== null; line = await this.readLine()) {
      const match = pattern.exec(line);
      if (match !== null) return match;
    }
    throw new Error(`No ${pattern} before the end of the output; on stderr: ${await this.#err}`);
  }

  /** The lines that are left. */
  async readAll(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.readLine(); line !== null; line = await this.readLine()) lines.push(line);
    return lines;
  }

  /** Writes to its input. */
  write(text: string): Promise<void> {
    return this.#in.write(new TextEncoder().encode(text));
  }

  /** Closes its input. */
  closeInput(): Promise<void> {
    return this.#in.close();
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** How it ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** What it wrote to stderr, when it has ended. */
  get errors(): Promise<string> {
    return this.#err;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#in.close().catch(() => {});
    await this.#out.cancel();
    await this.#err;
  }

  #takeRest(): string | null {
    const rest = this.#rest;
    this.#rest = "";
    return rest === "" ? null : rest;
  }
}

const DENO_RUN = ["run", "--no-prompt", "--no-check", "-A", "--config", CONFIG];
