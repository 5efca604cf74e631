import { commandInRoot, debianRoot } from "./debian-root.js";
import { BUBBLEWRAP } from "./rows/bubblewrap.js";
import { BUILDAH, CRUN, LXC, NSPAWN, PODMAN } from "./rows/containers.js";
import type { Row } from "./rows/row.js";
import { RUNC } from "./rows/runc.js";
import { NEW_UTIL_LINUX, UTIL_LINUX } from "./rows/util-linux.js";
import type { Tool } from "./suite.js";

/** The suite: every tool with its rows. */
const ROWS: Readonly<Record<string, readonly Row[]>> = {
  "util-linux": [...UTIL_LINUX, ...NEW_UTIL_LINUX],
  runc: RUNC,
  crun: CRUN,
  bubblewrap: BUBBLEWRAP,
  "systemd-nspawn": NSPAWN,
  lxc: LXC,
  podman: PODMAN,
  buildah: BUILDAH,
};

export const TOOLS = Object.keys(ROWS);

/** The tools of these names, all where there is no name, in a Debian root that is made where it does not exist. */
export function chooseTools(names: readonly string[]): Tool[] {
  const command = commandInRoot(debianRoot());
  return TOOLS.filter((name) => names.length === 0 || names.includes(name)).map((name) => ({
    name,
    rows: ROWS[name] ?? [],
    command,
  }));
}
