import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Entry, writeCpio } from "./cpio.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Debian's own: the guest has no ld.so.cache. */
const LIBRARIES = "/usr/lib/x86_64-linux-gnu";

/**
 * The root of a guest lies in this folder of the initramfs; init.sh makes it the root. pivot_root(2) and
 * listmount(2) do not work from the kernel's own rootfs.
 */
const SYSTEM = "/system";

/** What an npm package has beside what is run. */
const NOT_RUN = /\.(map|md|ts|tsbuildinfo)$|(?<!dist)\/(docs?|test)$/;

/** TypeScript is an optional peer of valibot; the agent never loads it. */
const NOT_NEEDED = /node_modules\/(typescript$|@typescript\/)/;

/** Files of the host that go into a guest, beside the agent itself. */
export interface GuestPrograms {
  /** A static busybox. */
  readonly busybox: string;
  /** Programs without shared objects that go into /bin. */
  readonly programs: readonly string[];
}

/**
 * Writes the initramfs of a guest to `file`: Node and libbpf of this system, busybox, the built agent with its
 * production dependencies, and the scripts of this folder. Throws where one of them is missing.
 */
export function writeInitramfs(file: string, programs: GuestPrograms): void {
  const tree = new Tree();
  tree.file("/init", join(HERE, "init.sh"), true);
  tree.folder("/proc");
  tree.file(`${SYSTEM}/guest.sh`, join(HERE, "guest.sh"), true);
  tree.file(`${SYSTEM}/bin/busybox`, programs.busybox, true);
  tree.link(`${SYSTEM}/bin/sh`, "busybox");
  for (const program of programs.programs) tree.file(`${SYSTEM}/bin/${basename(program)}`, program, true);
  for (const folder of ["proc", "sys", "dev", "tmp", "run", "mnt", "results"]) {
    tree.folder(`${SYSTEM}/${folder}`);
  }
  addNode(tree);
  addAgent(tree);
  writeCpio(file, tree.entries);
}

function addNode(tree: Tree): void {
  tree.file(`${SYSTEM}/bin/node`, realpathSync(process.execPath), true);
  const libbpf = join(LIBRARIES, "libbpf.so.1");
  const needed = [process.execPath, libbpf].flatMap(sharedObjects);
  for (const path of new Set([libbpf, ...needed])) tree.file(`${SYSTEM}${path}`, path, true);
}

/** The absolute paths of the shared objects that `program` needs, the dynamic linker included: ldd(1). */
function sharedObjects(program: string): string[] {
  const text = execFileSync("ldd", [program], { encoding: "utf8" });
  return [...text.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
}

function addAgent(tree: Tree): void {
  const agent = `${SYSTEM}/keyhole`;
  tree.file(`${agent}/package.json`, join(ROOT, "package.json"), false);
  tree.all(`${agent}/dist`, join(ROOT, "dist"));
  tree.all(`${agent}/bpf/x64`, join(ROOT, "bpf/x64"));
  tree.all(`${agent}/src/exposures/catalogue`, join(ROOT, "src/exposures/catalogue"));
  for (const folder of productionPackages()) {
    const path = relative(ROOT, folder);
    tree.all(`${agent}/${path}`, realpathSync(folder));
  }
}

/** Folders of the packages that `dist` can import, as npm sees them. */
function productionPackages(): string[] {
  const text = execFileSync("npm", ["ls", "--omit=dev", "--all", "--parseable"], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const folders = text.split("\n").filter((line) => line.includes("node_modules/") && !NOT_NEEDED.test(line));
  if (folders.length === 0) throw new Error("no dependencies are installed: run npm ci");
  return folders;
}

/** The entries of an archive, each folder before what is in it. */
class Tree {
  readonly entries: Entry[] = [];
  readonly #folders = new Set(["/"]);

  folder(path: string): void {
    if (this.#folders.has(path)) return;
    this.folder(posix.dirname(path));
    this.#folders.add(path);
    this.entries.push({ path, kind: "folder" });
  }

  link(path: string, target: string): void {
    this.folder(posix.dirname(path));
    this.entries.push({ path, kind: "link", target });
  }

  file(path: string, from: string, executable: boolean): void {
    if (!existsSync(from)) throw new Error(`${from} is not there`);
    this.folder(posix.dirname(path));
    this.entries.push({ path, kind: "file", from, executable });
  }

  /** What is run of the folder `from`, its own node_modules left out: npm names those by themselves. */
  all(path: string, from: string): void {
    this.folder(path);
    for (const name of readdirSync(from)) {
      const file = join(from, name);
      if (name === "node_modules" || NOT_RUN.test(file)) continue;
      if (statSync(file).isDirectory()) this.all(`${path}/${name}`, file);
      else this.file(`${path}/${name}`, file, false);
    }
  }
}
