/**
 * Reads an environment variable where that is already allowed: never prompts, and answers `undefined`
 * where reading is refused.
 */
export function readEnvironment(name: string): string | undefined {
  try {
    const status = Deno.permissions.querySync({ name: "env", variable: name });
    return status.state === "granted" ? Deno.env.get(name) : undefined;
  } catch {
    return undefined;
  }
}
