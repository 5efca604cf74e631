import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseMountinfo } from "../../../src/kernel/mountinfo.js";
import { writeNetwork } from "./cni.js";
import { Cri } from "./cri.js";
import { type ImageConfig, saveImage } from "./image.js";

/** Milliseconds; nothing is measured with them. */
const PATIENCE = 90_000;
const STEP = 20;

const PAUSE_IMAGE = "keyhole.test/pause:1";
/** The namespace of containerd in which the CRI keeps all that it makes. */
const CRI_NAMESPACE = "k8s.io";

/** Where shims of every containerd keep their sockets and runc its states; the last is the parent of both. */
const SHARED = [
  "/run/containerd/s",
  "/run/containerd/runc/k8s.io",
  "/run/containerd/runc",
  "/run/containerd",
];

/** Waits until it is told to end; `read FILE` and `write FILE` open one instead. */
const PROGRAM = `
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static void end(int number) { _exit(0); }
int main(int argc, char **argv) {
  char byte;
  if (argc == 3) {
    int fd = open(argv[2], strcmp(argv[1], "write") == 0 ? O_WRONLY : O_RDONLY);
    if (fd < 0 || (strcmp(argv[1], "read") == 0 && read(fd, &byte, 1) < 0)) {
      perror(argv[2]);
      return 1;
    }
    return 0;
  }
  if (argc == 2) return puts(argv[1]) < 0;
  signal(SIGTERM, end);
  signal(SIGINT, end);
  for (;;) pause();
}
`;

/** A containerd of its own with the CRI, and images for it. Everything it made is gone after {@link stop}. */
export class Containerd {
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #socket: string;
  #cri: Cri | undefined;
  readonly #shared = SHARED.filter((directory) => !existsSync(directory));

  /** Starts it, with the image of the sandboxes. */
  static async start(): Promise<Containerd> {
    assert.equal(process.getuid?.(), 0, "containers need root");
    for (const program of ["containerd", "ctr", "containerd-shim-runc-v2", "runc"])
      assert.ok(isInPath(program), `${program} is not installed: node scripts/system.js test`);
    const directory = mkdtempSync(join(tmpdir(), "keyhole-pods-"));
    const containerd = new Containerd(directory);
    try {
      await containerd.#until("containerd's socket", async () => existsSync(containerd.#socket));
      const source = join(directory, "program.c");
      writeFileSync(source, PROGRAM);
      execFileSync("gcc", ["-static", "-Os", "-o", join(directory, "program"), source]);
      await containerd.importProgram(PAUSE_IMAGE);
      return containerd;
    } catch (error) {
      await containerd.stop();
      throw error;
    }
  }

  private constructor(directory: string) {
    this.directory = directory;
    this.#socket = join(directory, "containerd.sock");
    const file = join(directory, "config.toml");
    const network = writeNetwork(directory);
    writeFileSync(
      file,
      `version = 2
root = "${join(directory, "root")}"
state = "${join(directory, "state")}"
disabled_plugins = ["io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "${this.#socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(directory, "opt")}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${network.binaries}"
    conf_dir = "${network.configuration}"
`,
    );
    const log = openSync(this.#log, "w");
    this.#child = spawn("containerd", ["--config", file], { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#exited = once(this.#child, "close");
  }

  get cri(): Cri {
    this.#cri ??= new Cri(this.#socket);
    return this.#cri;
  }

  /** Gives it an image that has nothing but /program, which its containers run. */
  async importProgram(name: string): Promise<void> {
    const rootfs = join(this.directory, "rootfs");
    mkdirSync(rootfs);
    copyFileSync(join(this.directory, "program"), join(rootfs, "program"));
    // two images with the same content are one image with two names
    writeFileSync(join(rootfs, "name"), name);
    await this.import(name, rootfs, { Entrypoint: ["/program"] });
    rmSync(rootfs, { recursive: true });
  }

  /** Gives it an image whose only layer is `rootfs`. */
  async import(name: string, rootfs: string, config: ImageConfig): Promise<void> {
    const file = join(this.directory, "image.tar");
    await saveImage(file, name, rootfs, config);
    execFileSync("ctr", ["--address", this.#socket, "--namespace", CRI_NAMESPACE, "images", "import", file], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    rmSync(file);
    // the CRI hears of it by an event
    await this.#until(`the image ${name}`, () => this.cri.hasImage(name));
  }

  /** Ends it. What it ran has to be removed before. */
  async stop(): Promise<void> {
    this.#cri?.close();
    this.#child.kill("SIGTERM");
    await this.#exited;
    // backwards: what was mounted last may be on what was mounted first
    for (const { point } of parseMountinfo(readFileSync("/proc/self/mountinfo")).reverse())
      if (point.startsWith(`${this.directory}/`)) execFileSync("umount", [point]);
    rmSync(this.directory, { recursive: true, force: true });
    for (const directory of this.#shared) removeEmpty(directory);
  }

  get #log(): string {
    return join(this.directory, "log");
  }

  async #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!(await condition())) {
      const log = () => readFileSync(this.#log, "utf8");
      assert.equal(this.#child.exitCode, null, `containerd ended: ${log()}`);
      assert.ok(performance.now() < deadline, `no sign of ${what}: ${log()}`);
      await sleep(STEP);
    }
  }
}

function isInPath(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((directory) => existsSync(join(directory, program)));
}

/** Another containerd may use it by now. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "ENOENT") throw error;
  }
}
