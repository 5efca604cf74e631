import { spawnSync } from "node:child_process";

/** Verifies the releases of Debian, the development one included: package debian-archive-keyring. */
export const DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * The mirror of Debian's archive that this system's own apt sources name.
 * Lists of packages are fetched where there are none yet. Throws where no source is Debian's.
 * @returns {string}
 */
export function debianMirror() {
  const mirror = configuredMirror();
  if (mirror !== undefined) return mirror;
  apt("apt-get", ["update", "-q"]);
  const fetched = configuredMirror();
  if (fetched === undefined)
    throw new Error("no source of /etc/apt is a mirror of Debian; the tests need Debian");
  return fetched;
}

/** What apt itself made of its sources, in whichever format they are written (apt-get(8), indextargets). */
function configuredMirror() {
  const format = ["--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"];
  for (const line of apt("apt-get", ["indextargets", ...format]).split("\n")) {
    const [label, uri] = line.split(" ");
    if (label === "Debian" && uri !== undefined) return uri;
  }
  return undefined;
}

/**
 * Runs a command of apt or dpkg and returns its stdout. Throws with the end of its stderr where it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string }} [options]
 */
export function apt(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status === 0) return stdout;
  const reason = error?.message ?? stderr.trim().split("\n").slice(-3).join("; ");
  throw new Error(`${command} ${args[args.length - 1] ?? ""} failed: ${reason}`);
}
