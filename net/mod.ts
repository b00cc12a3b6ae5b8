/**
 * Green networking: connections, listeners, TLS, datagrams, name look-up and servers; subprocesses, files and
 * standard streams.
 *
 * @example Ask a server
 * ```ts
 * import { connect, listen, spawn } from "@verdant/green";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * spawn(async () => {
 *   using client = await listener.accept();
 *   await client.writeAll("hello\n");
 * });
 * using conn = await connect({ port: (listener.addr as Deno.NetAddr).port });
 * console.log(await conn.readLine());
 * ```
 *
 * @module
 */
export {
  connect,
  type ConnectOptions,
  type ConnectTcpOptions,
  connectTls,
  type ConnectTlsOptions,
  type ConnectUnixOptions,
  createSocketPair,
  startTls,
  type StartTlsOptions,
  type TlsOptions,
} from "./connect.ts";
export { Conn, type RawConn, type ReadLineOptions } from "./conn.ts";
export { listenDatagram, type ListenDatagramOptions } from "./datagram.ts";
export { DatagramConn, type DatagramDestination, type RawDatagramSocket } from "./datagram_conn.ts";
export type { Datagram } from "./datagram_inbox.ts";
export {
  listen,
  type ListenOptions,
  type ListenTcpOptions,
  listenTls,
  type ListenTlsOptions,
  type ListenUnixOptions,
} from "./listen.ts";
export { Listener, type RawListener } from "./listener.ts";
export type { DnsCacheOptions } from "./dns_cache.ts";
export { DnsError, type DnsErrorCode } from "./dns_error.ts";
export type { DnsRecords, RecordType } from "./dns_records.ts";
export { type HostAddress, lookup, type LookupOptions } from "./lookup.ts";
export type { NameServer } from "./name_server.ts";
export { resolve, type ResolveOptions, reverse } from "./resolve.ts";
export { Resolver, type ResolverOptions } from "./resolver.ts";
export { AcceptingServer, type ServerOptions, type SpawnPolicy } from "./accepting_server.ts";
export { type BackdoorOptions, BackdoorServer } from "./backdoor.ts";
export { BaseServer, type ServeForeverOptions, type ServerStatistics } from "./base_server.ts";
export { type DatagramHandler, DatagramServer } from "./datagram_server.ts";
export { onSignal, type OnSignalOptions, SignalHandler } from "./on_signal.ts";
export { parseAddress } from "./parse_address.ts";
export { serve, type ServeOptions, StopServe } from "./serve.ts";
export { type StreamHandler, StreamServer, type StreamServerOptions } from "./stream_server.ts";
export { wrapTls } from "./wrap_tls.ts";
export { TlsConn } from "./tls_conn.ts";
export { TooLongError } from "./wants.ts";
export { type AccessLogEntry, combinedLogLine } from "./http/access_log.ts";
export { BodyTooLargeError } from "./http/body_limit.ts";
export {
  type HttpAddress,
  type HttpHandler,
  HttpServer,
  type HttpServerOptions,
} from "./http/http_server.ts";
export type { RequestInfo } from "./http/request_greenlet.ts";
export { HttpClient, type HttpClientOptions, type HttpRequestInit } from "./http/http_client.ts";
export { TooManyRedirectsError } from "./http/client_redirect.ts";
export { HttpResponse } from "./http/client_response.ts";
export { ResponseAround } from "./http/response_around.ts";
export type { BackoffOptions, FailedTry, RetryOn } from "./http/client_retry.ts";
export type { CallOptions } from "./http/client_settings.ts";
export { eventStream, type EventStreamOptions, type ServerSentEvent } from "./http/event_stream.ts";
export { respondFrom } from "./http/respond_from.ts";
export type { StreamSource } from "./http/source_stream.ts";
export { connectWebSocket, type ConnectWebSocketOptions } from "./websocket/connect_web_socket.ts";
export type { WebSocketOptions } from "./websocket/limits.ts";
export { upgrade, type UpgradeOptions } from "./websocket/upgrade.ts";
export type { UpgradeRequest } from "./websocket/upgrade_request.ts";
export { WebSocketConn } from "./websocket/web_socket_conn.ts";
export { WebSocketError, type WebSocketErrorOptions } from "./websocket/web_socket_error.ts";
export {
  type WebSocketHandler,
  WebSocketServer,
  type WebSocketServerOptions,
} from "./websocket/web_socket_server.ts";
export { Inspector } from "./inspector/inspector.ts";
export { type InspectorOptions, serveInspector } from "./inspector/serve_inspector.ts";
export { ByteFile } from "./files/byte_file.ts";
export type { TextFileEncoding } from "./files/encoding.ts";
export { FileWatcher } from "./files/file_watcher.ts";
export { type FileLineOptions, type FileOptions, GreenFile } from "./files/green_file.ts";
export type { ByteMode, TextMode } from "./files/mode.ts";
export { open, type OpenOptions, type OpenTextOptions } from "./files/open.ts";
export type { FileEvent, FileEventKind } from "./files/pending_events.ts";
export type { RawFile } from "./files/raw_file.ts";
export { stderr, stdin, stdout } from "./files/standard_streams.ts";
export { TextFile, type TextFileOptions } from "./files/text_file.ts";
export { watch, type WatchOptions } from "./files/watch.ts";
export { type StatChange, watchStat, type WatchStatOptions } from "./files/watch_stat.ts";
export { readBytes, readText, writeFile, type WriteFileOptions } from "./files/whole_file.ts";
export { call, type CallProcessOptions, checkCall } from "./process/call.ts";
export { checkOutput, type CheckOutputOptions } from "./process/check_output.ts";
export { CompletedProcess } from "./process/completed_process.ts";
export { CalledProcessError, type ProcessOutput, SubprocessError, TimeoutExpired } from "./process/errors.ts";
export { getOutput, type GetOutputOptions, getStatusOutput } from "./process/get_output.ts";
export { PipeReader, type ReadAllOptions } from "./process/pipe_reader.ts";
export { PipeWriter } from "./process/pipe_writer.ts";
export { type CommunicateOptions, type Communication, Process } from "./process/process.ts";
export type { Captured, CommandLine, Encoding, ProcessOptions, Stdio } from "./process/process_options.ts";
export { run, type RunOptions } from "./process/run.ts";
export { spawnProcess, type SpawnProcessOptions } from "./process/spawn_process.ts";
