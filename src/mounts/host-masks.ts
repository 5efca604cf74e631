import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";
import { type Mount, readMountinfo } from "../kernel/mountinfo.js";
import { MountTree } from "./mount-tree.js";

/** What the host's own files tell of a thing that was bound over a path; null where they do not tell. */
export type HostProof = "null-device" | "empty" | "content" | null;

/** Directories of runtimes below /run of which a mask can be bound: crun's shared empty one, systemd's inaccessible nodes. */
const RUNTIME_PLACES = /^\/(?:crun|user\/\d+\/crun|systemd\/inaccessible|host\/inaccessible)\/[^/]+$/;

/** Answers that are kept: there are as many sources of masks as runtimes on a host. */
const CAPACITY = 64;

/**
 * Proves on the host's files, not on a container's, what masks show. Only two places of the host are ever looked at: its
 * /dev/null, and what runtimes keep below its /run.
 */
export class HostMasks {
  readonly #host: HostPath;
  /** Device number of the superblock of the host's null device. */
  readonly #nullDev: string | null;
  readonly #runDev: string | null;
  readonly #answers = new Map<string, HostProof>();

  constructor(host: HostPath) {
    this.#host = host;
    this.#nullDev = readNullDev(host);
    const mounts = readMountinfo(host, 1);
    const run = mounts === null ? null : new MountTree(mounts).lookup("/run");
    this.#runDev = run?.point === "/run" && run.root === "/" ? run.dev : null;
  }

  /** What `mount` shows. */
  prove({ dev, root, fsType }: Pick<Mount, "dev" | "root" | "fsType">): HostProof {
    // there is one devtmpfs, and the kernel makes its nodes (drivers/base/devtmpfs.c)
    if (fsType === "devtmpfs" && root === "/null" && this.#nullDev !== null)
      return dev === this.#nullDev ? "null-device" : "content";
    if (fsType !== "tmpfs" || dev !== this.#runDev || !RUNTIME_PLACES.test(root)) return null;
    const known = this.#answers.get(root);
    if (known !== undefined) return known;
    const proof = look(this.#host.path("run", root.slice(1)), dev);
    if (this.#answers.size < CAPACITY) this.#answers.set(root, proof);
    return proof;
  }
}

function readNullDev(host: HostPath): string | null {
  const status = statusOf(host.path("dev", "null"));
  return status !== null && isNullDevice(status) ? devOf(status.dev) : null;
}

function look(path: string, dev: string): HostProof {
  const status = statusOf(path);
  if (status === null || devOf(status.dev) !== dev) return null;
  if (isNullDevice(status)) return "null-device";
  try {
    if (status.isDirectory()) return readdirSync(path).length === 0 ? "empty" : "content";
  } catch {
    return null;
  }
  // a file, node or socket that nobody may open
  return (status.mode & 0o777n) === 0n ? "empty" : "content";
}

function statusOf(path: string): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return null;
  }
}

/** The device 1:3 (Documentation/admin-guide/devices.txt). */
function isNullDevice(status: BigIntStats): boolean {
  return status.isCharacterDevice() && devOf(status.rdev) === "1:3";
}

/** major:minor of what stat(2) tells, as makedev(3) packs it. */
function devOf(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor & 0xffffffffn}`;
}
