import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";

/** Changes come in bursts: an editor writes, renames and removes. */
const SETTLE_MS = 300;

/**
 * Calls `changed` some time after something changed in one of `directories`, or in the directory of one of `files`: those are
 * watched, since a file that is replaced by renaming (editors, the ConfigMaps of Kubernetes) is another file. What cannot be watched
 * is given to `failed`. Returns what ends it.
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
  const watchers: FSWatcher[] = [];
  for (const path of new Set([...files.map((file) => dirname(file)), ...directories])) {
    try {
      const watcher = watch(path, { persistent: false }, settle);
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
