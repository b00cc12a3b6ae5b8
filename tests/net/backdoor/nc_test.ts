/** The backdoor as a user of `nc` sees it. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { BackdoorServer } from "@verdant/green";
import { unixPlace } from "../network.ts";
import { Program } from "../program.ts";
import { startBackdoor } from "./client.ts";

function ncTest(name: string, test: () => Promise<void>): void {
  const paths = (Deno.env.get("PATH") ?? "").split(":");
  const found = paths.some((path) => {
    try {
      return Deno.statSync(`${path}/nc`).isFile;
    } catch {
      return false;
    }
  });
  if (!found) console.log(`Skipped, because there is no nc: ${name}`);
  Deno.test({ name: `${name} (nc)`, ignore: !found, fn: test });
}

function portOf(server: BackdoorServer): string {
  return `${(server.address as Deno.NetAddr).port}`;
}

ncTest("BackdoorServer talks to netcat, line by line", async () => {
  const app = { users: 41 };
  await using server = await startBackdoor({ locals: { app }, prompt: "\n" });
  await using client = new Program("nc", ["127.0.0.1", portOf(server)]);
  assertEquals(await client.readLine(), "");
  await client.write("app.users += 1\n");
  assertEquals([await client.readLine(), await client.readLine()], ["42", ""]);
  await client.write("for (const n of [1, 2]) {\n");
  await client.write("  print(n)\n}\n");
  assertEquals([await client.readLine(), await client.readLine(), await client.readLine()], [
    "... ... 1",
    "2",
    "",
  ]);
  await client.write("quit()\n");
  await client.closeInput();
  assertEquals(await client.readAll(), []);
  assertEquals([(await client.status).code, app.users], [0, 42]);
});

ncTest("BackdoorServer runs a script that is piped into netcat to its end", async () => {
  await using server = await startBackdoor();
  await using client = new Program("nc", ["-N", "127.0.0.1", portOf(server)]);
  await client.write("let sum = 0\nfor (let i = 0; i < 4; i++) { await sleep(1); sum += i }\nsum");
  await client.closeInput();
  assertEquals(await client.readAll(), [">>> >>> >>> 6", ">>> "]);
  assertEquals((await client.status).code, 0);
});

ncTest("BackdoorServer prints plain text: no tabs, no colours, no carriage returns", async () => {
  await using server = await startBackdoor({ banner: undefined });
  await using client = new Program("nc", ["-N", "127.0.0.1", portOf(server)]);
  await client.write("help()\ngreenlets()\ndump()\nnope\n({ a: [1, 'x'] })\nspawn(() => {})\nquit()\n");
  await client.closeInput();
  const text = (await client.readAll()).join("\n");
  assertStringIncludes(text, "greenlets()");
  // deno-lint-ignore no-control-regex -- they are what must not be there
  assertMatch(text, /^[^\x00-\x09\x0b-\x1f\x7f]*$/);
});

ncTest("BackdoorServer talks to netcat over a Unix socket", async () => {
  using place = unixPlace();
  await using server = new BackdoorServer({ path: place.path }, { banner: "", prompt: "" });
  await server.start();
  await using client = new Program("nc", ["-N", "-U", place.path]);
  await client.write("6 * 7\n");
  assertEquals(await client.readLine(), "42");
  await client.closeInput();
  assertEquals([await client.readAll(), (await client.status).code], [[], 0]);
});
