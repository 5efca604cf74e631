import { isIP, isIPv4 } from "node:net";
import type { ListenAddress } from "./config.js";

/**
 * `HOST:PORT` as an address: the host is an IP address (IPv6, and if wanted IPv4, in brackets) or
 * `localhost`. Undefined: it is not one. Other names are refused: what they resolve to can change, and with
 * it whether the address is loopback.
 */
export function parseAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2]!;
  const port = Number(match[3]);
  if (port > 65_535 || (isIP(host) === 0 && host !== "localhost")) return undefined;
  return { host, port };
}

/** The address as it is written in a URL, an IPv6 address in brackets. */
export function formatAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True when nothing outside this host can reach `host`: 127.0.0.0/8 (RFC 1122), ::1 and `localhost`. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  if (isIPv4(host)) return host.startsWith("127.");
  if (isIP(host) === 0) return false;
  const plain = new URL(`http://[${host.replace(/%.*$/, "")}]`).hostname;
  return plain === "[::1]" || plain.startsWith("[::ffff:7f");
}
