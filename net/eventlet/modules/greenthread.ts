/** eventlet's module `greenthread`. */
export { getCurrent as getcurrent } from "../../../green/mod.ts";
export { GreenThread } from "../green_thread.ts";
export { cancel, kill } from "../kill.ts";
export { sleep } from "../sleep.ts";
export { spawn, spawnAfter, spawnAfterLocal, spawnN } from "../spawn.ts";
