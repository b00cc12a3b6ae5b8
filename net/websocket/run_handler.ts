import { isKill } from "../../hub/mod.ts";
import { GOING_AWAY, INTERNAL_ERROR, NORMAL } from "./close_code.ts";
import { sessionOf, type WebSocketConn } from "./web_socket_conn.ts";

/** How long (ms) a client may take to answer the close frame if its handler was killed: others wait for that. */
const KILLED_CLOSE_MS = 500;

/**
 * Runs a handler, and closes its WebSocket in any case: with 1000 if it returns, 1001 if it is killed, 1011 if it
 * throws. An error that just tells that the WebSocket has ended is no error of the handler.
 */
export async function runHandler(ws: WebSocketConn, handler: () => unknown): Promise<void> {
  const session = sessionOf(ws);
  const { closeTimeout } = session.limits;
  let code = NORMAL;
  let timeout = closeTimeout;
  try {
    await handler();
  } catch (error) {
    const killed = isKill(error);
    code = killed ? GOING_AWAY : INTERNAL_ERROR;
    if (killed) timeout = Math.min(timeout, KILLED_CLOSE_MS);
    if (!session.tells(error)) throw error;
  } finally {
    await ws.close(code, "", { timeout });
  }
}
