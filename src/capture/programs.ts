import { type BpfLink, type BpfProgram, LibbpfError } from "@keyhole/libbpf";
import { type LoadedObject, lastLines, type ProgramFailure } from "./object.js";

/** What became of one program, and what is lost without it. */
export interface ProgramReport {
  readonly program: string;
  readonly attached: boolean;
  readonly errno: string | null;
  readonly detail: string;
  readonly lacks: string;
}

/** What the agent cannot do without a program. */
const LACKS: Readonly<Record<string, string>> = {
  call_returned: "every system call event",
  task_created: "clone events that succeeded, and new tasks until the next inventory",
  task_executed: "the executables of processes that started after the last inventory",
  task_exited:
    "the end of processes until the next inventory, and calls for which seccomp killed their thread alone",
  tasks: "inventories that are exact and cheap: tasks are read from /proc",
  seccomp_refused: "calls that a seccomp filter refused",
  seccomp_forbade: "calls that a seccomp filter refused",
  file_opened: "opens of files by tasks of containers",
  fixed_file_opened: "opens of files by io_uring into its own table of files",
  copy_mount: "the kernel's own copies of the strings of mount(2)",
  copy_parameter: "the kernel's own copies of the strings of fsconfig(2)",
  copy_move: "the paths that the kernel found for move_mount(2)",
  copy_umount: "the path that the kernel found for umount2(2)",
  copy_pivot: "the paths that the kernel found for pivot_root(2)",
  copy_chroot: "the path that the kernel found for chroot(2)",
};

/** The report of a program that is attached (`failure` null) or is not. */
export function reportOf(
  program: string,
  failure: ProgramFailure | null,
  lacks = LACKS[program],
): ProgramReport {
  return {
    program,
    attached: failure === null,
    errno: failure?.errno ?? null,
    detail: failure?.detail ?? "attached",
    lacks: lacks ?? "",
  };
}

/** Attaches a program that was loaded; its link goes to `links`. Returns why it could not be attached, else null. */
export function attachProgram(program: BpfProgram, links: Map<string, BpfLink>): ProgramFailure | null {
  try {
    const isIterator = program.section.startsWith("iter/");
    links.set(program.name, isIterator ? program.attachIter() : program.attach());
    return null;
  } catch (error) {
    if (!(error instanceof LibbpfError)) throw error;
    return { program: program.name, errno: error.errno, detail: lastLines(error) };
  }
}

/** Attaches the programs of `loaded` that `wanted` names, in the object's order; reports them and those that were refused. */
export function attachPrograms(
  { object, failures }: LoadedObject,
  links: Map<string, BpfLink>,
  wanted: (program: BpfProgram) => boolean = () => true,
): ProgramReport[] {
  return object.programs.filter(wanted).map((program) => {
    const refused = failures.find((failure) => failure.program === program.name);
    return reportOf(program.name, refused ?? attachProgram(program, links));
  });
}
