/** eventlet's module `timeout`. */
export { isTimeout, wrapIsTimeout } from "../is_timeout.ts";
export { Timeout } from "../timeout.ts";
export { withTimeout } from "../with_timeout.ts";
