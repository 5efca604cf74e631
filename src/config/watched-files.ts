import { type FSWatcher, readlinkSync, watch } from "node:fs";
import { dirname, resolve } from "node:path";

/** Changes come in bursts: an editor writes, renames and removes. */
const SETTLE_MS = 300;

/** What Kubernetes puts another link in the place of when a ConfigMap or Secret changes; all files in it are links through it. */
const OF_VOLUME = "..data";

/** As many as the kernel follows (MAXSYMLINKS of include/linux/namei.h). */
const MAX_LINKS = 40;

/** A directory whose changes are told. */
interface Watched {
  readonly watcher: FSWatcher;
  /** Names in it that lead to what is watched, or are it. */
  readonly names: Set<string>;
  /** Files of YAML in it are watched, whatever their names are. */
  whole: boolean;
}

/**
 * Calls `changed` some time after a file of YAML changed in one of `directories`, or one of `files`, or either came to be or was
 * replaced. What is watched is every directory on the way to them, since what is replaced by renaming or by another
 * symbolic link (editors, the ConfigMaps of Kubernetes) is another file; what else is written there (a log, a recording)
 * changes nothing. What cannot be watched is given to `failed`. Returns what ends it.
 */
export function watchFiles(
  { files, directories }: { readonly files: readonly string[]; readonly directories: readonly string[] },
  changed: () => void,
  failed: (path: string, error: NodeJS.ErrnoException) => void,
): () => void {
  const watched = new Map<string, Watched>();
  let timer: NodeJS.Timeout | null = null;

  const settle = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      changed();
    }, SETTLE_MS);
    timer.unref();
  };
  const onChange = ({ names, whole }: Watched, name: string | null): void => {
    const leads = name === null || names.has(name);
    // what was watched before may be another file or directory now; what happens meanwhile is read after `settle`
    if (leads) lookAgain();
    if (leads || (whole && (name === OF_VOLUME || /\.ya?ml$/.test(name)))) settle();
  };
  const inDirectory = (path: string): Watched | null => {
    const known = watched.get(path);
    if (known !== undefined) return known;
    try {
      const watcher = watch(path, { persistent: false });
      const one: Watched = { watcher, names: new Set(), whole: false };
      watcher.on("change", (_event, name) => onChange(one, name === null ? null : String(name)));
      watcher.on("error", (error) => failed(path, error));
      watched.set(path, one);
      return one;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // then the directory that it will be made in is watched
      if (code !== "ENOENT" && code !== "ENOTDIR") failed(path, error as NodeJS.ErrnoException);
      return null;
    }
  };
  const note = (directory: string, name: string): boolean =>
    inDirectory(directory)?.names.add(name) !== undefined;
  const lookAgain = (): void => {
    for (const { watcher } of watched.values()) watcher.close();
    watched.clear();
    for (const file of files) follow(file, note);
    for (const directory of directories) {
      const found = follow(directory, note);
      const one = found === null ? null : inDirectory(found);
      if (one !== null) one.whole = true;
    }
  };

  lookAgain();
  return () => {
    if (timer !== null) clearTimeout(timer);
    for (const { watcher } of watched.values()) watcher.close();
  };
}

/**
 * Walks to `path` as the kernel does, and calls `step` with each directory on the way and the name that is looked up in it,
 * before it is looked up. Returns what `path` is when all symbolic links are resolved; null where `step` returned false, or
 * they lead in circles.
 */
function follow(path: string, step: (directory: string, name: string) => boolean): string | null {
  let at = "/";
  let links = 0;
  const rest = namesOf(resolve(path));
  while (rest.length > 0) {
    const name = rest.shift()!;
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    if (!step(at, name)) return null;
    const next = resolve(at, name);
    const target = linkTarget(next);
    if (target === null) at = next;
    else if (++links > MAX_LINKS) return null;
    else {
      if (target.startsWith("/")) at = "/";
      rest.unshift(...namesOf(target));
    }
  }
  return at;
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** Where a symbolic link leads; null where there is none. */
function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
