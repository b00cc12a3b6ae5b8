/** The bits of a mode that let others than the owner in. */
const OTHERS = 0o177;
const OWNER_ONLY = 0o600;

/** What {@linkcode restrictSocketFile} returns. */
export interface Restriction extends Disposable {
  /** The socket is there: makes sure that only its owner can use it. */
  apply(): void;
}

/**
 * From now on, until it is disposed of, the file of a socket that is made at `path` is for its owner only: at once if
 * the program may set the file mode mask (`--allow-sys`), otherwise by `apply()`, right afterwards.
 *
 * @param path Where the socket will be.
 */
export function restrictSocketFile(path: string): Restriction {
  const windows = Deno.build.os === "windows"; // it has neither mask nor mode
  const mask = !windows && maySetMask() ? Deno.umask(OTHERS) : undefined;
  return {
    apply() {
      if (!windows) Deno.chmodSync(path, OWNER_ONLY);
    },
    [Symbol.dispose]() {
      if (mask !== undefined) Deno.umask(mask);
    },
  };
}

/** Asked so that it never prompts. */
function maySetMask(): boolean {
  return Deno.permissions.querySync({ name: "sys", kind: "umask" as "uid" }).state === "granted";
}
