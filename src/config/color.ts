import type { Config } from "./config.js";

/**
 * Whether to write colours to `stream`: what the user said, else only to a terminal that is not `dumb`,
 * unless NO_COLOR is set to anything (no-color.org).
 */
export function useColor(
  color: Config["color"],
  stream: { readonly isTTY?: boolean },
  env: NodeJS.ProcessEnv,
): boolean {
  if (color !== "auto") return color === "always";
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}
