import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";

/**
 * A browser cannot set headers of a WebSocket, only subprotocols. As with the Kubernetes API server, the token
 * can be one: this prefix and the token in base64url. The client must offer a second subprotocol, since the
 * server has to choose one and never echoes this.
 */
export const TOKEN_PROTOCOL = "base64url.bearer.authorization.keyhole.";

/** The bearer token that a request shows (RFC 6750, or {@link TOKEN_PROTOCOL}); undefined: none. */
export function shownToken(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined) return /^Bearer +([!-~]+) *$/i.exec(authorization)?.[1];
  const protocols = headers["sec-websocket-protocol"]?.split(/, */) ?? [];
  const protocol = protocols.find((one) => one.startsWith(TOKEN_PROTOCOL));
  return protocol && Buffer.from(protocol.slice(TOKEN_PROTOCOL.length), "base64url").toString("utf8");
}

/**
 * True when a request for `host` cannot come from DNS rebinding (a page of an attacker whose name was made to
 * point here): the name is an IP address, `localhost` or below it, or one of `names`.
 */
export function isKnownHost(host: string | undefined, names: readonly string[]): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host ?? "");
  const name = (match?.[1] ?? match?.[2])?.toLowerCase();
  if (name === undefined) return false;
  if (isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost")) return true;
  return names.some((one) => one.toLowerCase() === name);
}

/** True unless a browser says that a page of another origin made the request (RFC 6454). */
export function isSameOrigin({ origin, host }: IncomingHttpHeaders): boolean {
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
