/** `"127.0.0.1:80"`, `"[::1]:80"`, `"/run/socket"`. */
export function formatAddress(address: Deno.Addr): string {
  switch (address.transport) {
    case "tcp":
    case "udp":
      return formatHostPort(address.hostname, address.port);
    case "unix":
    case "unixpacket":
      return address.path || "unnamed socket";
    default:
      return `${address.transport} ${JSON.stringify(address)}`;
  }
}

/** A host and a port in one. */
export function formatHostPort(hostname: string, port: number): string {
  const bare = withoutBrackets(hostname);
  return bare.includes(":") ? `[${bare}]:${port}` : `${bare}:${port}`;
}

/** An IPv6 address may stand in brackets, as it must before a port. */
export function withoutBrackets(hostname: string): string {
  return /^\[(.*:.*)\]$/.exec(hostname)?.[1] ?? hostname;
}

/** What the platform says if a name has no address; it has no class for it. */
const NO_ADDRESS = "failed to lookup address information";

/** The platform's errors do not say where something failed: adds the place to the message. */
export function withPlace(error: unknown, action: string, place: string): unknown {
  if (error instanceof Error && error.message.startsWith(NO_ADDRESS)) {
    return new Deno.errors.NotFound(`Cannot ${action} ${place}: ${error.message}`, { cause: error });
  }
  if (isPlatformError(error) && !error.message.includes(place)) {
    error.message = `Cannot ${action} ${place}: ${error.message}`;
  }
  return error;
}

function isPlatformError(error: unknown): error is Error {
  return Object.values(Deno.errors).some((Class) => error instanceof Class);
}

/**
 * Refuses what is no port.
 *
 * @throws {RangeError} Naming the value.
 */
export function checkPort(port: unknown, action: string): void {
  if (Number.isInteger(port) && port as number >= 0 && port as number <= 65535) return;
  throw new RangeError(`Cannot ${action}: port must be an integer from 0 to 65535, received ${String(port)}`);
}

/**
 * Refuses what is no host name.
 *
 * @throws {TypeError} Naming the value.
 */
export function checkHostname(hostname: unknown, action: string): void {
  if (typeof hostname === "string" && hostname !== "") return;
  throw new TypeError(
    `Cannot ${action}: hostname must be a non-empty string, received ${JSON.stringify(hostname)}`,
  );
}
