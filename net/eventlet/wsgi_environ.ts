import { pathOf, type RequestInfo } from "../http/request_greenlet.ts";
import { peerOf } from "./address.ts";
import { WsgiInput } from "./wsgi_input.ts";

/**
 * Called after the response has been sent, or broken off, with the environment and `args`: how to log or clean up.
 *
 * @example Tell when it is over
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const app: eventlet.wsgi.WsgiApplication = (environ, startResponse) => {
 *   environ["eventlet.posthooks"].push([(env, text) => console.log(env.PATH_INFO, text), ["is over"]]);
 *   startResponse("200 OK", []);
 *   return [];
 * };
 * ```
 */
export type WsgiPosthook = readonly [
  // deno-lint-ignore no-explicit-any -- hooks of every signature
  fn: (environ: WsgiEnviron, ...args: any[]) => unknown,
  args?: readonly unknown[],
];

/**
 * Where an application writes what the operator should see.
 *
 * @example A warning
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const warn = (errors: eventlet.wsgi.WsgiErrors) => errors.write("The disk is nearly full\n");
 * ```
 */
export interface WsgiErrors {
  /** Writes text as it is, without a newline. Does not switch. */
  write(text: string): void;
  /** Does nothing: what is written is out. */
  flush(): void;
}

/**
 * What a WSGI application is told of a request.
 *
 * Source: PEP 3333 and `eventlet.wsgi`, with these differences: text is decoded as UTF-8 instead of Latin-1;
 * `QUERY_STRING` is always there; there is no default for `CONTENT_TYPE`; `headers_raw` has names in lower case;
 * `SERVER_PROTOCOL` is always `"HTTP/1.1"`, as the platform does not tell the version.
 *
 * @example What is in it
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const describe = (environ: eventlet.wsgi.WsgiEnviron) =>
 *   `${environ.REQUEST_METHOD} ${environ.PATH_INFO} for ${environ.HTTP_HOST} by ${environ.REMOTE_ADDR}`;
 * ```
 */
export interface WsgiEnviron {
  /** Such as `"GET"`. */
  REQUEST_METHOD: string;
  /** Always `""`, unless the application that dispatches to others changes it. */
  SCRIPT_NAME: string;
  /** The path, decoded. */
  PATH_INFO: string;
  /** The path, as it came. */
  RAW_PATH_INFO: string;
  /** What follows `?`, as it came; `""` if nothing does. */
  QUERY_STRING: string;
  /** Of the body, if the client tells. */
  CONTENT_TYPE: string | undefined;
  /** Of the body (bytes), if the client tells. */
  CONTENT_LENGTH: string | undefined;
  /** The address that the server listens on; `"unix"` for a socket with a path. */
  SERVER_NAME: string;
  /** The port that the server listens on; `""` for a socket with a path. */
  SERVER_PORT: string;
  /** Always `"HTTP/1.1"`. */
  SERVER_PROTOCOL: string;
  /** Always `"CGI/1.1"`. */
  GATEWAY_INTERFACE: string;
  /** The client's address; `"unix"` for a socket with a path. */
  REMOTE_ADDR: string;
  /** The client's port; `""` for a socket with a path. */
  REMOTE_PORT: string;
  /** `"on"` if it came by TLS. */
  HTTPS: "on" | undefined;
  /** The header fields, in pairs. */
  headers_raw: [name: string, value: string][];
  /** Always 1.0. */
  "wsgi.version": readonly [number, number];
  /** `"https"` if it came by TLS. */
  "wsgi.url_scheme": "http" | "https";
  /** The body. */
  "wsgi.input": WsgiInput;
  /** The standard error output. */
  "wsgi.errors": WsgiErrors;
  /** Always true: other requests are handled meanwhile. */
  "wsgi.multithread": boolean;
  /** Always false. */
  "wsgi.multiprocess": boolean;
  /** Always false. */
  "wsgi.run_once": boolean;
  /** The same as `wsgi.input`. */
  "eventlet.input": WsgiInput;
  /** Called after the response. */
  "eventlet.posthooks": WsgiPosthook[];
  /** The request as the platform gives it: for those who answer with a `Response`. */
  "green.request": Request;
  /** What the platform tells besides. */
  "green.info": RequestInfo;
  /** A header field, by its name in capitals with `_` for `-`. Fields with `_` in their names are left out. */
  [header: `HTTP_${string}`]: string | undefined;
  /** What the `environ` option of the server, or an application that calls another one, has added. */
  [name: string]: unknown;
}

/** What all requests of a server have in common. */
export interface WsgiServerInfo {
  readonly address: Deno.Addr | undefined;
  readonly secure: boolean;
  /** Added to every environment, before everything else. */
  readonly extra: Readonly<Record<string, unknown>>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const ERRORS: WsgiErrors = {
  write(text: string): void {
    Deno.stderr.writeSync(encoder.encode(text));
  },
  flush(): void {},
};

/** The environment of a request. */
export function environOf(request: Request, info: RequestInfo, server: WsgiServerInfo): WsgiEnviron {
  const { url, headers, method } = request;
  const path = pathOf(url);
  const input = new WsgiInput(request);
  const [serverName, serverPort] = namesOf(server.address);
  const [remoteAddr, remotePort] = namesOf(info.remoteAddr);
  return {
    ...server.extra,
    REQUEST_METHOD: method,
    SCRIPT_NAME: "",
    PATH_INFO: unquote(path),
    RAW_PATH_INFO: path,
    QUERY_STRING: queryOf(url),
    CONTENT_TYPE: headers.get("content-type") ?? undefined,
    CONTENT_LENGTH: headers.get("content-length") ?? undefined,
    SERVER_NAME: serverName,
    SERVER_PORT: serverPort,
    SERVER_PROTOCOL: "HTTP/1.1",
    GATEWAY_INTERFACE: "CGI/1.1",
    REMOTE_ADDR: remoteAddr,
    REMOTE_PORT: remotePort,
    HTTPS: server.secure ? "on" : undefined,
    ...fieldsOf(headers),
    headers_raw: [...headers],
    "wsgi.version": [1, 0],
    "wsgi.url_scheme": server.secure ? "https" : "http",
    "wsgi.input": input,
    "wsgi.errors": ERRORS,
    "wsgi.multithread": true,
    "wsgi.multiprocess": false,
    "wsgi.run_once": false,
    "eventlet.input": input,
    "eventlet.posthooks": [],
    "green.request": request,
    "green.info": info,
  };
}

function namesOf(address: Deno.Addr | undefined): [name: string, port: string] {
  const names = address && peerOf(address);
  return typeof names === "object" ? [names[0], String(names[1])] : ["unix", ""];
}

/** `a-b` and `a_b` would have the same name: who trusts the one must not be told the other. */
function fieldsOf(headers: Headers): Record<`HTTP_${string}`, string> {
  const fields: Record<`HTTP_${string}`, string> = {};
  for (const [name, value] of headers) {
    if (name.includes("_") || name === "content-type" || name === "content-length") continue;
    fields[`HTTP_${name.toUpperCase().replaceAll("-", "_")}`] = value;
  }
  return fields;
}

function queryOf(url: string): string {
  const start = url.search(/[?#]/);
  return start < 0 || url[start] === "#" ? "" : url.slice(start + 1).split("#", 1)[0]!;
}

/** Every `%XX` as its byte; what is no UTF-8 becomes U+FFFD. */
function unquote(path: string): string {
  if (!path.includes("%")) return path;
  return path.replace(
    /(?:%[\da-f]{2})+/gi,
    (codes) => decoder.decode(Uint8Array.from(codes.slice(1).split("%"), (code) => parseInt(code, 16))),
  );
}
