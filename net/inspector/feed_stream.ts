import type { FeedClient } from "./feed.ts";
import { encodeReply } from "./reply.ts";
import type { Visit } from "./visit.ts";

const encoder = new TextEncoder();
const HEAD = /* @__PURE__ */ encodeReply({
  status: 200,
  headers: { "content-type": "text/event-stream; charset=utf-8" },
});

/** Updates as server-sent events. What a slow client has not taken is never more than one of them. */
export class FeedStream implements FeedClient {
  readonly #visit: Visit;
  #begun = false;
  #writing = false;

  /** Answers a visit. */
  constructor(visit: Visit) {
    this.#visit = visit;
  }

  /** Whether everything has been taken. */
  get ready(): boolean {
    return !this.#writing && !this.#visit.closed;
  }

  /** Only when it is ready. */
  send(update: string): void {
    void this.#write(encoder.encode(`data: ${update}\n\n`));
  }

  /** Ends it. */
  close(): void {
    this.#visit.close();
  }

  async #write(update: Uint8Array): Promise<void> {
    this.#writing = true;
    if (!this.#begun) await this.#visit.write(HEAD);
    this.#begun = true;
    await this.#visit.write(update);
    this.#writing = false;
  }
}
