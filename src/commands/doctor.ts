import type { ProgramReport } from "../capture/programs.js";
import { KeyholeError } from "../errors.js";
import { type Check, hostChecks } from "../kernel/host-checks.js";
import { HostPath } from "../kernel/host-path.js";
import { neutralise } from "../publish/neutral.js";
import { render, type Span, type Style, span } from "../publish/style.js";
import { runtimeFilesCheck } from "../workloads/runtime-files-check.js";

export interface DoctorOptions {
  readonly output?: "table" | "json";
  readonly hostRoot?: string;
  readonly color?: boolean;
  /** Where the text goes; stdout when it is not given. */
  readonly write?: (text: string) => void;
}

/**
 * `keyhole doctor`: what this kernel and these privileges allow, what is degraded, and what to do about it.
 * It loads and attaches the BPF programs for a moment to see which do. Returns the exit status: 0 when all is
 * there, 1 when something is degraded, 2 when the agent cannot run.
 */
export async function doctor(options: DoctorOptions = {}): Promise<number> {
  const host = new HostPath(options.hostRoot);
  const checks = [...hostChecks(host), runtimeFilesCheck(host), await libbpfCheck()];
  // Without it, or without the privileges, each program would fail for the reason that is listed already.
  if (!checks.some(({ status }) => status === "missing")) checks.push(...(await programChecks(host)));

  const write = options.write ?? ((text: string) => void process.stdout.write(text));
  const verdict = judge(checks);
  if (options.output === "json") {
    write(`${JSON.stringify({ schema: 1, verdict: verdict.word, checks }, null, 2)}\n`);
  } else {
    write(report(checks, verdict.sentence, options.color === true));
  }
  return verdict.exitCode;
}

async function libbpfCheck(): Promise<Check> {
  const name = "libbpf";
  try {
    const { loadLibbpf } = await import("@keyhole/libbpf");
    const { path, source, version } = loadLibbpf();
    return { name, status: "ok", found: `${version}, ${path} (${source})`, lacks: null, fix: null };
  } catch (error) {
    const [found = "", ...rest] = String((error as Error).message).split("\n");
    return {
      name,
      status: "missing",
      found,
      lacks: "tracing: it loads the BPF programs",
      fix:
        rest.join(" ").trim() || "install libbpf 1.0 or later (Debian and Ubuntu: apt-get install libbpf1)",
    };
  }
}

async function programChecks(host: HostPath): Promise<Check[]> {
  const [{ tryPrograms }, { hostNamespaces, Opens }] = await Promise.all([
    import("../capture/capture.js"),
    import("../opens.js"),
  ]);
  try {
    const attachment = tryPrograms(host, "auto", hostNamespaces(host));
    const { mode, reason, loaded, reports, lacks } = attachment;
    const attach: Check = {
      name: "attach mode",
      status: "ok",
      found: `${mode}: ${reason}; ${loaded.name}.bpf.o`,
      lacks: lacks.join("; "),
      fix: null,
    };
    const { seen, detail } = new Opens("auto", attachment).facts;
    const opens: Check = {
      name: "opens",
      status: seen ? "ok" : "degraded",
      found: `${seen ? "seen " : ""}${detail}`,
      lacks: seen ? null : "which files of the host containers open",
      fix: seen ? null : "use --attach tracepoint",
    };
    return [attach, opens, ...reports.map(ofProgram)];
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    const { found, message, hint } = error;
    return [
      {
        name: "attach mode",
        status: "missing",
        found: [found, message].filter(Boolean).join(": "),
        lacks: "every event",
        fix: hint ?? fixFor(found ?? null),
      },
    ];
  }
}

function ofProgram({ program, attached, errno, detail, lacks }: ProgramReport): Check {
  return {
    name: `program ${program}`,
    status: attached ? "ok" : "degraded",
    found: attached ? detail : [errno, detail].filter(Boolean).join(": "),
    lacks: attached ? null : lacks,
    fix: attached ? null : fixFor(errno),
  };
}

/** What the errno of bpf(2) or perf_event_open(2) most often means for a program that did not attach. */
function fixFor(errno: string | null): string {
  if (errno === "EPERM" || errno === "EACCES") {
    return "see the capabilities and lockdown above; a hardened kernel may refuse this kind of program altogether";
  }
  if (errno === "ENOMEM") return "raise the memory limit of the agent";
  if (errno === "ENOENT" || errno === "ESRCH") return "use a kernel that has this hook";
  return "nothing, if what it lacks can be done without; else a newer kernel";
}

interface Verdict {
  readonly word: Check["status"];
  readonly sentence: string;
  readonly exitCode: number;
}

function judge(checks: readonly Check[]): Verdict {
  const count = (status: Check["status"]) => checks.filter((check) => check.status === status).length;
  const missing = count("missing");
  const degraded = count("degraded");
  if (missing > 0)
    return { word: "missing", sentence: `keyhole cannot run here: ${missing} missing`, exitCode: 2 };
  if (degraded > 0) {
    return {
      word: "degraded",
      sentence: `keyhole can run here, with less: ${degraded} degraded`,
      exitCode: 1,
    };
  }
  return { word: "ok", sentence: "keyhole can run here, and nothing is lacking", exitCode: 0 };
}

const STYLES: Readonly<Record<Check["status"], Style>> = { ok: "good", degraded: "medium", missing: "high" };

function report(checks: readonly Check[], sentence: string, color: boolean): string {
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const statusWidth = "degraded".length;
  const indent = " ".repeat(statusWidth + 1 + nameWidth + 2);
  let text = "";
  const line = (...spans: Span[]): void => {
    text += `${render(spans, color)}\n`;
  };
  for (const { name, status, found, lacks, fix } of checks) {
    line(
      span(status.padEnd(statusWidth), STYLES[status]),
      span(` ${neutralise(name).padEnd(nameWidth)}  ${neutralise(found)}`),
    );
    if (lacks !== null) line(span(`${indent}lacks: ${neutralise(lacks)}`));
    if (fix !== null) line(span(`${indent}do:    ${neutralise(fix)}`));
  }
  line();
  line(span(sentence, "bold"));
  return text;
}
