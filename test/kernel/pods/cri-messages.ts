import type { Schema } from "./protobuf.js";

/** Of the messages of the CRI what tests use: k8s.io/cri-api pkg/apis/runtime/v1/api.proto. */

const NamespaceOption: Schema = { network: 1, pid: 2, ipc: 3, target_id: 4 };
const SecurityProfile: Schema = { profile_type: 1, localhost_ref: 2 };
const Int64Value: Schema = { value: 1 };
const Capability: Schema = { add_capabilities: 1, drop_capabilities: 2 };
const KeyValue: Schema = { key: 1, value: 2 };
const ImageSpec: Schema = { image: 1 };
const Mount: Schema = { container_path: 1, host_path: 2, readonly: 3, propagation: 5 };
const Resources: Schema = { cpu_shares: 3, memory_limit_in_bytes: 4, oom_score_adj: 5 };

const LinuxSandboxSecurityContext: Schema = {
  namespace_options: [1, NamespaceOption],
  privileged: 6,
  seccomp: [9, SecurityProfile],
};

const LinuxContainerSecurityContext: Schema = {
  capabilities: [1, Capability],
  privileged: 2,
  namespace_options: [3, NamespaceOption],
  run_as_user: [5, Int64Value],
  readonly_rootfs: 7,
  no_new_privs: 11,
  run_as_group: [12, Int64Value],
  masked_paths: 13,
  readonly_paths: 14,
  seccomp: [15, SecurityProfile],
  apparmor: [16, SecurityProfile],
};

export const PodSandboxConfig: Schema = {
  metadata: [1, { name: 1, uid: 2, namespace: 3, attempt: 4 }],
  hostname: 2,
  log_directory: 3,
  labels: [6, "map"],
  annotations: [7, "map"],
  linux: [8, { cgroup_parent: 1, security_context: [2, LinuxSandboxSecurityContext] }],
};

export const ContainerConfig: Schema = {
  metadata: [1, { name: 1, attempt: 2 }],
  image: [2, ImageSpec],
  command: 3,
  args: 4,
  envs: [6, KeyValue],
  mounts: [7, Mount],
  labels: [9, "map"],
  annotations: [10, "map"],
  log_path: 11,
  linux: [15, { resources: [1, Resources], security_context: [2, LinuxContainerSecurityContext] }],
};

export const RunPodSandboxRequest: Schema = { config: [1, PodSandboxConfig] };
/** Of StopPodSandbox, RemovePodSandbox and PodSandboxStatus; of StartContainer too. */
export const ById: Schema = { id: 1, verbose: 2 };
export const CreateContainerRequest: Schema = {
  pod_sandbox_id: 1,
  config: [2, ContainerConfig],
  sandbox_config: [3, PodSandboxConfig],
};
export const ExecSyncRequest: Schema = { container_id: 1, cmd: 2, timeout: 3 };
export const ImageStatusRequest: Schema = { image: [1, ImageSpec] };

/** The enum NamespaceMode. */
export const POD = 0;
export const CONTAINER = 1;
export const NODE = 2;

/** The enum ProfileType. */
export const RUNTIME_DEFAULT = 0;
export const UNCONFINED = 1;
