import { existsSync } from "node:fs";
import { debianRoot } from "../oracle/debian-root.js";
import { BUBBLEWRAP } from "../oracle/rows/bubblewrap.js";
import { BUILDAH, CRUN, LXC, NSPAWN, PODMAN } from "../oracle/rows/containers.js";
import { commandOf, type Row } from "../oracle/rows/row.js";
import { CNI, SYSTEMD_CALLS, SYSTEMD_UNITS } from "./host.js";
import { commandOnHost } from "./host-root.js";
import type { ToolScenario } from "./scenario.js";

/** Rows that expose the host on purpose: what is told of them is true. */
const EXPOSED: ReadonlySet<string> = new Set([
  "podman run --privileged",
  "podman run --read-only --tmpfs --volume --security-opt",
]);

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  bubblewrap: BUBBLEWRAP,
  crun: CRUN,
  podman: PODMAN,
  buildah: BUILDAH,
  lxc: LXC,
  "systemd-nspawn": NSPAWN,
};

/** Whether systemd is the first process, so that units can be started: sd_booted(3). */
function isSystemd(): boolean {
  return existsSync("/run/systemd/system");
}

/** Work of the host that needs no other tools than this system's. */
export function hostScenarios(): ToolScenario[] {
  return [
    { tool: "systemd's calls by a script", rows: SYSTEMD_CALLS, command: commandOf },
    { tool: "network plugins", rows: CNI, command: commandOf },
  ];
}

/** All of it; what cannot be had here says why. */
export function allScenarios(): ToolScenario[] {
  const units = isSystemd()
    ? { command: commandOf }
    : { command: null, missing: "systemd is not the first process here" };
  return [...hostScenarios(), { tool: "systemd-run", rows: SYSTEMD_UNITS, ...units }, ...debianScenarios()];
}

function debianScenarios(): ToolScenario[] {
  let source: Pick<ToolScenario, "command" | "missing">;
  try {
    source = { command: commandOnHost(debianRoot()) };
  } catch (error) {
    source = { command: null, missing: error instanceof Error ? error.message : String(error) };
  }
  return Object.entries(ROWS).map(([tool, rows]) => ({
    tool,
    rows: rows.filter(({ name }) => !EXPOSED.has(name)),
    ...source,
  }));
}
