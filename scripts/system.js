/**
 * Sees to what a command needs from the system: `node scripts/system.js run` before the agent starts,
 * `node scripts/system.js test` before the tests, `kernels` before those in guests. It looks for files only and is done at once when all is
 * there; what lacks is installed by the distribution's package manager. Where that cannot be done it says
 * what to run and exits with status 2.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BPF_CLANG_MAJOR } from "./clang.js";
import { findExecutable, install, installLine, packageManager } from "./packages.js";

/**
 * A thing that must be there, how to see that it is, and the package that brings it. `packages` maps a
 * package manager to its name for it; tests are developed on Debian, so most are known to apt-get only.
 * @typedef {object} Need
 * @property {string} what
 * @property {() => boolean} present
 * @property {Readonly<Record<string, string>>} packages
 */

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Where the dynamic linker looks: ld.so(8), and the multiarch directories of Debian. */
const LIBRARY_DIRECTORIES = [
  ...(process.env.LD_LIBRARY_PATH ?? "").split(":").filter((directory) => directory.startsWith("/")),
  ...["x86_64", "aarch64"].flatMap((machine) => [
    `/usr/lib/${machine}-linux-gnu`,
    `/lib/${machine}-linux-gnu`,
  ]),
  "/usr/lib64",
  "/lib64",
  "/usr/lib",
  "/lib",
  "/usr/local/lib",
];

/** @type {Need} */
const LIBBPF = {
  what: "libbpf.so.1",
  present: () =>
    (process.env.KEYHOLE_LIBBPF ?? "") !== "" ||
    existsSync(join(ROOT, `packages/libbpf-linux-${process.arch}/lib/libbpf.so`)) ||
    LIBRARY_DIRECTORIES.some((directory) => existsSync(join(directory, "libbpf.so.1"))),
  packages: { "apt-get": "libbpf1", dnf: "libbpf", apk: "libbpf", zypper: "libbpf1", pacman: "libbpf" },
};

/**
 * @param {string} name
 * @param {string} debianPackage
 * @returns {Need}
 */
function executable(name, debianPackage) {
  return {
    what: name,
    present: () => findExecutable(name) !== undefined,
    packages: { "apt-get": debianPackage },
  };
}

/**
 * @param {string} path
 * @param {string} debianPackage
 * @returns {Need}
 */
function file(path, debianPackage) {
  return { what: path, present: () => existsSync(path), packages: { "apt-get": debianPackage } };
}

/** @type {Readonly<Record<string, readonly Need[]>>} */
const NEEDS = {
  run: [LIBBPF],
  test: [
    LIBBPF,
    executable(`clang-${BPF_CLANG_MAJOR}`, `clang-${BPF_CLANG_MAJOR}`),
    executable("clang", "clang"),
    executable(`llvm-strip-${BPF_CLANG_MAJOR}`, `llvm-${BPF_CLANG_MAJOR}`),
    file("/usr/include/bpf/bpf_helpers.h", "libbpf-dev"),
    executable("bpftool", "bpftool"),
    executable("gcc", "gcc"),
    file("/usr/include/stdio.h", "libc6-dev"),
    file("/usr/include/libelf.h", "libelf-dev"),
    file("/usr/include/zlib.h", "zlib1g-dev"),
    executable("pkg-config", "pkg-config"),
    executable("python3", "python3"),
    executable("strace", "strace"),
    executable("runc", "runc"),
    executable("containerd", "containerd"),
    executable("bwrap", "bubblewrap"),
    executable("ip", "iproute2"),
    executable("lsns", "util-linux"),
    executable("mount", "mount"),
    executable("ps", "procps"),
    executable("promtool", "prometheus"),
    executable("git", "git"),
    executable("openssl", "openssl"),
    executable("debootstrap", "debootstrap"),
    file("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
    file("/etc/ssl/certs/ca-certificates.crt", "ca-certificates"),
  ],
  kernels: [
    LIBBPF,
    executable("qemu-system-x86_64", "qemu-system-x86"),
    executable("gcc", "gcc"),
    file("/usr/lib/x86_64-linux-gnu/libc.a", "libc6-dev"),
    file("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
  ],
};

/**
 * Stops with the status of an error the user can act on.
 * @param {string} message
 * @returns {never}
 */
function stop(message) {
  process.stderr.write(`keyhole: ${message}\n`);
  process.exit(2);
}

/** @param {readonly Need[]} needs */
function ensure(needs) {
  const missing = needs.filter((need) => !need.present());
  if (missing.length === 0) return;
  const names = missing.map((need) => need.what).join(", ");
  const manager = packageManager();
  const packages = missing.map((need) =>
    manager === undefined ? undefined : need.packages[manager.command],
  );
  const known = [...new Set(packages.filter((name) => name !== undefined))];
  if (manager === undefined || packages.includes(undefined)) {
    const debian = [...new Set(missing.map((need) => need.packages["apt-get"]))].join(" ");
    stop(`missing: ${names}; install what Debian calls: ${debian}`);
  }
  if (process.getuid?.() !== 0) stop(`missing: ${names}; run: sudo ${installLine(manager, known)}`);
  process.stderr.write(`keyhole: installing ${known.join(", ")} with ${manager.command}\n`);
  const installed = install(manager, known);
  const still = missing.filter((need) => !need.present()).map((need) => need.what);
  if (!installed || still.length > 0) {
    stop(
      `${manager.command} did not bring ${still.join(", ") || names}; run: ${installLine(manager, known)}`,
    );
  }
}

const command = process.argv[2] ?? "";
const needs = NEEDS[command];
if (needs === undefined) stop(`usage: node scripts/system.js ${Object.keys(NEEDS).join("|")}`);
ensure(needs);
if (command === "test") {
  const { installStrace } = await import("../test/oracle/strace-install.js");
  try {
    installStrace();
  } catch (error) {
    stop(error instanceof Error ? error.message : String(error));
  }
}
