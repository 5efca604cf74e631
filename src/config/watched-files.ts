import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** Changes come in bursts: an editor writes, renames and removes. */
const SETTLE_MS = 300;

/** What Kubernetes puts another link in the place of when a ConfigMap or Secret changes; all files in it are links through it. */
const OF_VOLUME = "..data";

/**
 * Calls `changed` some time after a file of YAML changed in one of `directories`, or one of `files`. Their directories are
 * watched, since a file that is replaced by renaming (editors, the ConfigMaps of Kubernetes) is another file; what else is
 * written there (a log, a recording) changes nothing. What cannot be watched is given to `failed`. Returns what ends it.
 */
export function watchFiles(
  { files, directories }: { readonly files: readonly string[]; readonly directories: readonly string[] },
  changed: () => void,
  failed: (path: string, error: NodeJS.ErrnoException) => void,
): () => void {
  let timer: NodeJS.Timeout | null = null;
  const settle = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      changed();
    }, SETTLE_MS);
    timer.unref();
  };
  const names = new Map<string, Set<string>>();
  for (const file of files) {
    const directory = dirname(file);
    names.set(directory, (names.get(directory) ?? new Set()).add(basename(file)));
  }
  const watchers: FSWatcher[] = [];
  for (const path of new Set([...names.keys(), ...directories])) {
    const concerns = (name: string): boolean =>
      name === OF_VOLUME ||
      names.get(path)?.has(name) === true ||
      (directories.includes(path) && /\.ya?ml$/.test(name));
    try {
      const watcher = watch(path, { persistent: false }, (_event, name) => {
        if (name === null || concerns(name)) settle();
      });
      watcher.on("error", (error) => failed(path, error));
      watchers.push(watcher);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT") failed(path, error as NodeJS.ErrnoException);
    }
  }
  return () => {
    if (timer !== null) clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
