/** eventlet's module `dagpool`. */
export { Collision, DAGPool, PropagateError } from "../../../green/mod.ts";
