import { describeError, KeyholeError } from "../errors.js";
import { SCHEMA_VERSION } from "../event.js";
import { HostPath } from "../kernel/host-path.js";
import { readlink } from "../kernel/libc.js";
import { EXIT_REFUSED } from "../kernel/privileges.js";
import { PidAnswers } from "./pid-answers.js";
import { parsePidQuestion } from "./pid-question.js";
import { processTable } from "./pid-table.js";

export interface PidOptions {
  /** `PID`, `TID` or `PID@NAMESPACE` each. */
  readonly questions: readonly string[];
  readonly output?: "table" | "json";
  /** Only the number on the other side, a line each. */
  readonly quiet?: boolean;
  readonly hostRoot?: string;
  readonly color?: boolean;
  /** Where the text goes; stdout when it is not given. */
  readonly write?: (text: string) => void;
  /** Where errors go; stderr when it is not given. */
  readonly writeError?: (text: string) => void;
}

/**
 * `keyhole pid`: says what number a process has in each of its pid namespaces. Returns the exit status: 0, or 1 when a
 * question had no answer; the others are answered all the same. Throws a {@link KeyholeError} where a question cannot be
 * read (2), and where pids of the host are not those of the agent (3).
 */
export async function pid(options: PidOptions): Promise<number> {
  const questions = options.questions.map(parsePidQuestion);
  const host = new HostPath(options.hostRoot);
  requireOwnProc(host);
  const write = options.write ?? ((text: string) => void process.stdout.write(text));
  const writeError = options.writeError ?? ((text: string) => void process.stderr.write(text));

  // Most questions need no more than the files of one process.
  const named = questions.some(({ ns }) => ns !== null && !ns.startsWith("@"));
  const takeSnapshot = named ? (await import("../namespaces/snapshot.js")).takeSnapshot : null;
  const answers = new PidAnswers(host, () => {
    const snapshot = takeSnapshot!(host, { tasks: true });
    snapshot.close();
    return snapshot;
  });
  const results = questions.map((question) => {
    try {
      return { question, process: answers.answer(question) };
    } catch (error) {
      if (!(error instanceof KeyholeError) || !error.code.startsWith("KEYHOLE_PID_")) throw error;
      return { question, error };
    }
  });

  if (options.output === "json") {
    const list = results.map(({ question: { asked }, process, error }) =>
      error === undefined ? { asked, ...process } : { asked, error: errorJson(error) },
    );
    write(`${JSON.stringify({ schema: SCHEMA_VERSION, processes: list }, null, 2)}\n`);
  }
  let missing = false;
  for (const { question, process, error } of results) {
    if (error !== undefined) {
      missing = true;
      if (options.output !== "json") writeError(`${describeError(error)}\n`);
    } else if (options.quiet === true && options.output !== "json") {
      write(`${question.ns === null ? process.pid_namespaces[0]!.pid : process.tid}\n`);
    } else if (options.output !== "json") {
      write(processTable(question, process, options.color === true));
    }
  }
  return missing ? 1 : 0;
}

function errorJson({ code, message, expected, found, hint }: KeyholeError) {
  return { code, message, expected, found, hint };
}

/** pidfds and the ioctls number processes as the agent's own pid namespace does, files of /proc as that of the mount. */
function requireOwnProc(host: HostPath): void {
  const self = readlink(host.proc("self"));
  if (self.ok && Number(self.value) === process.pid) return;
  throw new KeyholeError(`${host.proc()} is not of the pid namespace that keyhole runs in`, {
    code: "KEYHOLE_NOT_HOST_PIDNS",
    expected: `${host.proc("self")} to be process ${process.pid}, as keyhole is`,
    found: self.ok ? self.value : self.errno,
    hint: "set `hostPID: true` in the pod (docker run --pid=host), or run it on the host",
    exitCode: EXIT_REFUSED,
  });
}
