import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BASE, type Container, environmentOf, type PodSpec, ROOT } from "../../deploy/manifests.js";

interface Mount {
  destination: string;
  type: string;
  source: string;
  options: readonly string[];
}

interface Spec {
  process: {
    terminal: boolean;
    cwd: string;
    args: readonly string[];
    env: readonly string[];
    user: { uid: number; gid: number };
    noNewPrivileges: boolean;
    capabilities: Record<string, readonly string[]>;
  };
  root: { path: string; readonly: boolean };
  mounts: Mount[];
  linux: { namespaces: { type: string }[]; seccomp?: object };
}

/** Directories of this system that stand for the image's base: node and what it is linked to. */
const SYSTEM = ["/usr", "/lib", "/lib64"];
const APP = "/app";
export const TOKEN = "a-token-for-this-test-only";

/**
 * What the default profiles of Docker and containerd keep from a process with CAP_BPF, CAP_PERFMON and
 * CAP_SYS_PTRACE but without CAP_SYS_ADMIN; all else is allowed here. clone3 has to say ENOSYS.
 */
const SECCOMP = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [
    {
      names: [
        ...["mount", "umount2", "fsopen", "fspick", "fsconfig", "fsmount", "move_mount", "open_tree"],
        ...["mount_setattr", "setns", "unshare", "open_by_handle_at", "pivot_root", "chroot", "syslog"],
        ...["io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "userfaultfd"],
        ...["init_module", "finit_module", "kexec_load", "swapon", "reboot", "fanotify_init", "quotactl"],
      ],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 1,
    },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
  ],
};

/** The agent in a container of runc that has what the DaemonSet's pod has, and nothing else. */
export class Pod {
  readonly id = `keyhole-pod-${process.pid}`;
  readonly environment: Readonly<Record<string, string>>;
  readonly #directory = mkdtempSync(join(tmpdir(), "keyhole-pod-"));
  readonly #log = join(this.#directory, "log");

  constructor(pod: PodSpec) {
    const [container] = pod.containers;
    this.environment = environmentOf(container!, {
      "spec.nodeName": "worker-1",
      "status.podIP": "127.0.0.1",
    });
    const bundle = join(this.#directory, "bundle");
    mkdirSync(join(bundle, "rootfs"), { recursive: true });
    execFileSync("runc", ["spec"], { cwd: bundle });
    const file = join(bundle, "config.json");
    const spec = JSON.parse(readFileSync(file, "utf8")) as Spec;
    this.#adapt(spec, pod, container!);
    writeFileSync(file, JSON.stringify(spec));
    const run = spawn(
      "sh",
      ["-c", `exec runc run --detach --bundle "$1" "$2" >"$3" 2>&1`, "sh", bundle, this.id, this.#log],
      { stdio: "ignore" },
    );
    run.unref();
  }

  /** What the agent and runc wrote to stdout and stderr. */
  get output(): string {
    // the shell that runs runc makes it
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8") : "";
  }

  /** The pid of the container's first process. */
  get pid(): number {
    return (JSON.parse(execFileSync("runc", ["state", this.id], { encoding: "utf8" })) as { pid: number })
      .pid;
  }

  /** Runs another command of Keyhole in the container, with the same privileges; returns its stdout. */
  keyhole(...args: readonly string[]): string {
    return execFileSync("runc", ["exec", this.id, process.execPath, `${APP}/dist/keyhole.js`, ...args], {
      encoding: "utf8",
    });
  }

  [Symbol.dispose](): void {
    execFileSync("runc", ["delete", "--force", this.id]);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #adapt(spec: Spec, pod: PodSpec, { args, securityContext, volumeMounts }: Container): void {
    const { process: first, root, mounts, linux } = spec;
    first.terminal = false;
    first.cwd = APP;
    first.args = [process.execPath, "dist/keyhole.js", ...args];
    first.env = [
      "PATH=/usr/bin",
      ...Object.entries(this.environment).map(([name, value]) => `${name}=${value}`),
    ];
    first.user = { uid: securityContext.runAsUser, gid: 0 };
    first.noNewPrivileges = !securityContext.allowPrivilegeEscalation;
    const capabilities = securityContext.capabilities.add.map((name) => `CAP_${name}`);
    first.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
    root.readonly = securityContext.readOnlyRootFilesystem;
    linux.seccomp = SECCOMP;
    if (pod.hostPID) linux.namespaces = linux.namespaces.filter(({ type }) => type !== "pid");
    const bind = (source: string, destination: string): void => {
      mounts.push({ destination, source, type: "bind", options: ["rbind", "ro"] });
    };
    for (const directory of new Set([...SYSTEM, dirname(dirname(process.execPath))]))
      bind(directory, directory);
    bind(ROOT, APP);
    const config = join(this.#directory, "config");
    mkdirSync(config);
    writeFileSync(join(config, "keyhole.yaml"), readFileSync(join(BASE, "keyhole.yaml")));
    const token = join(this.#directory, "token");
    mkdirSync(token);
    writeFileSync(join(token, "token"), TOKEN, { mode: 0o400 });
    const sources: Readonly<Record<string, string>> = { config, token };
    for (const { name, mountPath } of volumeMounts) bind(sources[name]!, mountPath);
  }
}
