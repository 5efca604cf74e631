/** Which programs are attached, and why those: the attach modes of the agent. */
import { type BpfLink, type BpfObject, LibbpfError } from "@keyhole/libbpf";
import { KeyholeError } from "../errors.js";
import { startFentry } from "./fentry.js";
import { type LoadedObject, lastLines, loadObject } from "./object.js";
import { attachPrograms, type ProgramReport } from "./programs.js";

export type AttachMode = "fentry" | "tracepoint";

/** What was asked for: `auto` is `fentry` where the kernel takes it, else `tracepoint`. */
export type AttachRequest = "auto" | AttachMode;

export interface Attachment {
  readonly mode: AttachMode;
  /** Why this mode and not the other, a sentence without its end. */
  readonly reason: string;
  readonly loaded: LoadedObject;
  readonly links: Map<string, BpfLink>;
  readonly reports: readonly ProgramReport[];
  /** What this mode does not tell on this kernel, a line each. */
  readonly lacks: readonly string[];
}

const TRACEPOINT_LACKS = [
  "when a call was made and how long it took: `time` is that of its return",
  "the kernel's own copies of strings: they are read from user memory after the call",
];
/** The program at the return of every call, which io_uring's operations are not. */
const OPENS_LACK = "opens of files by io_uring";

/**
 * Loads and attaches the programs of the mode that is asked for. `prepare` sets what both modes have in common; it may run
 * several times; `opens`: files that are opened are told. Throws KEYHOLE_ATTACH where `fentry` is asked for and refused, KEYHOLE_CAPTURE where no system call can
 * be seen at all.
 */
export function attach(
  request: AttachRequest,
  prepare: (object: BpfObject) => void,
  opens = false,
): Attachment {
  if (request === "tracepoint") return attachTracepoints("it was asked for", prepare, opens);
  const result = startFentry(prepare, opens);
  if ("loaded" in result) {
    const { loaded, links, reports, others, unknown } = result;
    const lacks: string[] = [];
    if (unknown.length > 0)
      lacks.push(`attempts to make calls that this kernel does not have: ${unknown.join(", ")}`);
    if (others.length > 0)
      lacks.push(`free system calls: ${others.length} have no function that can be traced`);
    const reason = request === "auto" ? "the kernel takes its programs" : "it was asked for";
    return { mode: "fentry", reason, loaded, links, reports, lacks };
  }
  const { errno, detail } = result;
  if (request === "auto") {
    const reason = `fentry is refused: ${[errno, detail].filter(Boolean).join(", ")}`;
    return attachTracepoints(reason, prepare, opens);
  }
  throw new KeyholeError(`attach mode fentry cannot be used here: ${detail}`, {
    code: "KEYHOLE_ATTACH",
    expected: "a kernel that takes BPF programs of type fentry and fexit (Linux 5.8 on x86-64, 6.4 on arm64)",
    found: errno ?? "a kernel that refuses them",
    hint: "use --attach auto, which falls back to tracepoint",
    exitCode: 3,
  });
}

function attachTracepoints(reason: string, prepare: (object: BpfObject) => void, opens: boolean): Attachment {
  let loaded: LoadedObject;
  try {
    loaded = loadObject("capture", prepare);
  } catch (error) {
    if (!(error instanceof LibbpfError)) throw error;
    throw cannotCapture(lastLines(error), error.errno, error);
  }
  const links = new Map<string, BpfLink>();
  const reports = attachPrograms(loaded, links);
  const calls = reports.find(({ program }) => program === "call_returned");
  if (calls?.attached === true)
    return {
      mode: "tracepoint",
      reason,
      loaded,
      links,
      reports,
      lacks: opens ? [...TRACEPOINT_LACKS, OPENS_LACK] : TRACEPOINT_LACKS,
    };
  for (const link of links.values()) link.detach();
  loaded.object.close();
  throw cannotCapture(calls?.detail ?? "no program", calls?.errno ?? null);
}

function cannotCapture(detail: string, errno: string | null, cause?: unknown): KeyholeError {
  return new KeyholeError(`the BPF programs cannot be loaded: ${detail}`, {
    code: "KEYHOLE_CAPTURE",
    expected: "Linux 5.8 or newer with BTF, CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN)",
    found: errno ?? "an object that this kernel refuses",
    hint: "keyhole doctor says what is missing",
    exitCode: 3,
    cause,
  });
}
