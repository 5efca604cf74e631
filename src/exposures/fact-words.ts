import type { Fact } from "./rule.js";

/** What each fact is, for a person. */
export const FACT_WORDS: Readonly<Record<Fact, string>> = {
  mountinfo: "the mount tables of containers",
  "host-procfs": "which superblock is the host's own /proc",
  "procfs-pid-namespace": "the pid namespace that a procfs instance shows",
  "pid-namespace-tree": "which pid namespace descends from which",
  syscalls: "system calls as they happen",
  "procfs-options": "the options of procfs instances before and after a call",
  "runtime-spec": "what the runtime was told about a container",
  opens: "the files that tasks of containers open",
  stories: "mounts from their first call to their end",
  descriptors: "what the descriptors of tasks refer to",
};
