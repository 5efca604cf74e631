import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cachePath } from "../../scripts/cache.js";
import { apt, DEBIAN_KEYRING, debianMirror } from "../../scripts/debian.js";

/**
 * The first strace that knows every call and flag the tests make: open_tree_attr is known from 6.15 on,
 * OPEN_TREE_NAMESPACE and FSMOUNT_NAMESPACE from 7.1 on. Debian 12 has 6.1.
 */
const OLDEST = [7, 1];

/** The release of Debian that has it. */
const SUITE = "sid";

/** Folders of a Debian library tree that hold shared objects. */
const LIBRARIES = ["x86_64-linux-gnu", "aarch64-linux-gnu"].flatMap((triplet) => [
  `usr/lib/${triplet}`,
  `lib/${triplet}`,
]);

/**
 * The words to run a strace that is new enough: the system's own, else the one {@link installStrace}
 * unpacked. Throws where there is neither.
 * @returns {readonly string[]}
 */
export function straceCommand() {
  const command = systemStrace() ?? unpackedStrace();
  if (command === undefined) throw new Error("no new strace; run: node scripts/system.js test");
  return command;
}

/**
 * Fetches strace and the libraries it needs from Debian's development release and unpacks them into the
 * user's cache, where there is none that is new enough. The system's packages, sources and lists stay as
 * they are: apt works in a folder of its own, and the unpacked program runs by its own ld.so.
 */
export function installStrace() {
  if (systemStrace() !== undefined || unpackedStrace() !== undefined) return;
  process.stderr.write(`keyhole: fetching strace from Debian ${SUITE} for the tests\n`);
  const work = mkdtempSync(join(tmpdir(), "keyhole-strace-"));
  try {
    // apt reads and writes here as its own user _apt.
    chmodSync(work, 0o755);
    const { version, packages } = download(work);
    const unpacked = `${cachePath(`strace-${version}`)}.new`;
    rmSync(unpacked, { recursive: true, force: true });
    mkdirSync(unpacked, { recursive: true });
    for (const file of packages) apt("dpkg-deb", ["-x", file, unpacked]);
    const target = cachePath(`strace-${version}`);
    rmSync(target, { recursive: true, force: true });
    renameSync(unpacked, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (unpackedStrace() === undefined) {
    throw new Error(`the strace of Debian ${SUITE} is older than ${OLDEST.join(".")} or does not run here`);
  }
}

/**
 * @param {string} work an empty folder
 * @returns {{ version: string, packages: string[] }}
 */
function download(work) {
  for (const folder of ["state/lists/partial", "cache/archives/partial", "debs"]) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  writeFileSync(
    join(work, "sources.list"),
    `deb [signed-by=${DEBIAN_KEYRING}] ${debianMirror()} ${SUITE} main\n`,
  );
  const options = join(work, "apt.conf");
  writeFileSync(options, privateApt(work));
  apt("apt-get", ["-c", options, "update"]);
  // An empty status file: nothing counts as installed, so every library is named, libc6 too.
  const simulated = apt("apt-get", [
    "-c",
    options,
    "install",
    "--simulate",
    "--no-install-recommends",
    "strace",
  ]);
  const names = [...simulated.matchAll(/^Inst (\S+) \((\S+)/gm)];
  const version = names.find((match) => match[1] === "strace")?.[2]?.replace(/[^0-9.].*/, "");
  if (version === undefined) throw new Error(`Debian ${SUITE} has no package strace`);
  const debs = join(work, "debs");
  apt("apt-get", ["-c", options, "download", ...names.map((match) => match[1] ?? "")], { cwd: debs });
  return { version, packages: readdirSync(debs).map((name) => join(debs, name)) };
}

/**
 * apt.conf(5) of an apt that shares nothing with the system's.
 * @param {string} work
 */
function privateApt(work) {
  return `
Dir::State "${work}/state";
Dir::State::status "/dev/null";
Dir::Cache "${work}/cache";
Dir::Etc::sourcelist "${work}/sources.list";
Dir::Etc::sourceparts "/dev/null";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`;
}

function systemStrace() {
  return newEnough(["strace"]);
}

function unpackedStrace() {
  const parent = dirname(cachePath("strace"));
  if (!existsSync(parent)) return undefined;
  const roots = readdirSync(parent).filter((name) => /^strace-[0-9.]*[0-9]$/.test(name));
  return roots
    .map((name) => newEnough(byOwnLoader(join(parent, name))))
    .find((command) => command !== undefined);
}

/**
 * @param {string} root
 * @returns {readonly string[]}
 */
function byOwnLoader(root) {
  const folders = LIBRARIES.map((folder) => join(root, folder)).filter((folder) => existsSync(folder));
  const loaders = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const loader = loaders.find((path) => /\/ld-linux-[^/]*\.so\.\d+$/.test(path));
  return [loader ?? "/nonexistent", "--library-path", folders.join(":"), join(root, "usr/bin/strace")];
}

/**
 * `command` where it runs and is at least the oldest version that will do.
 * @param {readonly string[]} command
 */
function newEnough(command) {
  const [program = "", ...args] = command;
  const { stdout } = spawnSync(program, [...args, "--version"], { encoding: "utf8" });
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(stdout ?? "") ?? [];
  if (major === undefined || minor === undefined) return undefined;
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  const older = Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor);
  return older ? undefined : command;
}
