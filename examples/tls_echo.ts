/**
 * An echo server with TLS. Clients shake hands in their own greenlets, so that a slow one keeps nobody waiting.
 *
 *     openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
 *       -addext subjectAltName=DNS:localhost -addext basicConstraints=CA:FALSE -keyout key.pem -out cert.pem
 *     deno run --allow-net --allow-read examples/tls_echo.ts key.pem cert.pem 127.0.0.1:16443
 *     openssl s_client -connect 127.0.0.1:16443 -quiet            a client
 */
import { type Conn, listenTls, main, parseAddress, StreamServer } from "@verdant/green";

async function echo(conn: Conn) {
  for (let bytes = await conn.readSome(); bytes !== null; bytes = await conn.readSome()) {
    await conn.writeAll(bytes);
  }
}

main(async () => {
  const [keyFile, certFile, address = "127.0.0.1:16443"] = Deno.args;
  if (keyFile === undefined || certFile === undefined) {
    console.error("Usage: tls_echo.ts <key file> <certificate file> [<host:port>]");
    Deno.exit(2);
  }
  const key = await Deno.readTextFile(keyFile);
  const cert = await Deno.readTextFile(certFile);
  const listener = listenTls({ ...parseAddress(address), key, cert });
  console.log(`listening on ${listener}`);
  await new StreamServer(listener, echo).serveForever();
});
