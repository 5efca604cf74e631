import { readFileSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { formatAddress, isLoopback } from "../config/address.js";
import type { Config, ListenAddress } from "../config/config.js";
import { KeyholeError } from "../errors.js";
import { isKnownHost, isSameOrigin } from "./headers.js";
import type { Token } from "./token.js";

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** One path of the server. HEAD is answered as GET without a body; other methods with 405. */
export interface Route {
  readonly path: string;
  /** Answered without the token. */
  readonly open: boolean;
  /** One line for the landing page. */
  readonly title: string;
  handle(request: IncomingMessage, url: URL): Reply | Promise<Reply>;
}

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Something that takes over connections, as the WebSocket does. */
export interface Upgrade {
  readonly path: string;
  readonly title: string;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, url: URL): void | Promise<void>;
}

export interface HttpOptions {
  readonly listen: ListenAddress;
  readonly tls: Config["tls"];
  readonly token_file: string | null;
  /** Host names besides IP addresses and localhost that clients may use: the node's. */
  readonly names?: readonly string[];
  readonly routes: readonly Route[];
  readonly upgrades: readonly Upgrade[];
}

const MAX_CONNECTIONS = 256;

/** Metrics, health, the API and the event stream over HTTP. */
export class HttpServer {
  readonly #options: HttpOptions;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #upgrades: ReadonlyMap<string, Upgrade>;
  readonly #names: readonly string[];
  /** Sockets that were taken over: the server does not close these itself. */
  readonly #upgraded = new Set<Duplex>();
  #server: Server | null = null;
  #token: Token | null = null;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#routes = new Map([...options.routes, landingPage(options)].map((route) => [route.path, route]));
    this.#upgrades = new Map(options.upgrades.map((upgrade) => [upgrade.path, upgrade]));
    this.#names = options.names ?? [];
  }

  /** Listens; resolves with the address, the port being the one chosen where 0 was asked for. */
  async start(): Promise<{ address: string; port: number }> {
    const { token_file, listen } = this.#options;
    if (token_file !== null) this.#token = new (await import("./token.js")).Token(token_file);
    const server = await this.#create();
    this.#server = server;
    server.maxConnections = MAX_CONNECTIONS;
    server.on("request", (request, response) => void this.#serve(request, response));
    server.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, socket, head).catch(() => socket.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(listenError(error, listen)));
      server.listen({ host: listen.host, port: listen.port }, resolve);
    });
    // accept(2) can fail for want of descriptors (EMFILE), which is not the end of the server
    server.on("error", () => {});
    const { address, port } = server.address() as AddressInfo;
    return { address, port };
  }

  /** Ends every connection and stops listening, at once. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    for (const socket of this.#upgraded) socket.destroy();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  async #create(): Promise<Server> {
    const limits = { headersTimeout: 5_000, requestTimeout: 10_000, maxHeaderSize: 8 * 1024 };
    const { cert, key } = this.#options.tls;
    if (cert === null || key === null) return (await import("node:http")).createServer(limits);
    const { createServer } = await import("node:https");
    try {
      return createServer({
        ...limits,
        cert: readFileSync(cert),
        key: readFileSync(key),
        minVersion: "TLSv1.2",
      });
    } catch (error) {
      throw new KeyholeError("TLS cannot be set up", {
        code: "KEYHOLE_TLS",
        expected: `a PEM certificate in ${cert} and its key in ${key}`,
        found: (error as Error).message,
        hint: "check tls.cert and tls.key (--tls-cert, --tls-key)",
        exitCode: 3,
        cause: error,
      });
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const reply = await this.#answer(request).catch((error: unknown) => {
      return json(500, {
        error: "internal error",
        detail: error instanceof Error ? error.message : String(error),
      });
    });
    response.statusCode = reply.status;
    response.setHeader("Content-Type", reply.type);
    response.setHeader("Content-Length", Buffer.byteLength(reply.body));
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("X-Content-Type-Options", "nosniff");
    if (reply.status === 401) response.setHeader("WWW-Authenticate", "Bearer");
    if (reply.status === 405) response.setHeader("Allow", "GET, HEAD");
    response.end(request.method === "HEAD" ? undefined : reply.body);
  }

  async #answer(request: IncomingMessage): Promise<Reply> {
    const url = urlOf(request);
    if (url === null) return json(400, { error: "bad request" });
    const route = this.#routes.get(url.pathname);
    const refused = this.#refuse(request, route?.open === true);
    if (refused !== null) return refused;
    if (route === undefined) {
      return json(404, { error: "not found", paths: [...this.#routes.keys(), ...this.#upgrades.keys()] });
    }
    if (request.method !== "GET" && request.method !== "HEAD")
      return json(405, { error: "method not allowed" });
    return await route.handle(request, url);
  }

  /**
   * The refusal of `request`, null when it may go on. Whoever shows the token may use any name for this
   * host; open paths beyond loopback are for whoever can reach them.
   */
  #refuse(request: IncomingMessage, open: boolean): Reply | null {
    const shown = this.#token?.isShownIn(request.headers) === true;
    const trusted = shown || (open && !isLoopback(this.#options.listen.host));
    if (!trusted && !isKnownHost(request.headers.host, this.#names)) {
      return json(403, { error: "unknown Host", hint: "use the IP address, localhost or the node's name" });
    }
    if (!open && this.#token !== null && !shown) return json(401, { error: "a bearer token is needed" });
    return null;
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Without a listener a reset by the client would be an uncaught exception.
    socket.on("error", () => socket.destroy());
    this.#upgraded.add(socket);
    socket.once("close", () => this.#upgraded.delete(socket));
    const url = urlOf(request);
    const target = url === null ? undefined : this.#upgrades.get(url.pathname);
    const refused = this.#refuse(request, false);
    if (refused !== null) refuseUpgrade(socket, refused);
    else if (url === null || target === undefined) refuseUpgrade(socket, json(404, { error: "not found" }));
    else if (!isSameOrigin(request.headers)) refuseUpgrade(socket, json(403, { error: "foreign Origin" }));
    else await target.upgrade(request, socket, head, url);
  }
}

/** A reply with `value` as JSON. */
export function json(status: number, value: object): Reply {
  return { status, type: "application/json; charset=utf-8", body: `${JSON.stringify(value)}\n` };
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  503: "Service Unavailable",
};

/** Answers a request to upgrade with a plain HTTP reply and ends the connection. */
export function refuseUpgrade(socket: Duplex, { status, type, body }: Reply): void {
  const headers = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}`,
    "Connection: close",
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 401 ? ["WWW-Authenticate: Bearer"] : []),
  ];
  socket.end(`${headers.join("\r\n")}\r\n\r\n${body}`, () => (socket as Socket).destroySoon());
}

function urlOf({ url }: IncomingMessage): URL | null {
  const text = `http://keyhole.invalid${url}`;
  return url?.startsWith("/") === true && URL.canParse(text) ? new URL(text) : null;
}

function landingPage({ routes, upgrades }: HttpOptions): Route {
  const lines = [...routes, ...upgrades].map(({ path, title }) => `${path.padEnd(12)}  ${title}`);
  const body = `Keyhole\n\n${lines.join("\n")}\n`;
  return {
    path: "/",
    open: true,
    title: "this page",
    handle: () => ({ status: 200, type: "text/plain; charset=utf-8", body }),
  };
}

function listenError(error: NodeJS.ErrnoException, listen: ListenAddress): KeyholeError {
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: `another process has port ${listen.port} (ss -ltnp 'sport = :${listen.port}'); stop it or choose another port with --listen`,
    EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE; choose another port with --listen",
    EADDRNOTAVAIL: `no interface of this host has the address ${listen.host}; see "ip address"`,
  };
  const hint = hints[error.code ?? ""] ?? 'choose another address with --listen, or "off"';
  return new KeyholeError(`cannot listen on ${formatAddress(listen)}`, {
    code: "KEYHOLE_LISTEN",
    found: error.code ?? error.message,
    hint,
    exitCode: 3,
    cause: error,
  });
}
