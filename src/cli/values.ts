import { InvalidArgumentError } from "commander";
import { parseAddress } from "../config/address.js";
import type { ListenAddress } from "../config/config.js";
import { parseBytes } from "../config/quantity.js";
import { NS_TYPES, type NsType } from "../kernel/links.js";

/**
 * Parsers of what stands behind flags: each returns the value, or throws InvalidArgumentError with what it must be.
 */

export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 2 ** 22) {
    throw new InvalidArgumentError("It must be a process id from 1 to 4194304.");
  }
  return value;
}

export function address(text: string): ListenAddress {
  const value = parseAddress(text);
  if (value === undefined)
    throw new InvalidArgumentError("It must be HOST:PORT, the host an IP address or localhost.");
  return value;
}

export function bytes(text: string): number {
  const value = parseBytes(text);
  if (value === undefined)
    throw new InvalidArgumentError("It must be a number of bytes, as 100000 or 512MiB.");
  return value;
}

export function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 0.1 || value > 86_400) {
    throw new InvalidArgumentError("It must be a number of seconds from 0.1 to 86400.");
  }
  return value;
}

export function nsTypes(text: string): NsType[] {
  return text.split(",").map((word) => {
    const type = NS_TYPES.find((one) => one === word.trim());
    if (type === undefined) throw new InvalidArgumentError(`Allowed types are ${NS_TYPES.join(", ")}.`);
    return type;
  });
}
