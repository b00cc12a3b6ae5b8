/** The platform's errors do not say what was to be done with which file. */

/** How it names the file itself at the end of some messages. */
const PLACE = /: (?:open|stat|lstat|rename|remove|unlink|readfile|writefile) '.*$/s;
const SYSTEM = /\(os error \d+\)/;

/** The same error, of the same class, with a message that says it: `"Cannot read from /etc: Is a directory …"`. */
export function fileError(error: unknown, action: string, name: string): unknown {
  if (!(error instanceof Error) || !isOfPlatform(error)) return error;
  const reason = error instanceof Deno.errors.BrokenPipe ? "nobody reads it any more: " : "";
  const message = `Cannot ${action} ${name}: ${reason}${error.message.replace(PLACE, "")}`;
  const Class = error.constructor as new (message: string, options: ErrorOptions) => Error;
  const told = new Class(message, { cause: error });
  const { code } = error as { code?: string };
  return code === undefined ? told : Object.assign(told, { code });
}

function isOfPlatform(error: Error): boolean {
  return SYSTEM.test(error.message) || Object.values(Deno.errors).some((Class) => error instanceof Class);
}
