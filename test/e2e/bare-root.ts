import assert from "node:assert/strict";
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { cachePath } from "../../scripts/cache.js";
import { DEBIAN_KEYRING, debianMirror } from "../../scripts/debian.js";
import { findExecutable } from "../../scripts/packages.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SUITE = "bookworm";
/** Where the clone lies in the root. */
const CLONE = "/keyhole";
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Enters the root at $1 in a mount namespace that this shell has to itself, with pivot_root(8): in a chroot
 * the kernel refuses new user namespaces. The kernel's own file systems are those of the host.
 */
const ENTER = `
set -eu
mount --bind "$1" "$1"
for dir in proc sys dev; do mount --rbind "/$dir" "$1/$dir"; done
cd "$1"
pivot_root . .
umount -l .
cd ${CLONE}
exec sh -c "$2"
`;

/** Says what takes long; the runner shows it at once. */
export function progress(text: string): void {
  process.stderr.write(`bare root: ${text}\n`);
}

/**
 * A Debian of the packages every Debian has, with this Node, its npm and a clone of the repository, and
 * nothing else. Made anew for each use from a root that debootstrap(8) made once and the user's cache keeps.
 */
export class BareRoot {
  readonly path: string;
  readonly #running = new Set<number>();

  constructor() {
    assert.equal(process.getuid?.(), 0, "debootstrap, mount and the agent need root");
    const pristine = pristineRoot();
    progress("copying it, Node, npm and a clone of the repository");
    this.path = mkdtempSync(join(tmpdir(), "keyhole-bare-"));
    execFileSync("cp", ["-a", "--reflink=auto", `${pristine}/.`, this.path]);
    this.#copyNode();
    this.#copySettings();
    execFileSync("git", ["clone", "--quiet", ROOT, join(this.path, CLONE)]);
  }

  /**
   * Starts a shell command in the clone. It leads a process group of its own, so that a signal to the group
   * is what Ctrl-C is at a terminal.
   */
  spawn(command: string): ChildProcessByStdio<null, Readable, Readable> {
    const enter = ["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", this.path, command];
    const child = spawn("unshare", enter, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH, HOME: "/root", LANG: "C.UTF-8", ...networkSettings() },
    });
    const leader = child.pid!;
    this.#running.add(leader);
    child.once("close", () => this.#running.delete(leader));
    return child;
  }

  /** Ends what a failed test left running and removes the root; its mounts ended with the commands. */
  remove(): void {
    for (const leader of this.#running) process.kill(-leader, "SIGKILL");
    execFileSync("rm", ["-rf", "--one-file-system", this.path]);
  }

  #copyNode(): void {
    const npm = findExecutable("npm");
    assert.ok(npm, "npm is on PATH");
    const bin = join(this.path, "usr/local/bin");
    copyFileSync(process.execPath, join(bin, "node"));
    cpSync(dirname(dirname(realpathSync(npm))), join(this.path, "usr/local/lib/node_modules/npm"), {
      recursive: true,
    });
    symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(bin, "npm"));
  }

  /** How this machine reaches the registry and the mirror: names, npm's and apt's settings, certificates. */
  #copySettings(): void {
    this.#copyFile("/etc/resolv.conf", "/etc/resolv.conf");
    this.#copyFile("/etc/hosts", "/etc/hosts");
    this.#copyFile(join(homedir(), ".npmrc"), "/root/.npmrc");
    const certificates = process.env.NODE_EXTRA_CA_CERTS ?? "";
    if (certificates !== "") this.#copyFile(certificates, certificates);
    const settings = execFileSync("apt-config", ["dump"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => /^Acquire::(Check-|ForceIPv|Retries|https?::)/.test(line));
    writeFileSync(join(this.path, "etc/apt/apt.conf.d/00host"), `${settings.join("\n")}\n`);
  }

  #copyFile(from: string, to: string): void {
    if (!existsSync(from)) return;
    mkdirSync(dirname(join(this.path, to)), { recursive: true });
    copyFileSync(from, join(this.path, to));
  }
}

/** A root that nothing has been installed in, from the cache or made now. */
function pristineRoot(): string {
  const path = cachePath(`debian-${SUITE}-${process.arch}`);
  if (existsSync(path)) return path;
  progress(`debootstrap ${SUITE}, once: about a minute`);
  const unfinished = `${path}.new`;
  execFileSync("rm", ["-rf", "--one-file-system", unfinished]);
  mkdirSync(unfinished, { recursive: true });
  const options = ["--variant=minbase", `--keyring=${DEBIAN_KEYRING}`];
  execFileSync(
    findExecutable("debootstrap") ?? "debootstrap",
    [...options, SUITE, unfinished, debianMirror()],
    {
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  renameSync(unfinished, path);
  return path;
}

function networkSettings(): Record<string, string> {
  const names = /^(https?_proxy|no_proxy|npm_config_registry|node_extra_ca_certs)$/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && names.test(name) ? [[name, value]] : [],
    ),
  );
}
