/** Servers as processes of their own: what they print, how signals end them, and that they end. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Program } from "../program.ts";
import { get, post, RawClient } from "./http_servers.ts";

const FIXTURE = new URL("fixtures/serving.ts", import.meta.url);

/** Starts the program; returns how to connect to it. */
async function start(kind: string): Promise<{ program: Program; dial: () => Promise<RawClient> }> {
  const program = Program.run(FIXTURE, kind);
  const port = Number((await program.readUntil(/^port (\d+)$/))[1]);
  const dial = async () => new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  return { program, dial };
}

Deno.test("HttpServer prints nothing by itself, no warning of the platform either", async () => {
  const { program, dial } = await start("plain");
  await using _program = program;
  using client = await dial();
  for (const path of ["/", "/wait", "/", "/wait"]) assertEquals((await client.ask(get(path))).body, "hello");
  const leaving = await dial();
  await leaving.send(get("/hang"));
  await client.ask(get("/wait"));
  leaving.leave();
  assertEquals(await program.readLine(), "clean-up"); // without a signal: its client has gone
  await client.ask(get("/warn"));
  await client.ask(get("/wait"));
  program.kill("SIGTERM");
  assertEquals([await program.readAll(), (await program.status).code], [["over"], 0]);
  assertEquals(await program.errors, "a warning of the program\n");
});

Deno.test("HttpServer with accessLog: true writes every line to the standard output before it has stopped", async () => {
  const { program, dial } = await start("logging");
  await using _program = program;
  using client = await dial();
  for (let i = 0; i < 50; i++) await client.ask(get(`/${i}`, 'user-agent: "quoted"'));
  await client.ask(post("12345").replace("/body", "/text"));
  program.kill("SIGTERM");
  const lines = await program.readAll();
  assertEquals([lines.length, lines.at(-1), (await program.status).code], [52, "over", 0]);
  for (const [index, line] of lines.slice(0, 50).entries()) {
    assertMatch(
      line,
      new RegExp(String.raw`^127\.0\.0\.1 - - \[.+\] "GET /${index} HTTP/1\.1" 200 5 "-" "\\"quoted\\""$`),
    );
  }
  assertMatch(lines[50]!, /"POST \/text HTTP\/1\.1" 200 5 "-" "-"$/);
  assertEquals(await program.errors, "");
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`HttpServer.serveForever() ends at ${signal}: requests finish, others are killed and clean up`, async () => {
    const { program, dial } = await start("plain");
    await using _program = program;
    const [finishing, hanging] = [await dial(), await dial()];
    await hanging.send(get("/hang"));
    await finishing.send(get("/wait"));
    using third = await dial();
    await third.ask(get());
    program.kill(signal);
    assertEquals((await finishing.receive()).body, "hello");
    assertEquals((await hanging.receive()).status, 503);
    assertEquals([await program.readAll(), (await program.status).code], [["clean-up", "over"], 0]);
    assertEquals(await program.errors, "");
    for (const client of [finishing, hanging]) client.leave();
  });
}

Deno.test("HttpServer.serveForever() leaves a second signal its usual effect", async () => {
  const { program, dial } = await start("patient");
  await using _program = program;
  using hanging = await dial();
  using idle = await dial();
  await hanging.send(get("/hang"));
  await idle.ask(get());
  program.kill("SIGINT");
  await idle.rest(); // closed: it has heard the signal
  program.kill("SIGINT");
  assertEquals((await program.status).signal, "SIGINT");
  await hanging.rest();
});

Deno.test("HttpServer.serveForever() ends although a client does not let go of its connection", async () => {
  const { program, dial } = await start("plain");
  await using _program = program;
  using client = await dial();
  const { body } = await client.ask(post("").replace("content-length: 0", "content-length: 9"));
  assertEquals(body, "hello");
  program.kill("SIGTERM");
  assertEquals(await program.readLine(), "over");
  client.leave(); // as long as it is there, the platform keeps the process alive
  assertEquals((await program.status).code, 0);
  const errors = await program.errors;
  assertStringIncludes(errors, "Connections are still open");
  assert(/HttpServer on 127\.0\.0\.1:\d+ failed with Error/.test(errors), errors);
});
