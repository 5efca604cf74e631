import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import type { BinaryId } from "../capture/opens.js";
import type { HostPath } from "../kernel/host-path.js";
import { parseMountinfo } from "../kernel/mountinfo.js";

/** Where distributions and runtimes' own packages put them. */
const DIRECTORIES = [
  ...["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/libexec"],
  ...["/opt/bin", "/opt/containerd/bin", "/opt/kata/bin", "/usr/libexec/podman", "/usr/libexec/crio"],
  ...["/usr/libexec/docker", "/usr/lib/cri-o-runc/sbin", "/var/lib/rancher/k3s/data/current/bin"],
  "/snap/docker/current/bin",
];

/** What the kernel runs as the host's root to make containers, or to enter them. */
const NAMES =
  /^(?:runc|crun|youki|runsc|kata-runtime|containerd|containerd-shim.*|dockerd|docker-init|docker-proxy|podman|conmon|crio|crio-.*|kubelet|k3s|lxc-start|systemd-nspawn)$/;

/** include/uapi/asm-generic/fcntl.h */
const O_PATH = 0o10000000;
const MAX_LINKS = 16;

/**
 * The programs of container runtimes below the host's root, as the kernel has them. stat(2) tells another device than that
 * of the superblock where a file system has subvolumes: the mount that the file is on says which.
 */
export function runtimeBinaries(host: HostPath): BinaryId[] {
  const devices = new Map(
    parseMountinfo(readFileSync("/proc/self/mountinfo")).map(({ id, dev }) => [String(id), dev]),
  );
  const found = new Map<string, BinaryId>();
  for (const directory of DIRECTORIES) {
    for (const name of namesIn(host, directory)) {
      const id = NAMES.test(name) ? identify(host, `${directory}/${name}`, devices) : null;
      if (id !== null) found.set(`${id.dev}:${id.inode}`, id);
    }
  }
  return [...found.values()];
}

function namesIn(host: HostPath, directory: string): string[] {
  try {
    return readdirSync(host.root + resolve(host, directory));
  } catch {
    // most of them are on no node
    return [];
  }
}

function identify(host: HostPath, path: string, devices: ReadonlyMap<string, string>): BinaryId | null {
  let fd: number | null = null;
  try {
    fd = openSync(host.root + resolve(host, path), O_PATH);
    const { ino } = fstatSync(fd, { bigint: true });
    const mount = /^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
    const [major, minor] = (devices.get(mount ?? "") ?? "").split(":").map(Number);
    if (major === undefined || minor === undefined) return null;
    return { dev: ((major << 20) | minor) >>> 0, inode: ino };
  } catch {
    return null;
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** Where a path leads on the host: an absolute link starts from its root, wherever that is mounted. */
function resolve(host: HostPath, path: string): string {
  let done = "";
  let rest = path.split("/").filter((name) => name !== "");
  for (let links = 0; rest.length > 0; ) {
    const [name, ...more] = rest;
    rest = more;
    const here = posix.join(done, name!);
    const link = linkAt(`${host.root}/${here}`);
    if (link === null || links++ >= MAX_LINKS) {
      done = `/${here.replace(/^\//, "")}`;
      continue;
    }
    rest = [...link.split("/").filter((part) => part !== ""), ...rest];
    if (link.startsWith("/")) done = "";
  }
  return done;
}

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
