import type { Config, KeyPath } from "./config.js";
import { KEY_PATHS } from "./keys.js";

/** Keys whose new value counts without a new start. */
const LIVE: readonly string[] = ["rules.", "log.level"];

/** The keys that `after` has another value of than `before`: those that count at once, and those that need a new start. */
export function differences(
  before: Config,
  after: Config,
): { readonly live: readonly KeyPath[]; readonly restart: readonly KeyPath[] } {
  const changed = KEY_PATHS.filter(
    (path) => JSON.stringify(valueAt(before, path)) !== JSON.stringify(valueAt(after, path)),
  );
  const isLive = (path: KeyPath): boolean => LIVE.some((prefix) => path.startsWith(prefix));
  return { live: changed.filter(isLive), restart: changed.filter((path) => !isLive(path)) };
}

function valueAt(config: Config, path: KeyPath): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as { readonly [key: string]: unknown } | null)?.[key], config);
}
