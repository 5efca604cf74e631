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
import { join } from "node:path";
import { cachePath } from "../../scripts/cache.js";
import { apt, DEBIAN_KEYRING, debianMirror } from "../../scripts/debian.js";

/** A kernel that the agent is run on. */
export interface Kernel {
  /** What it is asked for by, e.g. `6.1`. */
  readonly name: string;
  /** Debian's release that has it, and the archive of that release: security updates lie in one of their own. */
  readonly suite: string;
  readonly archive: "debian" | "debian-security";
  /** Run only when it is asked for: a release candidate that Debian has now and then. */
  readonly onDemand?: true;
}

/** The long-term kernels of Debian's releases, oldest first, the newest of all, and the one after it. */
export const KERNELS: readonly Kernel[] = [
  { name: "5.10", suite: "bullseye-security", archive: "debian-security" },
  { name: "6.1", suite: "bookworm", archive: "debian" },
  { name: "6.12", suite: "trixie", archive: "debian" },
  { name: "newest", suite: "sid", archive: "debian" },
  { name: "next", suite: "experimental", archive: "debian", onDemand: true },
];

const BUSYBOX_SUITE = "bookworm";
/** Of amd64 on any host: the guests are emulated. */
const ARCHITECTURE = "amd64";

/** The part of Debian's archive that packages are fetched from, with lists of packages of its own. */
export class Archive {
  readonly #work: string;
  readonly #config: string;

  /**
   * Fetches the lists of packages of one release. The system's apt is not touched; {@link close} removes all
   * of it. Throws with apt's words where that fails.
   */
  constructor(suite: string, archive: Kernel["archive"]) {
    this.#work = mkdtempSync(join(tmpdir(), "keyhole-guests-"));
    // apt reads and writes here as its own user _apt
    chmodSync(this.#work, 0o755);
    this.#config = join(this.#work, "apt.conf");
    try {
      for (const folder of ["state/lists/partial", "cache/archives/partial", "debs"]) {
        mkdirSync(join(this.#work, folder), { recursive: true });
      }
      const mirror = debianMirror().replace(/debian\/?$/, archive);
      const source = `deb [arch=${ARCHITECTURE} signed-by=${DEBIAN_KEYRING}] ${mirror} ${suite} main\n`;
      writeFileSync(join(this.#work, "sources.list"), source);
      writeFileSync(this.#config, privateApt(this.#work));
      apt("apt-get", ["-c", this.#config, "update"]);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The names of all packages that begin with `prefix`, in no order. */
  names(prefix: string): string[] {
    return apt("apt-cache", ["-c", this.#config, "pkgnames", prefix]).split("\n").filter(Boolean);
  }

  /** The version of the newest `name`, or null where the release has none. */
  version(name: string): string | null {
    const shown = apt("apt-cache", ["-c", this.#config, "policy", name]);
    const version = /^ {2}Candidate: (\S+)$/m.exec(shown)?.[1];
    return version === undefined || version === "(none)" ? null : version;
  }

  /** The packages that `name` names in its Depends, alternatives left out. */
  depends(name: string): string[] {
    const shown = apt("apt-cache", ["-c", this.#config, "depends", name]);
    return [...shown.matchAll(/^ {2}Depends: (\S+)$/gm)].map(([, dependency]) => dependency!);
  }

  /** Unpacks the package `name` into the folder `target`, which is made. */
  unpack(name: string, target: string): void {
    const debs = join(this.#work, "debs");
    const before = new Set(readdirSync(debs));
    apt("apt-get", ["-c", this.#config, "download", name], { cwd: debs });
    mkdirSync(target, { recursive: true });
    for (const file of readdirSync(debs)) {
      if (!before.has(file)) apt("dpkg-deb", ["-x", join(debs, file), target]);
    }
  }

  close(): void {
    rmSync(this.#work, { recursive: true, force: true });
  }
}

/** apt.conf(5) of an apt that shares nothing with the system's. */
function privateApt(work: string): string {
  return `
APT::Architecture "${ARCHITECTURE}";
APT::Architectures "${ARCHITECTURE}";
Acquire::Languages "none";
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

/**
 * The path of the compressed image of `kernel`: what its release has now, or, with `cached`, the one that was
 * fetched last where there is one. Throws where it cannot be had, with the reason.
 */
export function kernelImage(kernel: Kernel, cached: boolean): string {
  const folder = cachePath(`guests/${kernel.name}`);
  const kept = existsSync(folder) ? findImage(folder) : null;
  if (cached && kept !== null) return kept;
  const archive = new Archive(kernel.suite, kernel.archive);
  try {
    const { image, version } = newestImage(archive, kernel);
    const target = join(folder, version);
    if (!existsSync(target)) {
      const unfinished = `${folder}.new`;
      rmSync(unfinished, { recursive: true, force: true });
      // since 7.x the image is in a package of its own
      const binary = archive.depends(image).filter((name) => name.startsWith("linux-binary-"));
      for (const name of [image, ...binary]) archive.unpack(name, unfinished);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      renameSync(unfinished, target);
    }
    const path = findImage(target);
    if (path === null) throw new Error(`${image} of Debian ${kernel.suite} has no vmlinuz`);
    return path;
  } finally {
    archive.close();
  }
}

/** The package with the newest kernel for virtual machines: what the meta package depends on. */
function newestImage(archive: Archive, { suite }: Kernel): { image: string; version: string } {
  const image = archive
    .depends(`linux-image-cloud-${ARCHITECTURE}`)
    .find((name) => name.startsWith("linux-image-"));
  const version = image === undefined ? null : archive.version(image);
  if (image === undefined || version === null) throw new Error(`Debian ${suite} has no cloud kernel`);
  return { image, version };
}

function findImage(folder: string): string | null {
  const name = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((path) =>
    /(^|\/)vmlinuz[^/]*$/.test(path),
  );
  return name === undefined ? null : join(folder, name);
}

/** The path of a static busybox, fetched once. Throws where it cannot be had. */
export function busybox(): string {
  const folder = cachePath("guests/busybox");
  const program = join(folder, "bin/busybox");
  if (existsSync(program)) return program;
  const archive = new Archive(BUSYBOX_SUITE, "debian");
  try {
    archive.unpack("busybox-static", `${folder}.new`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(`${folder}.new`, folder);
  } finally {
    archive.close();
  }
  return program;
}
