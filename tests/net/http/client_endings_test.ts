/** Calls of `HttpClient` that are killed, timed out, aborted or closed at any moment: nothing is left of them. */
import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Greenlet,
  GreenletExit,
  HttpClient,
  type HttpRequestInit,
  joinAll,
  spawn,
  Timeout,
  until,
  withTimeout,
} from "@verdant/green";
import { captureErrors, turn } from "../../helpers.ts";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";
import { assertIdle, calm, eventually } from "../network.ts";
import {
  assertUnused,
  CHUNKED,
  errorOf,
  HEAD_OF_TEN,
  MINUTE,
  minutePasses,
  once,
  RawServer,
  readers,
  reply,
} from "./client_servers.ts";

/** Where a server says no more. `body`: the head of the answer is complete. */
const phases: Record<string, { readonly said: string; readonly body: boolean }> = {
  "nothing was said": { said: "", body: false },
  "half the head": { said: "HTTP/1.1 200 OK\r\ncontent-le", body: false },
  "the head": { said: HEAD_OF_TEN, body: true },
  "half the body": { said: `${HEAD_OF_TEN}first`, body: true },
  "half a chunk": { said: `${CHUNKED}a\r\nfirst`, body: true },
};

/** How a call is ended, with `outcome` of its greenlet; `limited` is what the greenlet runs. */
interface Ending {
  readonly init?: HttpRequestInit;
  readonly around?: (work: () => Promise<unknown>) => Promise<unknown>;
  strike(greenlet: Greenlet, client: HttpClient): unknown;
  check(greenlet: Greenlet): void;
}

const endings: Record<string, () => Ending> = {
  "a kill": () => ({
    strike: (greenlet) => greenlet.kill(),
    check: (greenlet) => assertInstanceOf(greenlet.value, GreenletExit),
  }),
  "its timeout": () => ({
    init: { timeout: MINUTE },
    strike: minutePasses,
    check: ({ error }) =>
      assert(error instanceof Timeout && error.message.includes("GET http"), String(error)),
  }),
  "its timeout, a Duration": () => ({
    init: { timeout: Temporal.Duration.from({ minutes: 1 }) },
    strike: minutePasses,
    check: ({ error }) =>
      assert(error instanceof Timeout && error.message.includes("60000 ms"), String(error)),
  }),
  "its timeout, a Timeout": () => {
    const timeout = new Timeout(MINUTE);
    return {
      init: { timeout },
      strike: minutePasses,
      check: ({ error }) => assertStrictEquals(error, timeout),
    };
  },
  "its timeout, a Timeout that throws another error": () => {
    const error = new RangeError("too late");
    return {
      init: { timeout: new Timeout(MINUTE, { error }) },
      strike: minutePasses,
      check: (greenlet) => assertStrictEquals(greenlet.error, error),
    };
  },
  "withTimeout()": () => {
    const timeout = new Timeout(MINUTE);
    return {
      around: (work) => withTimeout(timeout, work),
      strike: minutePasses,
      check: ({ error }) => assertStrictEquals(error, timeout),
    };
  },
  "a Timeout that is running already": () => {
    const timeout = new Timeout(MINUTE);
    return {
      init: { timeout },
      around: async (work) => {
        using _running = timeout;
        timeout.start();
        return await work();
      },
      strike: minutePasses,
      check: ({ error }) => assertStrictEquals(error, timeout),
    };
  },
  "its signal": () => {
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    return {
      init: { signal: controller.signal },
      strike: () => controller.abort(reason),
      check: ({ error }) => assertStrictEquals(error, reason),
    };
  },
  "the closing of the client": () => ({
    strike: (_greenlet, client) => client.close(),
    check: ({ error }) => assert(error instanceof Deno.errors.BadResource, String(error)),
  }),
};

for (const [phase, { said, body }] of Object.entries(phases)) {
  for (const [kind, makeEnding] of Object.entries(endings)) {
    Deno.test(`HttpClient leaves nothing when ${kind} comes after ${phase}`, async () => {
      using errors = captureErrors();
      await using server = new RawServer((to) => to.send(said));
      using client = new HttpClient({ maxPerHost: 1, baseUrl: server.origin, tryTimeout: 10 * MINUTE });
      for (const [name, read] of Object.entries(body ? readers : { text: readers.text! })) {
        if (client.closed) break;
        const { init, around = (work) => work(), strike, check } = makeEnding();
        const asked = server.heads.length;
        let got = false;
        const greenlet = spawn(() =>
          around(async () => {
            const response = await client.get("/", init);
            got = true;
            await read(response);
          })
        );
        await eventually(() => server.heads.length > asked && (got || !body));
        await calm();
        assertEquals([client.active, server.open, greenlet.ready], [1, 1, false], name);
        await strike(greenlet, client);
        await greenlet.join();
        check(greenlet);
        assertUnused(client);
        await server.left();
        assertIdle();
        assertEquals(server.heads.length, asked + 1, "it was tried again");
      }
      assert(errors.seen.length <= Object.keys(readers).length);
    });
  }
}

interruptAnywhere("HttpClient in line, redirected, trying again and reading", () => {
  let busy = 0;
  const server = new RawServer((to, head) => {
    if (head.includes("/moved")) return to.send(reply("moved", "302 Found", "location: /busy"));
    return to.send(++busy % 2 === 1 ? reply("busy", "503 Service Unavailable") : reply("hello"));
  });
  const backoff = { initial: 1, max: 2 };
  const client = new HttpClient({ maxPerHost: 1, retries: 9, backoff, baseUrl: server.origin });
  const get = async () => {
    const response = await client.get("/moved", { timeout: MINUTE });
    assertEquals([await response.text(), response.redirected], ["hello", true]);
  };
  return {
    victim: get,
    others: [get, get],
    check: async () => {
      assertUnused(client);
      client.close();
      await until(server.left());
      await until(server[Symbol.asyncDispose]());
    },
  };
});

Deno.test("HttpClient leaves nothing whenever it is killed", async () => {
  await using server = new RawServer(async (to) => {
    await to.send(HEAD_OF_TEN);
    await turn();
    await to.send("12345");
    await turn();
    await to.send("67890");
  });
  using client = once({ maxPerHost: 2, baseUrl: server.origin });
  let finished = 0;
  let killed = 0;
  for (let turns = 0; finished < 10; turns += 15) {
    assert(turns < 100_000, "nobody comes to an end");
    const greenlets = [1, 2, 3].map(() => spawn(async () => await (await client.get("/")).text()));
    for (let i = 0; i < turns; i++) await turn();
    for (const greenlet of greenlets) void greenlet.kill("enough", { block: false });
    await joinAll(greenlets);
    for (const { value } of greenlets) {
      if (value === "1234567890") {
        finished++;
        continue;
      }
      assertInstanceOf(value as unknown, GreenletExit);
      killed++;
    }
    await calm(); // for those who are told of the end of a greenlet
    assertUnused(client);
  }
  assert(killed > 10, `${killed} were killed`);
  client.close();
  await server.left();
  assertIdle();
});

Deno.test("HttpClient.close() ends those who wait in line, pause, wait and read", async () => {
  await using server = new RawServer((to, head) => {
    if (head.includes("/busy")) return to.send(reply("busy", "503 Service Unavailable"));
    if (head.includes("/body")) return to.send(`${HEAD_OF_TEN}first`);
  });
  const client = new HttpClient({
    maxPerHost: 2,
    backoff: { initial: MINUTE, max: MINUTE },
    baseUrl: server.origin,
  });
  const unread = await client.get("/body");
  const pausing = spawn(() => errorOf(client.get("/busy")));
  await server.asked(2);
  await eventually(() => client.active === 1);
  const waiting = spawn(() => errorOf(client.get("/hang")));
  await server.asked(3);
  const inLine = spawn(() => errorOf(client.get("/hang")));
  await eventually(() => client.waiting === 1);
  client.close();
  client.close();
  client[Symbol.dispose]();
  for (const greenlet of [pausing, waiting, inLine]) {
    assertEquals(String(await greenlet.get()), "BadResource: The client was closed");
  }
  assertUnused(client);
  assertEquals(String(await errorOf(unread.text())), "BadResource: The client was closed");
  await server.left();
  const error = assertThrows(() => void client.get("/"), Deno.errors.BadResource);
  assertEquals([error.message, client.closed], ["Cannot fetch: the client is closed", true]);
  assertIdle();
});
