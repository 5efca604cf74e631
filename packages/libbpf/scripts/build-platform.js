/**
 * Fills a platform package (packages/libbpf-linux-ARCH) from the distribution's static libraries: one shared
 * object that needs nothing but libc, what it was made of, and the licences of that.
 *
 *     node scripts/build-platform.js [--out DIRECTORY]
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** What the shared object is made of: the archive, and the Debian package that brings it. */
const PARTS = [
  { name: "libbpf", archive: "libbpf.a", debianPackage: "libbpf-dev" },
  { name: "libelf", archive: "libelf.a", debianPackage: "libelf-dev" },
  { name: "zlib", archive: "libz.a", debianPackage: "zlib1g-dev" },
];
/** Since 0.189 libelf may also compress with zstd. */
const ZSTD = { name: "zstd", archive: "libzstd.a", debianPackage: "libzstd-dev" };

/** What the result may still need: the C library in its pieces, and the dynamic linker. */
const LIBC = /^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|ld-linux-[a-z0-9-]+\.so\.\d)$/;

const { values } = parseArgs({ options: { out: { type: "string" } } });
const out = values.out ?? fileURLToPath(new URL(`../../libbpf-linux-${process.arch}`, import.meta.url));

try {
  build(out);
} catch (error) {
  process.stderr.write(`build-platform: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/** @param {string} directory */
function build(directory) {
  const parts = PARTS.map(locate);
  const libelf = parts.find((part) => part.name === "libelf");
  if (libelf !== undefined && needsZstd(libelf.path)) parts.push(locate(ZSTD));

  const file = join(directory, "lib", "libbpf.so");
  mkdirSync(join(directory, "lib"), { recursive: true });
  link(parts, file);
  checkNeeded(file);

  const versions = Object.fromEntries(parts.map(({ name, version }) => [name, version]));
  writeFileSync(join(directory, "versions.json"), `${JSON.stringify(versions, null, 2)}\n`);
  const licences = join(directory, "LICENSES");
  rmSync(licences, { recursive: true, force: true });
  mkdirSync(licences);
  for (const part of parts) {
    copyFileSync(`/usr/share/doc/${part.debianPackage}/copyright`, join(licences, part.name));
  }
  const made = parts.map(({ name, version }) => `${name} ${version}`).join(", ");
  process.stdout.write(`${file}: ${made}\n`);
}

/**
 * @typedef {{ name: string, archive: string, debianPackage: string }} Part
 * @typedef {Part & { path: string, version: string }} Located
 */

/**
 * Where the compiler finds the archive, and which upstream version dpkg says it is.
 * @param {Part} part
 * @returns {Located}
 */
function locate(part) {
  // The compiler answers with the bare name where it has no such file.
  const path = run("cc", [`-print-file-name=${part.archive}`]).trim();
  if (!isAbsolute(path)) {
    const packages = PARTS.map(({ debianPackage }) => debianPackage).join(" ");
    throw new Error(
      `there is no ${part.archive}: apt install gcc ${packages} ${ZSTD.debianPackage} (Debian, Ubuntu)`,
    );
  }
  return { ...part, path, version: upstreamVersion(part.debianPackage) };
}

/**
 * The upstream part of a package's version: neither its epoch nor Debian's revision, nor the mark of what
 * Debian left out (`1.2.13.dfsg`).
 * @param {string} debianPackage
 */
function upstreamVersion(debianPackage) {
  const status = run("dpkg-query", ["--status", debianPackage]);
  const version = /^Version: (?:\d+:)?(\d+(?:\.\d+)*)/m.exec(status)?.[1];
  if (version === undefined) throw new Error(`dpkg-query gives no version of ${debianPackage}`);
  return version;
}

/** @param {string} archive */
function needsZstd(archive) {
  return /\bU ZSTD_/.test(run("nm", ["--undefined-only", archive]));
}

/**
 * All of libbpf, and of the others what it uses. Their names stay hidden (exports.map), so that they cannot meet
 * those of another libelf or zlib in the process: node itself has a zlib.
 * @param {readonly Located[]} parts
 * @param {string} file
 */
function link(parts, file) {
  const [libbpf, ...others] = parts.map(({ path }) => path);
  run("cc", [
    "-shared",
    "-fPIC",
    "-O2",
    "-s",
    "-o",
    file,
    "-Wl,-soname,libbpf.so.1",
    "-Wl,-z,defs,-z,relro,-z,now",
    "-Wl,--wrap=stderr",
    `-Wl,--version-script=${beside("exports.map")}`,
    beside("shim.c"),
    "-Wl,--whole-archive",
    String(libbpf),
    "-Wl,--no-whole-archive",
    ...others,
  ]);
}

/** @param {string} name */
function beside(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** @param {string} file */
function checkNeeded(file) {
  const dynamic = run("readelf", ["--dynamic", "--wide", file]);
  const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1] ?? "");
  const foreign = needed.filter((name) => !LIBC.test(name));
  if (foreign.length > 0) throw new Error(`${file} is not self-contained: it needs ${foreign.join(", ")}`);
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 64 << 20,
    env: { ...process.env, LC_ALL: "C" },
  });
  if (status === 0) return stdout;
  throw new Error(`${command} failed: ${error?.message ?? stderr.trim()}`);
}
