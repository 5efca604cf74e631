import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/** What differs from the container that `runc spec` describes. */
export interface BundleOptions {
  /** No masked and no read-only paths. */
  readonly unmasked?: boolean;
  /** The host's pid namespace. */
  readonly hostPid?: boolean;
  /** Path of the pid namespace that it joins instead of having its own. */
  readonly pidNamespace?: string;
  /** The host's /proc at this directory of the container. */
  readonly bindHostProc?: string;
  /** Whether that bind is read-only. */
  readonly bindReadonly?: boolean;
  /** A user namespace whose root is the host's uid 100000. */
  readonly userns?: boolean;
  /** Left out of the masked paths. */
  readonly withoutMasks?: readonly string[];
  /** Left out of the read-only paths. */
  readonly withoutReadonly?: readonly string[];
  /** Bounding, effective and permitted capabilities; default those of `runc spec`. */
  readonly capabilities?: readonly string[];
  /** Default: a program that waits for a signal. */
  readonly args?: readonly string[];
  /** Executables that are put at the top of the container's root. */
  readonly programs?: readonly string[];
  /** Directories and empty files of its root, for what the specification mounts: a user namespace cannot make them. */
  readonly directories?: readonly string[];
  readonly files?: readonly string[];
  /** What else differs. */
  readonly edit?: (spec: Spec) => void;
}

/** The members of a config.json that tests change. */
export interface Spec {
  hostname?: string;
  process: {
    terminal: boolean;
    args: readonly string[];
    capabilities: Record<string, readonly string[]>;
    user: { uid: number; gid: number };
  };
  mounts: { destination: string; type: string; source: string; options?: readonly string[] }[];
  linux: {
    namespaces: { type: string; path?: string }[];
    maskedPaths: string[];
    readonlyPaths: string[];
    uidMappings?: object[];
    gidMappings?: object[];
  };
}

/** Waits; at SIGUSR1 it unmounts its first argument and makes the second one, a mount, writable. */
const PAUSE = `
#include <signal.h>
#include <sys/mount.h>
int main(int argc, char **argv) {
  sigset_t set;
  int received;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  for (;;) {
    if (sigwait(&set, &received) != 0 || argc != 3) continue;
    if (umount2(argv[1], 0) != 0 || mount(0, argv[2], 0, MS_REMOUNT | MS_BIND, 0) != 0) return 1;
  }
}
`;

/** Containers that run for real, under runc. Everything it made is gone after `[Symbol.dispose]()`. */
export class Bundles {
  readonly #directory = mkdtempSync(join(tmpdir(), "keyhole-runc-"));
  readonly #ids: string[] = [];

  constructor() {
    const source = join(this.#directory, "pause.c");
    writeFileSync(source, PAUSE);
    execFileSync("gcc", ["-static", "-Os", "-o", join(this.#directory, "pause"), source]);
  }

  /** Starts a container and returns its init's pid. */
  run(id: string, options: BundleOptions = {}): number {
    return this.start(id, this.prepare(id, options));
  }

  /** Makes a bundle, whose path it returns; containers of other ids can be started from it one after another. */
  prepare(name: string, options: BundleOptions = {}): string {
    const bundle = join(this.#directory, name);
    const rootfs = join(bundle, "rootfs");
    const { directories = [], files = [] } = options;
    for (const directory of ["proc", "sys", "dev", "tmp", `.${options.bindHostProc ?? ""}`, ...directories]) {
      mkdirSync(join(rootfs, directory), { recursive: true });
    }
    for (const file of files) writeFileSync(join(rootfs, file), "");
    for (const program of [join(this.#directory, "pause"), ...(options.programs ?? [])]) {
      cpSync(program, join(rootfs, basename(program)));
    }
    execFileSync("runc", ["spec"], { cwd: bundle });
    const config = join(bundle, "config.json");
    const spec = JSON.parse(readFileSync(config, "utf8")) as Spec;
    adapt(spec, options);
    writeFileSync(config, JSON.stringify(spec));
    if (options.userns === true) execFileSync("chmod", ["-R", "a+rX", this.#directory]);
    return bundle;
  }

  /** Starts a container from a bundle and returns its init's pid. */
  start(id: string, bundle: string): number {
    this.#ids.push(id);
    // The container inherits what stands for its terminal, so that this may not be a pipe that is waited for.
    execFileSync("runc", ["run", "--detach", "--bundle", bundle, id], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    const state = JSON.parse(execFileSync("runc", ["state", id], { encoding: "utf8" })) as { pid: number };
    return state.pid;
  }

  /** Ends a container and waits until it has. */
  stop(id: string): void {
    execFileSync("runc", ["delete", "--force", id]);
    this.#ids.splice(this.#ids.indexOf(id), 1);
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#ids]) {
      try {
        this.stop(id);
      } catch (error) {
        process.stderr.write(`cannot remove container ${id}: ${String(error)}\n`);
      }
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function adapt(spec: Spec, options: BundleOptions): void {
  const { process, linux, mounts } = spec;
  process.terminal = false;
  process.args = options.args ?? ["/pause"];
  if (options.capabilities !== undefined) {
    for (const set of ["bounding", "effective", "permitted"])
      process.capabilities[set] = options.capabilities;
  }
  const { withoutMasks = [], withoutReadonly = [], unmasked = false } = options;
  linux.maskedPaths = linux.maskedPaths.filter((path) => !unmasked && !withoutMasks.includes(path));
  linux.readonlyPaths = linux.readonlyPaths.filter((path) => !unmasked && !withoutReadonly.includes(path));
  if (options.hostPid === true) linux.namespaces = linux.namespaces.filter(({ type }) => type !== "pid");
  const { pidNamespace } = options;
  if (pidNamespace !== undefined) {
    linux.namespaces = linux.namespaces.map((namespace) =>
      namespace.type === "pid" ? { ...namespace, path: pidNamespace } : namespace,
    );
  }
  if (options.bindHostProc !== undefined) {
    mounts.push({
      destination: options.bindHostProc,
      type: "bind",
      source: "/proc",
      options: ["bind", options.bindReadonly === true ? "ro" : "rw"],
    });
  }
  if (options.userns === true) {
    linux.namespaces.push({ type: "user" });
    linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  }
  options.edit?.(spec);
}
