/**
 * Compiles bpf/*.bpf.c for both architectures to bpf/x64/NAME.bpf.o and bpf/arm64/NAME.bpf.o. Where
 * KEYHOLE_PROBE_READ or KEYHOLE_CAST changes what comes out, in the source or in a header, the object made with it lies
 * beside as NAME-probe.bpf.o or NAME-cast.bpf.o. The same source gives the same bytes on any machine with the pinned clang
 * and the same headers of libbpf.
 *
 * usage: node scripts/build-bpf.js [--out DIR] [--arch x64|arm64]    DIR instead of bpf/, one architecture alone
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pinnedClang } from "./clang.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Node's name of each architecture, and the one by which bpf_tracing.h of libbpf chooses its pt_regs. */
const TARGETS = { x64: "x86", arm64: "arm64" };

const { values } = parseArgs({
  options: { out: { type: "string", default: join(ROOT, "bpf") }, arch: { type: "string" } },
});
const targets = Object.entries(TARGETS).filter(([arch]) => values.arch === undefined || values.arch === arch);

/** What changes how kernel memory is read (bpf/read.h), by the name of the object that is made with it. */
const VARIANTS = { probe: "KEYHOLE_PROBE_READ", cast: "KEYHOLE_CAST" };

/** Debian keeps asm/types.h of the host's architecture here; clang for the bpf target does not look. */
const MULTIARCH = `/usr/include/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;

/**
 * Compiles one source to `object` and returns its bytes.
 * @param {{ clang: string, strip: string }} tools
 * @param {string} target
 * @param {string} source relative to the root of the repository
 * @param {string} object
 * @param {readonly string[]} defines
 */
async function compile(tools, target, source, object, defines) {
  await run(tools.clang, [
    ...["-target", "bpf", "-mcpu=v2", "-O2", "-g", "-Wall", "-Werror"],
    // Objects name no path of the machine they were made on.
    `-fdebug-prefix-map=${resolve(ROOT)}=.`,
    ...["-idirafter", MULTIARCH],
    `-D__TARGET_ARCH_${target}`,
    ...defines,
    ...["-c", source, "-o", object],
  ]);
  // Removes DWARF; BTF stays.
  await run(tools.strip, ["-g", object]);
  return readFileSync(object);
}

/**
 * Runs a tool in the root of the repository, so that the paths it writes down are relative to it.
 * @param {string} program
 * @param {readonly string[]} args
 */
async function run(program, args) {
  const child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  // an error of spawn(), as where there is no such program, rejects
  const [status, signal] = await once(child, "close");
  if (status !== 0) throw new Error(`${program} failed: ${signal ?? `status ${status}`}`);
}

/**
 * Compiles everything into `folder`, one folder below it for each architecture.
 * @param {string} folder
 */
async function compileAll(folder) {
  const tools = pinnedClang();
  const sources = readdirSync(join(ROOT, "bpf")).filter((name) => name.endsWith(".bpf.c"));
  if (sources.length === 0) throw new Error("no bpf/*.bpf.c to build");
  const waiting = targets.flatMap(([arch, target]) =>
    sources.sort().map((name) => () => compileSource(tools, target, name, join(folder, arch))),
  );
  for (const [arch] of targets) mkdirSync(join(folder, arch));
  const next = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await job();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
}

/**
 * Compiles one source and those of its variants that differ.
 * @param {{ clang: string, strip: string }} tools
 * @param {string} target
 * @param {string} name
 * @param {string} folder
 */
async function compileSource(tools, target, name, folder) {
  const source = join("bpf", name);
  const base = join(folder, basename(name, ".bpf.c"));
  const text = readFileSync(join(ROOT, source), "utf8");
  const bytes = await compile(tools, target, source, `${base}.bpf.o`, []);
  for (const [suffix, macro] of Object.entries(VARIANTS)) {
    // a source that sets it itself has no such variant
    if (new RegExp(`^#(?:define|undef) ${macro}$`, "m").test(text)) continue;
    const variant = `${base}-${suffix}.bpf.o`;
    if ((await compile(tools, target, source, variant, [`-D${macro}`])).equals(bytes)) rmSync(variant);
  }
}

/**
 * Puts the objects of `from` into `out`, in place of those that are there.
 * @param {string} from
 * @param {string} out
 */
function replaceObjects(from, out) {
  for (const [arch] of targets) {
    const objects = readdirSync(join(from, arch));
    mkdirSync(join(out, arch), { recursive: true });
    for (const old of readdirSync(join(out, arch))) {
      if (old.endsWith(".bpf.o") && !objects.includes(old)) rmSync(join(out, arch, old));
    }
    for (const object of objects) {
      const path = join(out, arch, object);
      copyFileSync(join(from, arch, object), path);
      process.stdout.write(`${relative(process.cwd(), path)} (${statSync(path).size} bytes)\n`);
    }
  }
}

/** @param {string} out */
async function build(out) {
  if (targets.length === 0) throw new Error(`there is no architecture ${values.arch}: x64 or arm64`);
  if (!existsSync("/usr/include/bpf/bpf_helpers.h")) {
    throw new Error("bpf/bpf_helpers.h was not found; on Debian 12: apt-get install libbpf-dev");
  }
  // A failed build leaves the objects that are there as they are.
  const folder = mkdtempSync(join(tmpdir(), "keyhole-bpf-"));
  try {
    await compileAll(folder);
    replaceObjects(folder, out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await build(resolve(values.out));
} catch (error) {
  process.stderr.write(`build-bpf: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
