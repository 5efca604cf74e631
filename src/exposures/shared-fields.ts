import type { ContainerRef, MountState, ProcessRef, ProcfsState } from "../event.js";
import { type Field, fieldsOf } from "./field.js";

export function processFields(prefix = "process."): Field<ProcessRef>[] {
  return fieldsOf<ProcessRef>(
    [
      ["pid", "int", "process id in the initial pid namespace", ({ pid }) => pid],
      ["tid", "int", "thread id in the initial pid namespace", ({ tid }) => tid],
      ["ppid", "int", "process id of the parent in the initial pid namespace", ({ ppid }) => ppid],
      ["uid", "int", "effective uid in the initial user namespace", ({ uid }) => uid],
      ["gid", "int", "effective gid in the initial user namespace", ({ gid }) => gid],
      ["comm", "string", "name of the thread, which it chooses itself", ({ comm }) => comm],
      ["exe", "string", "path of the executable as its own mount namespace names it", ({ exe }) => exe],
      ["ns_pid", "int", "process id in its own pid namespace", (process) => process.ns_pid],
      [
        "parent.comm",
        "string",
        "name of the parent's thread, which that chooses itself",
        ({ parent }) => parent?.comm,
      ],
      [
        "parent.exe",
        "string",
        "path of the parent's executable as the parent's mount namespace names it",
        ({ parent }) => parent?.exe,
      ],
    ],
    prefix,
  );
}

export function containerRefFields(prefix = "container."): Field<ContainerRef>[] {
  return fieldsOf<ContainerRef>(
    [
      ["id", "string", "id of the container", ({ id }) => id],
      ["runtime", "string", "docker, containerd, cri-o, podman, lxc or nspawn", ({ runtime }) => runtime],
      ["name", "string", "name of the container", ({ name }) => name],
      ["image", "string", "the image that it was made of, as the runtime was told", ({ image }) => image],
      ["pod.uid", "string", "uid of its pod", ({ pod }) => pod?.uid],
      ["pod.namespace", "string", "Kubernetes namespace of its pod", ({ pod }) => pod?.namespace],
      ["pod.name", "string", "name of its pod", ({ pod }) => pod?.name],
    ],
    prefix,
  );
}

export function procfsStateFields(prefix: string): Field<ProcfsState>[] {
  return fieldsOf<ProcfsState>(
    [
      ["dev", "string", "device number of the procfs instance, as `0:64`", ({ dev }) => dev],
      ["pid_ns", "int", "inode number of the pid namespace that it shows", (procfs) => procfs.pid_ns],
      [
        "pid_ns_relation",
        "string",
        "where that lies seen from the caller's: same, descendant, ancestor or foreign",
        (procfs) => procfs.pid_ns_relation,
      ],
      ["user_ns", "int", "inode number of the user namespace that it belongs to", (procfs) => procfs.user_ns],
      ["hidepid", "string", "off, noaccess, invisible or ptraceable", ({ hidepid }) => hidepid],
      ["gid", "int", "group that hidepid= leaves out, in the initial user namespace", ({ gid }) => gid],
      ["subset", "string", "pid where it has nothing but processes", ({ subset }) => subset],
    ],
    prefix,
  );
}

export function mountStateFields(prefix: string): Field<MountState>[] {
  return fieldsOf<MountState>(
    [
      ["dev", "string", "device number of its file system, as `0:64`", ({ dev }) => dev],
      ["fs_type", "string", "type of its file system", (mount) => mount.fs_type],
      [
        "mountpoint",
        "string",
        "where it is, seen from the caller's root; unknown while it is detached",
        ({ mountpoint }) => mountpoint,
      ],
      ["root", "string", "the directory of its file system that it shows", ({ root }) => root],
      ["options", "list", "its options, as `ro` and `nosuid`", ({ options }) => options],
    ],
    prefix,
  );
}
