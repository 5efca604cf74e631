import { spawnSync } from "node:child_process";
import { findExecutable } from "./packages.js";

/**
 * The major version of clang that the committed objects are made with: that of Debian 12. Another one
 * makes other instructions from the same source.
 */
export const BPF_CLANG_MAJOR = 14;

/**
 * The paths of the pinned clang and llvm-strip. Throws with what to install where they are not there.
 * @returns {{ clang: string, strip: string }}
 */
export function pinnedClang() {
  return { clang: pinned("clang"), strip: pinned("llvm-strip") };
}

/** @param {string} name */
function pinned(name) {
  for (const candidate of [`${name}-${BPF_CLANG_MAJOR}`, name]) {
    const path = findExecutable(candidate);
    if (path === undefined) continue;
    const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    if (/version (\d+)\./.exec(stdout ?? "")?.[1] === String(BPF_CLANG_MAJOR)) return path;
  }
  throw new Error(
    `${name} ${BPF_CLANG_MAJOR} is needed to build the BPF objects and was not found; ` +
      `on Debian 12: apt-get install clang-${BPF_CLANG_MAJOR} llvm-${BPF_CLANG_MAJOR} libbpf-dev`,
  );
}
