import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, loadavg, release } from "node:os";

/** What the numbers depend on: they mean little beside those of another machine. */
export interface Machine {
  readonly kernel: string;
  readonly arch: string;
  readonly cpus: number;
  readonly node: string;
  /** Over the last minute. */
  readonly load: number;
  /** Processes that trace every system call already, so that no call is untraced. */
  readonly tracers: readonly string[];
}

export function machine(): Machine {
  return {
    kernel: release(),
    arch: process.arch,
    cpus: availableParallelism(),
    node: process.version,
    load: loadavg()[0]!,
    tracers: otherTracers(),
  };
}

/** Who holds a BPF link to sys_enter or sys_exit: bpf_raw_tp_link_show_fdinfo() in kernel/bpf/syscall.c. */
function otherTracers(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const folder = `/proc/${pid}/fdinfo`;
        const traces = readdirSync(folder).some((fd) =>
          /^tp_name:\s+sys_(enter|exit)$/m.test(readFileSync(`${folder}/${fd}`, "utf8")),
        );
        return traces ? [`${readFileSync(`/proc/${pid}/comm`, "utf8").trim()}[${pid}]`] : [];
      } catch {
        // it has ended meanwhile
        return [];
      }
    });
}
