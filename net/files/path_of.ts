/**
 * The path that is meant by a path or a `file:` URL.
 *
 * @throws {TypeError} If it is neither.
 */
export function pathOf(path: string | URL, action: string): string {
  if (typeof path === "string") return path;
  if (!(path instanceof URL) || path.protocol !== "file:") {
    throw new TypeError(`Cannot ${action}: path must be a string or a file: URL, received ${String(path)}`);
  }
  const decoded = decodeURIComponent(path.pathname);
  return /^\/[A-Za-z]:\//.test(decoded) && Deno.build.os === "windows" ? decoded.slice(1) : decoded;
}
