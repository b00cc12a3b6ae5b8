/** eventlet's module `pools`. */
export { ResourcePool as Pool, Token, TokenPool } from "../../../green/mod.ts";
