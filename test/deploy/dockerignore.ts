/**
 * Whether the patterns of a .dockerignore keep `path` out of the build context: the last one that matches it, or a
 * folder above it, decides (docs.docker.com/build/concepts/context/#dockerignore-files).
 */
export function isIgnored(patterns: readonly string[], path: string): boolean {
  const parts = path.split("/");
  const above = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  let ignored = false;
  for (const pattern of patterns) {
    const regex = toRegExp(pattern.replace(/^!/, ""));
    if (above.some((one) => regex.test(one))) ignored = !pattern.startsWith("!");
  }
  return ignored;
}

/** The patterns in the text of a .dockerignore. */
export function readPatterns(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("**/", "\0")
    .replaceAll("*", "[^/]*")
    .replaceAll("\0", "(?:.*/)?");
  return new RegExp(`^${source}$`);
}
