/** A descriptor of the caller, named below /proc: no symbolic link in a container can lead it elsewhere. */
const OWN_DESCRIPTOR = /^\/proc\/(?:thread-)?self\/fd\/\d+(?=\/|$)/;

/**
 * The path of a call as seen from the root of its caller: absolute, without `.`, `..` and repeated slashes. `base` is the
 * directory that the kernel starts from, itself without symbolic links; of /proc/self/fd/N the file that is meant.
 * Symbolic links in `path` are not followed. Null where that cannot be said: no base, or a `..` behind a name, which may
 * be a symbolic link.
 */
export function callerPath(path: string | null, base: string | null): string | null {
  if (path === null) return null;
  const own = OWN_DESCRIPTOR.exec(path)?.[0];
  if (own !== undefined) return base === null ? null : append(base, path.slice(own.length));
  if (path.startsWith("/")) return append("/", path);
  return base === null ? null : append(base, path);
}

function append(base: string, path: string): string | null {
  const components = base.split("/").filter((component) => component !== "");
  let named = false;
  for (const component of path.split("/")) {
    if (component === "" || component === ".") continue;
    if (component !== "..") {
      named = true;
      components.push(component);
    } else if (named) {
      return null;
    } else {
      components.pop();
    }
  }
  return `/${components.join("/")}`;
}
