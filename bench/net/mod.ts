/** All benches of the network: `deno task bench:net`. Each file runs by itself, too. */
import { benchConnections } from "./connections.ts";
import { benchEcho } from "./echo.ts";
import { benchIdle } from "./idle.ts";
import { benchLines } from "./lines.ts";

await benchEcho();
await benchLines();
await benchIdle();
await benchConnections();
