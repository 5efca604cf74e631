import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Containerd } from "./containerd.js";
import { CONTAINER, NODE, POD, RUNTIME_DEFAULT, UNCONFINED } from "./cri-messages.js";
import type { Message } from "./protobuf.js";

/** Of a Pod's `spec.containers[]` what tests use. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly privileged?: boolean;
  readonly procMount?: "Default" | "Unmasked";
  readonly seccomp?: "RuntimeDefault" | "Unconfined";
  readonly capabilities?: { readonly add: readonly string[]; readonly drop: readonly string[] };
  readonly allowPrivilegeEscalation?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  /** Bytes. */
  readonly memoryLimit?: number;
  readonly readOnlyRootFilesystem?: boolean;
  /** Where of the container a path of the host is. */
  readonly mounts?: readonly {
    readonly path: string;
    readonly hostPath: string;
    readonly readOnly?: boolean;
  }[];
}

/** Of a Pod what tests use. */
export interface PodSpec {
  readonly name: string;
  readonly namespace: string;
  readonly hostPID?: boolean;
  readonly hostNetwork?: boolean;
  readonly shareProcessNamespace?: boolean;
  readonly containers: readonly ContainerSpec[];
}

/** A pod that runs. */
export interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** The id of the container that only waits. */
  readonly sandbox: string;
  /** Ids of the others by their names. */
  readonly containers: Readonly<Record<string, string>>;
  /** Directory with a file NAME.log of each container. */
  readonly logs: string;
}

/** What the kubelet has masked and made read-only since 1.34: pkg/securitycontext/util.go. */
const MASKED = [
  ...["/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats"],
  ...["/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
  "/sys/devices/virtual/powercap",
];
const READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const CGROUP_ROOT = "/sys/fs/cgroup";
const PARENT = "/kubepods/besteffort";

/** Runs pods as the kubelet has containerd run them, with its cgroupfs driver. */
export class Pods {
  readonly #containerd: Containerd;
  readonly #running: Pod[] = [];

  constructor(containerd: Containerd) {
    this.#containerd = containerd;
  }

  /** Runs a pod and its containers, whose environment has what `envOf` makes of the pod's address too. */
  async run(
    spec: PodSpec,
    envOf: (address: string) => Readonly<Record<string, string>> = () => ({}),
  ): Promise<Pod> {
    const { cri, directory } = this.#containerd;
    const { name, namespace } = spec;
    const uid = randomUUID();
    const logs = join(directory, `${namespace}_${name}_${uid}`);
    mkdirSync(logs);
    const config = sandboxConfig(spec, uid, logs);
    let sandbox: string;
    try {
      sandbox = await cri.runPodSandbox(config);
    } catch (error) {
      removeCgroups(uid);
      throw error;
    }
    const containers: Record<string, string> = {};
    const pod = { name, namespace, uid, sandbox, containers, logs };
    this.#running.push(pod);
    const address = spec.hostNetwork === true ? "127.0.0.1" : await cri.addressOf(sandbox);
    for (const one of spec.containers) {
      const env = { ...one.env, ...envOf(address) };
      const id = await cri.createContainer(sandbox, containerConfig(spec, uid, { ...one, env }), config);
      containers[one.name] = id;
      await cri.startContainer(id);
    }
    return pod;
  }

  /** Ends a pod and all that it has. */
  async remove(pod: Pod): Promise<void> {
    const { cri } = this.#containerd;
    await cri.stopPodSandbox(pod.sandbox);
    await cri.removePodSandbox(pod.sandbox);
    this.#running.splice(this.#running.indexOf(pod), 1);
    removeCgroups(pod.uid);
  }

  async removeAll(): Promise<void> {
    for (const pod of [...this.#running]) await this.remove(pod);
  }
}

function namespacesOf({ hostPID, hostNetwork, shareProcessNamespace }: PodSpec): Message {
  return {
    network: hostNetwork === true ? NODE : POD,
    pid: hostPID === true ? NODE : shareProcessNamespace === true ? POD : CONTAINER,
    ipc: POD,
  };
}

function sandboxConfig(spec: PodSpec, uid: string, logs: string): Message {
  const { name, namespace, containers, hostNetwork } = spec;
  return {
    metadata: { name, namespace, uid, attempt: 0 },
    ...(hostNetwork !== true && { hostname: name }),
    log_directory: logs,
    labels: {
      "io.kubernetes.pod.name": name,
      "io.kubernetes.pod.namespace": namespace,
      "io.kubernetes.pod.uid": uid,
    },
    annotations: { "kubernetes.io/config.source": "api" },
    linux: {
      cgroup_parent: `${PARENT}/pod${uid}`,
      security_context: {
        namespace_options: namespacesOf(spec),
        privileged: containers.some(({ privileged }) => privileged === true),
        seccomp: { profile_type: RUNTIME_DEFAULT },
      },
    },
  };
}

function containerConfig(pod: PodSpec, uid: string, spec: ContainerSpec): Message {
  const { name, image, args = [], env = {}, mounts = [], privileged = false } = spec;
  const { runAsUser, runAsGroup, memoryLimit } = spec;
  const isMasked = !privileged && spec.procMount !== "Unmasked";
  return {
    metadata: { name, attempt: 0 },
    image: { image },
    args,
    envs: Object.entries(env).map(([key, value]) => ({ key, value })),
    mounts: mounts.map(({ path, hostPath, readOnly = false }) => ({
      container_path: path,
      host_path: hostPath,
      readonly: readOnly,
    })),
    labels: {
      "io.kubernetes.container.name": name,
      "io.kubernetes.pod.name": pod.name,
      "io.kubernetes.pod.namespace": pod.namespace,
      "io.kubernetes.pod.uid": uid,
    },
    annotations: {
      "io.kubernetes.container.hash": "5f4e1a7b",
      "io.kubernetes.container.restartCount": "0",
      "io.kubernetes.container.terminationMessagePath": "/dev/termination-log",
      "io.kubernetes.pod.terminationGracePeriod": "30",
    },
    log_path: `${name}.log`,
    linux: {
      resources: {
        ...{ cpu_shares: 2, oom_score_adj: 1000 },
        ...(memoryLimit !== undefined && { memory_limit_in_bytes: memoryLimit }),
      },
      security_context: {
        capabilities: {
          add_capabilities: spec.capabilities?.add ?? [],
          drop_capabilities: spec.capabilities?.drop ?? [],
        },
        privileged,
        namespace_options: namespacesOf(pod),
        ...(runAsUser !== undefined && { run_as_user: { value: runAsUser } }),
        ...(runAsGroup !== undefined && { run_as_group: { value: runAsGroup } }),
        readonly_rootfs: spec.readOnlyRootFilesystem ?? false,
        no_new_privs: spec.allowPrivilegeEscalation === false,
        masked_paths: isMasked ? MASKED : [],
        readonly_paths: isMasked ? READONLY : [],
        seccomp: { profile_type: spec.seccomp === "RuntimeDefault" ? RUNTIME_DEFAULT : UNCONFINED },
      },
    },
  };
}

/** The kubelet makes and removes the cgroups of pods; here runc made them, and leaves them. */
function removeCgroups(uid: string): void {
  for (const hierarchy of ["", ...readdirSync(CGROUP_ROOT)]) {
    for (const path of [`${PARENT}/pod${uid}`, PARENT, "/kubepods"]) {
      try {
        rmdirSync(join(CGROUP_ROOT, hierarchy, path));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // of v2, no directory; another pod is in it
        if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "EBUSY" && code !== "ENOTEMPTY") throw error;
      }
    }
  }
}
