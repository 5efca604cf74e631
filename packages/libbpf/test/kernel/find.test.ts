import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { LibbpfError } from "../../src/errors.js";
import { candidates, notFound, platformPackage } from "../../src/find.js";
import { compile } from "../fixture.js";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));
const source = join(repository, "packages/libbpf/src");
const fixture = compile("fixture");

/** A directory that only root can write to, all the way up, and from which code may be loaded. */
const directory = mkdtempSync("/var/lib/libbpf-test-");
after(() => rmSync(directory, { recursive: true, force: true }));

function environment(file: string): NodeJS.ProcessEnv {
  return { KEYHOLE_LIBBPF: file };
}

function refused(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof LibbpfError && error.code === code && message.test(error.message);
}

/** What loadLibbpf() says in a fresh process, which also loads a BPF object with it. */
function loadElsewhere(index: string, env: NodeJS.ProcessEnv): Record<string, unknown> {
  const code = `
    import { loadLibbpf } from ${JSON.stringify(index)};
    let said;
    try {
      const { path, source, version, skipped, open } = loadLibbpf();
      const object = open(${JSON.stringify(fixture)});
      object.load();
      said = { path, source, version, skipped, retval: object.program("feed").testRun([0n, 1n]).retval };
    } catch ({ code, message, log }) {
      said = { code, message, log };
    }
    console.log(JSON.stringify(said));`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "-e", code],
    { encoding: "utf8", cwd: repository, env: { PATH: process.env.PATH, ...env } },
  );
  assert.equal(stderr, "");
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Builds the platform package into `into`, as `npm run build:libbpf` does. */
function buildPlatform(into: string): void {
  const script = join(repository, "packages/libbpf/scripts/build-platform.js");
  const { status, stderr } = spawnSync(process.execPath, [script, "--out", into], { encoding: "utf8" });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
}

test("a file that only root can change is taken, by its real path", () => {
  const file = join(directory, "good.so");
  writeFileSync(file, "");
  symlinkSync(file, join(directory, "link.so"));
  assert.deepEqual(candidates(environment(join(directory, "link.so"))), [{ source: "environment", file }]);
});

test("a file that others can change is refused, and so is one in a directory of theirs", () => {
  const theirs = join(directory, "theirs");
  mkdirSync(theirs);
  const file = join(theirs, "libbpf.so");
  writeFileSync(file, "");
  const take = (): unknown => candidates(environment(file));
  assert.doesNotThrow(take);
  chmodSync(file, 0o664);
  assert.throws(
    take,
    refused("LIBBPF_UNTRUSTED", /libbpf\.so is writable by others than root \(mode 0664\)/),
  );
  chmodSync(file, 0o646);
  assert.throws(take, refused("LIBBPF_UNTRUSTED", /mode 0646/));
  chmodSync(file, 0o644);
  chownSync(file, 65534, 65534);
  assert.throws(take, refused("LIBBPF_UNTRUSTED", /libbpf\.so belongs to uid 65534, not to root/));
  chownSync(file, 0, 0);
  chmodSync(theirs, 0o1777);
  assert.throws(take, refused("LIBBPF_UNTRUSTED", /theirs is writable by others than root \(mode 1777\)/));
  chmodSync(theirs, 0o755);
  chownSync(theirs, 65534, 65534);
  assert.throws(take, refused("LIBBPF_UNTRUSTED", /theirs belongs to uid 65534/));
  symlinkSync(file, join(directory, "to-theirs.so"));
  const link = environment(join(directory, "to-theirs.so"));
  assert.throws(() => candidates(link), refused("LIBBPF_UNTRUSTED", /theirs belongs to uid 65534/));
});

test("a path that is relative or leads nowhere is refused, an empty one is none", () => {
  assert.throws(
    () => candidates(environment("libbpf.so.1")),
    refused("LIBBPF_UNTRUSTED", /not an absolute path/),
  );
  assert.throws(
    () => candidates(environment("/nonexistent/libbpf.so")),
    refused("LIBBPF_NOT_FOUND", /nonexistent/),
  );
  assert.deepEqual(candidates(environment("")), candidates({}));
  assert.equal(candidates({}).at(-1)?.file, "libbpf.so.1");
});

test("the error of a machine without libbpf says where to get one", () => {
  const { code, message } = notFound(["system libbpf.so.1: no such file"]);
  assert.equal(code, "LIBBPF_NOT_FOUND");
  for (const part of ["KEYHOLE_LIBBPF", platformPackage(), "libbpf.so.1: no such file"])
    assert.ok(message.includes(part));
  for (const manager of ["apt install", "dnf install", "apk add", "zypper install", "pacman -S"]) {
    assert.ok(message.includes(manager), manager);
  }
});

test("a file that is no libbpf is refused in words", () => {
  const text = join(directory, "text.so");
  writeFileSync(text, "not a library");
  const { code, message } = loadElsewhere(join(source, "index.ts"), environment(text));
  assert.equal(code, "LIBBPF_NOT_FOUND");
  assert.match(String(message), /environment .*text\.so: .*(invalid ELF header|file too short)/);
  const libc = readFileSync("/proc/self/maps", "utf8").match(/\S+\/libc\.so\.6$/m)?.[0] ?? "";
  const other = loadElsewhere(join(source, "index.ts"), environment(libc));
  assert.equal(other.code, "LIBBPF_UNSUPPORTED");
  assert.match(String(other.message), /libc\.so\.6 is not libbpf 1\.0 or newer/);
});

test("the system's library is the one that ldconfig knows", () => {
  const modules = installation("system-only");
  const { source, path, version, skipped, retval } = loadElsewhere(modules, {});
  const { stdout } = spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
  const listed = /libbpf\.so\.1 .* => (.+)/.exec(stdout)?.[1] ?? "";
  assert.deepEqual([source, path, retval], ["system", realpathSync(listed), 42]);
  assert.ok(realpathSync(listed).endsWith(`libbpf.so.${version}`));
  assert.match(String(skipped), /package @keyhole\/libbpf-linux-\w+: not installed/);
});

test("the built platform package is self-contained, and is preferred to the system's library", () => {
  const modules = installation("with-package");
  const platform = join(directory, "with-package/node_modules", platformPackage());
  cpSync(
    join(repository, "packages", platformPackage().replace("@keyhole/", ""), "package.json"),
    join(platform, "package.json"),
  );
  buildPlatform(platform);
  const file = join(platform, "lib/libbpf.so");

  const { stdout } = spawnSync("ldd", [file], { encoding: "utf8" });
  const needed = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(" ")[0] ?? "");
  for (const name of needed) assert.match(name, /^(linux-vdso\.so\.1|lib[cm]\.so\.6|(\/.*\/)?ld-linux-.*)$/);
  const symbols = spawnSync("nm", ["--dynamic", "--defined-only", file], { encoding: "utf8" }).stdout;
  assert.match(symbols, / T bpf_object__open_file\n/);
  assert.doesNotMatch(symbols, / T (elf_|inflate|crc32|hashmap__)/);

  const versions = JSON.parse(readFileSync(join(platform, "versions.json"), "utf8")) as Record<
    string,
    string
  >;
  const packaged = spawnSync("pkg-config", ["--modversion", "libelf", "zlib"], {
    encoding: "utf8",
  }).stdout.split("\n");
  assert.deepEqual([versions.libelf, versions.zlib], packaged.slice(0, 2));
  for (const name of readdirSync(join(platform, "LICENSES"))) assert.ok(name in versions);
  assert.match(readFileSync(join(platform, "LICENSES/libbpf"), "utf8"), /BSD-2-Clause/);

  const said = loadElsewhere(modules, {});
  assert.deepEqual(said, {
    path: file,
    source: "package",
    version: versions.libbpf,
    skipped: [],
    retval: 42,
  });
  const named = loadElsewhere(modules, environment(file));
  assert.deepEqual([named.source, named.path, named.retval], ["environment", file, 42]);
  rmSync(file);
  assert.equal(loadElsewhere(modules, {}).source, "system");
});

/** This package as npm would install it, without a platform package; returns its index file. */
function installation(name: string): string {
  const modules = join(directory, name, "node_modules");
  const target = join(modules, "@keyhole/libbpf");
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, join(target, "src"), { recursive: true });
  writeFileSync(join(target, "package.json"), JSON.stringify({ name: "@keyhole/libbpf", type: "module" }));
  symlinkSync(join(repository, "node_modules/koffi"), join(modules, "koffi"));
  assert.ok(existsSync(join(target, "src/index.ts")));
  return join(target, "src/index.ts");
}
