/** eventlet's module `semaphore`. */
export { CappedSemaphore } from "../capped_semaphore.ts";
export { BoundedSemaphore, Semaphore } from "../semaphore.ts";
