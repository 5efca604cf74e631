import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "ws";
import type { KeyholeEvent } from "../event.js";
import { TOKEN_PROTOCOL } from "./headers.js";
import { json, refuseUpgrade, type Upgrade } from "./http.js";
import type { Sink } from "./publisher.js";
import { RecentEvents } from "./recent.js";
import { TailClient } from "./tail-client.js";

const MAX_CLIENTS = 64;
const PING_MS = 30_000;
/** For 2,048 events of the usual size. */
const RECENT_BYTES = 3 * 1024 * 1024;
/** Clients send nothing that is read; this is room for control frames. */
const MAX_PAYLOAD = 4 * 1024;

/**
 * Every event as JSON text on the WebSocket `/v1/events`. `?since=SEQ` sends again what came after that
 * number and is still kept, after a `lost` message for what is not.
 */
export class Tail implements Sink, Upgrade {
  readonly name = "websocket";
  readonly path = "/v1/events";
  readonly title = "WebSocket: every event as JSON; ?since=SEQ resumes";
  readonly #keeps: boolean;
  readonly #recent: RecentEvents;
  readonly #clients = new Set<TailClient>();
  /** Connections of clients, also of those whose upgrade is still under way. */
  readonly #connections = new Set<Duplex>();
  #server: Promise<WebSocketServer> | null = null;
  #ping: NodeJS.Timeout | null = null;
  #dropped = 0;

  /**
   * `recent`: how many events are kept for clients that resume or are slow, as long as RECENT_BYTES hold them. With 0 none
   * is made into text while there is no client, and a slow one has the newest alone.
   */
  constructor({ recent = 2_048 }: { readonly recent?: number } = {}) {
    this.#keeps = recent > 0;
    this.#recent = new RecentEvents({ events: Math.max(1, recent), bytes: RECENT_BYTES });
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Events that slow clients missed, over all clients since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The event with this number; null where it is not kept, or not any more. */
  event(seq: number): KeyholeEvent | null {
    const { oldest, newest } = this.#recent;
    if (seq < oldest || seq > newest) return null;
    return JSON.parse(this.#recent.get(seq)) as KeyholeEvent;
  }

  write(event: KeyholeEvent, text: () => string): void {
    if (!this.#keeps && this.#clients.size === 0) {
      this.#recent.skip(event);
      return;
    }
    const json = text();
    this.#recent.push(event.seq, json);
    if (this.#clients.size === 0) return;
    const newest = Buffer.from(json);
    for (const client of this.#clients) client.advance(newest);
  }

  async upgrade(request: IncomingMessage, stream: Duplex, head: Buffer, url: URL): Promise<void> {
    const since = url.searchParams.get("since");
    if (since !== null && !/^\d{1,15}$/.test(since)) {
      refuseUpgrade(stream, json(400, { error: "since must be the seq of an event" }));
      return;
    }
    if (this.#connections.size >= MAX_CLIENTS) {
      refuseUpgrade(stream, json(503, { error: `there are ${MAX_CLIENTS} clients already` }));
      return;
    }
    this.#connections.add(stream);
    stream.once("close", () => this.#connections.delete(stream));
    this.#server ??= createServer();
    const server = await this.#server;
    server.handleUpgrade(request, stream, head, (socket) => {
      this.#add(socket, stream, since === null ? null : Number(since));
    });
  }

  async close(): Promise<void> {
    if (this.#ping !== null) clearInterval(this.#ping);
    this.#ping = null;
    for (const client of this.#clients) client.close();
  }

  #add(socket: WebSocket, stream: Duplex, since: number | null): void {
    const { newest } = this.#recent;
    // A number that was never given out is from before a restart: the numbers began again at 1.
    const restarted = since !== null && since > newest;
    const client = new TailClient({
      socket,
      stream,
      recent: this.#recent,
      next: restarted ? 1 : (since ?? newest) + 1,
      gapReason: restarted ? "agent-restarted" : "resume-gap",
      onDropped: (count) => {
        this.#dropped += count;
      },
    });
    socket.on("close", () => this.#clients.delete(client));
    this.#clients.add(client);
    this.#ping ??= setInterval(() => {
      for (const one of this.#clients) one.ping();
    }, PING_MS).unref();
    client.advance();
  }
}

/** ws is imported when the first client comes: most agents never have one, and start sooner without it. */
async function createServer(): Promise<WebSocketServer> {
  const { WebSocketServer } = await import("ws");
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_PAYLOAD,
    perMessageDeflate: false,
    handleProtocols: (offered) => [...offered].find((one) => !one.startsWith(TOKEN_PROTOCOL)) ?? false,
  });
}
