import { dump, type Hub, type Snapshot } from "../../hub/mod.ts";
import { Greenlet } from "../../green/greenlet.ts";
import { type AccessRules, mayEnter } from "./access.ts";
import { detailsIn } from "./details.ts";
import { Feed } from "./feed.ts";
import { FeedStream } from "./feed_stream.ts";
import { observe, type Observer } from "./observer.ts";
import { pageReply } from "./page_reply.ts";
import type { PageRequest } from "./page_request.ts";
import { jsonReply, type Reply, textReply } from "./reply.ts";
import type { Visit } from "./visit.ts";

/** What an inspector allows, and how often it looks. */
export interface Settings extends AccessRules {
  /** Whether a client may kill greenlets. */
  readonly allowKill: boolean;
  /** How long (ms) it is from one update to the next, at least. */
  readonly interval: number;
  /** How many clients may get updates. */
  readonly maxClients: number;
}

/** Greenlets in the dump, at most. */
const MAX_DUMPED = 10_000;

/** Answers the requests of pages. It never waits through the hub, and runs no greenlet: it does not see itself. */
export class PageService {
  readonly #hub: Hub;
  readonly #settings: Settings;
  readonly #observer: Observer;
  readonly #feed: Feed;

  /**
   * @param hub What is shown.
   * @param settings Who may see it, and what else may be done.
   * @param observer Sees it.
   */
  constructor(hub: Hub, settings: Settings, observer: Observer = observe(hub)) {
    this.#hub = hub;
    this.#settings = settings;
    this.#observer = observer;
    const { interval, allowKill: mayKill } = settings;
    const onError = (error: unknown) => hub.handleError("inspector", error);
    this.#feed = new Feed(observer, { interval, mayKill, onError });
  }

  /** How many pages get updates. */
  get clients(): number {
    return this.#feed.size;
  }

  /** Answers one request. Never throws. */
  async serve(visit: Visit, port: number): Promise<void> {
    try {
      const request = await visit.readHead();
      if (request === undefined) return;
      if ("status" in request) await visit.reply(request);
      else if (!mayEnter(request, port, this.#settings)) await visit.reply(textReply(403));
      else await this.#answer(visit, request);
    } catch (error) {
      this.#hub.handleError("inspector", error);
      await visit.reply(textReply(500));
    } finally {
      visit.close();
    }
  }

  /** Sends no more updates. */
  stop(): void {
    this.#feed.stop();
  }

  async #answer(visit: Visit, request: PageRequest): Promise<void> {
    const { method, path } = request;
    if (path === "/feed" && method === "GET") return await this.#follow(visit);
    if (path === "/kill" && method === "POST") {
      const body = await visit.readBody(request);
      if (body !== undefined) await visit.reply(typeof body === "string" ? this.#kill(body) : body);
      return;
    }
    await visit.reply(method === "GET" ? await this.#get(path) : textReply(405));
  }

  async #get(path: string): Promise<Reply> {
    if (path === "/") return await pageReply();
    if (path === "/dump") return textReply(200, `${dump({ hub: this.#hub, limit: MAX_DUMPED })}\n`);
    const [, digits] = /^\/greenlets\/(\d{1,15})$/.exec(path) ?? [];
    if (digits === undefined) return textReply(404);
    // `null` if it has ended: browsers report a 404 as an error of the page.
    return jsonReply(detailsIn(this.#lastSnapshot(), Number(digits)) ?? null);
  }

  async #follow(visit: Visit): Promise<void> {
    if (this.#feed.size >= this.#settings.maxClients) return await visit.reply(textReply(503));
    const stream = new FeedStream(visit);
    try {
      this.#feed.add(stream);
      await visit.left();
    } finally {
      this.#feed.delete(stream);
    }
  }

  #kill(body: string): Reply {
    if (!this.#settings.allowKill) {
      return textReply(403, "Killing is not allowed: it takes serveInspector({ allowKill: true }).\n");
    }
    const id = numberIn(body);
    if (id === undefined) return textReply(400, 'The body must be {"id": number}.\n');
    const greenlet = this.#hub.taskList.find(id);
    if (!(greenlet instanceof Greenlet)) return textReply(404, "It has ended, or is no greenlet.\n");
    void greenlet.kill("Killed from the inspector", { block: false });
    return textReply(200);
  }

  /** The one that pages see, if there is one: to take another costs more than to look into it. */
  #lastSnapshot(): Snapshot {
    return this.#feed.latest ?? this.#observer.snapshot();
  }
}

function numberIn(body: string): number | undefined {
  try {
    const { id } = JSON.parse(body);
    return Number.isSafeInteger(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
