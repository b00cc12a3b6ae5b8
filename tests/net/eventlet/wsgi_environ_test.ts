import { assertEquals } from "@std/assert";
import { connectTls, eventlet } from "@verdant/green";
import { certificate, portOf, unixPlace } from "../network.ts";
import { get, post, RawClient } from "../http/http_servers.ts";
import { answering, askOnce, type Environ, startWsgi } from "./wsgi_servers.ts";

/** What a request gives. */
async function environOf(
  request: string,
  options?: eventlet.wsgi.WsgiServerOptions,
): Promise<{ environ: Environ; port: number }> {
  let seen: Environ | undefined;
  await using serving = await startWsgi(
    answering((environ) => {
      seen = environ;
      return "";
    }),
    options,
  );
  await askOnce(serving, request);
  return { environ: seen!, port: serving.port };
}

Deno.test("environ tells the request", async () => {
  const { environ, port } = await environOf(post("body", "content-type: text/x-test"));
  const { REMOTE_PORT, headers_raw, ...rest } = environ;
  assertEquals(typeof Number(REMOTE_PORT), "number");
  assertEquals(headers_raw, [["content-length", "4"], ["content-type", "text/x-test"], [
    "host",
    "example.org",
  ]]);
  const texts = Object.entries(rest).filter(([, value]) => typeof value !== "object");
  assertEquals(Object.fromEntries(texts), {
    REQUEST_METHOD: "POST",
    SCRIPT_NAME: "",
    PATH_INFO: "/body",
    RAW_PATH_INFO: "/body",
    QUERY_STRING: "",
    CONTENT_TYPE: "text/x-test",
    CONTENT_LENGTH: "4",
    SERVER_NAME: "127.0.0.1",
    SERVER_PORT: String(port),
    SERVER_PROTOCOL: "HTTP/1.1",
    GATEWAY_INTERFACE: "CGI/1.1",
    REMOTE_ADDR: "127.0.0.1",
    HTTPS: undefined,
    HTTP_HOST: "example.org",
    "wsgi.url_scheme": "http",
    "wsgi.multithread": true,
    "wsgi.multiprocess": false,
    "wsgi.run_once": false,
  });
  assertEquals([environ["wsgi.version"], environ["eventlet.posthooks"]], [[1, 0], []]);
  assertEquals(environ["eventlet.input"] === environ["wsgi.input"], true);
});

Deno.test("environ has no default for the type of the body, as eventlet has", async () => {
  const { environ } = await environOf(get());
  assertEquals([environ.CONTENT_TYPE, environ.CONTENT_LENGTH], [undefined, undefined]);
});

Deno.test("environ has the path decoded and as it came, and the query as it came", async () => {
  const cases: [target: string, path: string, raw: string, query: string][] = [
    ["/a%20b", "/a b", "/a%20b", ""],
    ["/%c3%A9?%c3=%20", "/é", "/%c3%A9", "%c3=%20"],
    ["/%ff/%2", "/\ufffd/%2", "/%ff/%2", ""],
    ["/a/../b//c", "/a/../b//c", "/a/../b//c", ""],
    ["/?", "/", "/", ""],
    ["/x?a=1?b=2", "/x", "/x", "a=1?b=2"],
    ["http://other.example/abs?q", "/abs", "/abs", "q"],
    ["/%25%41", "/%A", "/%25%41", ""],
    ["/x?a#b", "/x", "/x", "a"],
    ["/x#b?a", "/x", "/x", ""],
  ];
  const seen: string[][] = [];
  await using serving = await startWsgi(answering(({ PATH_INFO, RAW_PATH_INFO, QUERY_STRING }) => {
    seen.push([PATH_INFO, RAW_PATH_INFO, QUERY_STRING]);
    return "";
  }));
  for (const [target] of cases) await askOnce(serving, get(target));
  assertEquals(seen, cases.map(([, ...expected]) => expected));
});

Deno.test("environ has header fields in capitals, repeated ones joined, those with _ left out", async () => {
  const lines = ["X-Client: real", "X_Client: forged", "x-twice: 1", "X-Twice: 2", "Content-Type: a/b"];
  const { environ } = await environOf(get("/", ...lines));
  const fields = Object.entries(environ).filter(([name]) => name.startsWith("HTTP_"));
  assertEquals(Object.fromEntries(fields), {
    HTTP_HOST: "example.org",
    HTTP_X_CLIENT: "real",
    HTTP_X_TWICE: "1, 2",
  });
});

Deno.test("environ has what the option adds, which does not hide what the request tells", async () => {
  const environ = { "my.key": { deep: true }, REQUEST_METHOD: "FORGED", HTTP_X_DEFAULT: "default" };
  const { environ: seen } = await environOf(get("/"), { environ });
  assertEquals([seen["my.key"], seen.REQUEST_METHOD, seen.HTTP_X_DEFAULT], [
    { deep: true },
    "GET",
    "default",
  ]);
});

Deno.test("environ of a request by a Unix socket", async () => {
  using place = unixPlace();
  const sock = eventlet.listen(place.path);
  const names = ({ SERVER_NAME, SERVER_PORT, REMOTE_ADDR, REMOTE_PORT }: Environ) =>
    JSON.stringify([SERVER_NAME, SERVER_PORT, REMOTE_ADDR, REMOTE_PORT]);
  await using _serving = await startWsgi(answering(names), {}, sock);
  using client = new RawClient(await Deno.connect({ transport: "unix", path: place.path }));
  assertEquals((await client.ask(get())).body, '["unix","","unix",""]');
});

Deno.test("environ of a request by TLS", async () => {
  const { cert, key } = await certificate();
  const sock = eventlet.wrapTls(eventlet.listen(["127.0.0.1", 0]), { cert, key });
  const scheme = (environ: Environ) =>
    `${environ["wsgi.url_scheme"]} ${environ.HTTPS} ${environ.SERVER_PORT}`;
  await using _serving = await startWsgi(answering(scheme), {}, sock);
  using conn = await connectTls({ hostname: "127.0.0.1", port: portOf(sock), caCerts: [cert] });
  await conn.writeAll(get("/", "connection: close"));
  const lines: string[] = [];
  for await (const line of conn.lines()) {
    lines.push(line);
    if (line.startsWith("https")) break;
  }
  assertEquals(lines.at(-1), `https on ${portOf(sock)}`);
});

Deno.test("wsgi.errors writes to the standard error output", async () => {
  const { environ } = await environOf(get());
  const errors = environ["wsgi.errors"];
  const { writeSync } = Deno.stderr;
  const written: string[] = [];
  Deno.stderr.writeSync = (bytes) => {
    written.push(new TextDecoder().decode(bytes));
    return bytes.length;
  };
  try {
    errors.write("broken\n");
    errors.flush();
  } finally {
    Deno.stderr.writeSync = writeSync;
  }
  assertEquals(written, ["broken\n"]);
});
