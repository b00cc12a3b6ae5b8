/** A folder for one test, removed at its end. */
export class TempFolder implements Disposable {
  readonly path: string = Deno.makeTempDirSync();

  /** The path of a file in it; with `text` the file is made. */
  file(name: string, text?: string): string {
    const path = `${this.path}/${name}`;
    if (text !== undefined) Deno.writeTextFileSync(path, text);
    return path;
  }

  /** The names in it. */
  names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
