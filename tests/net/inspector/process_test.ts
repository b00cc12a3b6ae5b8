/** Inspectors in processes of their own. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Program } from "../program.ts";
import { Follower, TOKEN } from "./visitors.ts";

const IMPORT = 'import { Event, main, serveInspector, sleep, spawn } from "@verdant/green";\n';
const SERVE =
  `const inspector = serveInspector({ token: "${TOKEN}", interval: 50 }); console.log(inspector.port);\n`;
const run = (text: string) => Program.evaluate(IMPORT + text);
const portOf = async (program: Program) => ({ port: Number(await program.readLine()) });

Deno.test("Inspector keeps no process alive, though a page is open", async () => {
  await using program = run(
    SERVE + `
    spawn(async () => {
      while (inspector.clients === 0) await sleep(1);
      await sleep(100);
      console.log("over");
    });
  `,
  );
  await using follower = await Follower.of(await portOf(program));
  while (await follower.next() !== undefined);
  assertEquals(await program.readAll(), ["over"]);
  assertEquals((await program.status).code, 0);
});

Deno.test("Inspector hides no deadlock, though a page is open", async () => {
  await using program = run(`main(async () => {
    ${SERVE}
    while (inspector.clients === 0) await sleep(1);
    console.log("hang");
    await new Event().wait();
  });`);
  await using follower = await Follower.of(await portOf(program));
  while (await follower.next() !== undefined);
  assertEquals(await program.readAll(), ["hang"]);
  assertEquals((await program.status).code, 1);
});

Deno.test("Inspector.stop() is waited for to its end, though nothing else is left to do", async () => {
  await using program = run(
    SERVE + `
    using silent = await Deno.connect({ port: inspector.port });
    silent.unref();
    const page = fetch("http://127.0.0.1:" + inspector.port + "/feed?token=${TOKEN}");
    const reader = (await page).body.getReader();
    await reader.read();
    await inspector.stop();
    console.log("stopped", (await reader.read().catch(() => ({ done: true }))).done);
  `,
  );
  await portOf(program);
  assertEquals(await program.readAll(), ["stopped true"]);
});

Deno.test("importing the library loads no page", async () => {
  await using program = run(
    SERVE + `
    const url = "http://127.0.0.1:" + inspector.port + "/?token=${TOKEN}";
    console.log((await fetch(url)).status);
    await inspector.stop();
  `,
  );
  await portOf(program);
  assertEquals(await program.readAll(), ["200"]);
  assertEquals((await program.status).code, 0);
  const source = await Deno.readTextFile(new URL("../../../net/inspector/page_reply.ts", import.meta.url));
  assertStringIncludes(source, 'await import("./page/bundle.ts")');
});

async function output(args: string[], text: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts", dir: new URL(".", import.meta.url).pathname });
  try {
    await Deno.writeTextFile(file, IMPORT + text);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--no-prompt", "--quiet", ...args, file],
      env: { NO_COLOR: "1" },
    });
    const { stdout, stderr } = await command.output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(file);
  }
}

const TRY = `
  try {
    const inspector = serveInspector({ port: 0 });
    const answer = await fetch(inspector.url).catch((error) => error);
    console.log("served", answer.status);
    await inspector.stop();
  } catch (error) {
    console.log(error.name, error.message);
  }
`;

Deno.test("serveInspector() says which permission is missing", async () => {
  const text = await output([], TRY);
  assertStringIncludes(text, "NotCapable Cannot serve inspector on 127.0.0.1:0: Requires net access");
});

Deno.test("serveInspector() needs no permission but that for its address", async () => {
  assertEquals(await output(["--allow-net=127.0.0.1"], TRY), "served 200\n");
});

Deno.test("serveInspector() shows the greenlets of a worker if it is called there", async () => {
  const text = await output(
    ["-A"],
    `
    if (typeof WorkerGlobalScope === "undefined") {
      const worker = new Worker(import.meta.url, { type: "module" });
      worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };
    } else {
      spawn(function inWorker() { return sleep(60_000); });
      await sleep();
      const inspector = serveInspector();
      postMessage(await (await fetch(inspector.url.replace("/?", "/dump?"))).text());
    }
  `,
  );
  assertStringIncludes(text, "inWorker");
});
