import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * A package manager: its command, and the words by which it installs packages and fetches lists of packages
 * without a question. `quiet` words go before those when nobody watches. `lists` tells whether there are
 * lists of packages at all: an image of a distribution often has none.
 * @typedef {object} Manager
 * @property {string} command
 * @property {readonly string[]} quiet
 * @property {readonly string[]} install
 * @property {readonly string[]} update
 * @property {() => boolean} lists
 */

/** Without a progress bar, and patient while another apt holds the lock. */
const APT_QUIET = ["-q", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"];

/** @type {readonly Manager[]} */
const MANAGERS = [
  {
    command: "apt-get",
    quiet: APT_QUIET,
    install: ["install", "-y", "--no-install-recommends"],
    update: ["update"],
    lists: () => existsSync("/var/lib/apt/lists") && readdirSync("/var/lib/apt/lists").some(isAptList),
  },
  { command: "dnf", quiet: ["-q"], install: ["install", "-y"], update: ["makecache"], lists: () => true },
  { command: "apk", quiet: ["-q"], install: ["add"], update: ["update"], lists: () => true },
  {
    command: "zypper",
    quiet: ["-q"],
    install: ["-n", "install"],
    update: ["-n", "refresh"],
    lists: () => true,
  },
  {
    command: "pacman",
    quiet: [],
    install: ["-S", "--noconfirm", "--needed"],
    update: ["-Sy"],
    lists: () => true,
  },
];

/** @param {string} name */
function isAptList(name) {
  return name.includes("_Packages");
}

/**
 * The path of an executable on PATH or in the directories of the system's administrator, which the PATH of
 * an ordinary user lacks; undefined where there is none.
 * @param {string} name
 * @returns {string | undefined}
 */
export function findExecutable(name) {
  const path = (process.env.PATH ?? "").split(":").filter((directory) => directory !== "");
  for (const directory of [...path, "/usr/local/sbin", "/usr/sbin", "/sbin"]) {
    const file = join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/**
 * The distribution's package manager, or undefined where it is none of those known here.
 * @returns {Manager | undefined}
 */
export function packageManager() {
  return MANAGERS.find((manager) => findExecutable(manager.command) !== undefined);
}

/**
 * The command line that installs `packages`, as a person would type it.
 * @param {Manager} manager
 * @param {readonly string[]} packages
 */
export function installLine(manager, packages) {
  return [manager.command, ...manager.install, ...packages].join(" ");
}

/**
 * Installs `packages`; the lists of packages are fetched first where there are none, and once more where
 * the installation failed, because old lists name versions that the mirror no longer has. The manager's
 * output goes to stderr. Returns whether it worked.
 * @param {Manager} manager
 * @param {readonly string[]} packages
 */
export function install(manager, packages) {
  const updated = !manager.lists() && run(manager, manager.update);
  if (run(manager, [...manager.install, ...packages])) return true;
  return !updated && run(manager, manager.update) && run(manager, [...manager.install, ...packages]);
}

/**
 * @param {Manager} manager
 * @param {readonly string[]} args
 */
function run(manager, args) {
  const { status } = spawnSync(manager.command, [...manager.quiet, ...args], {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return status === 0;
}
