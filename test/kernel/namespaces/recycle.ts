import { execFileSync } from "node:child_process";
import { PidAnswers } from "../../../src/commands/pid-answers.js";
import { HostPath } from "../../../src/kernel/host-path.js";

/**
 * To be run in a pid namespace of its own whose init waits for orphans: while a process is asked about it ends, and
 * another one gets its pid. Prints the answer as JSON.
 */
const NUMBER = 500;

/** Starts `command` as process {@link NUMBER}, an orphan. */
function start(command: string): void {
  const script = `echo ${NUMBER - 1} >/proc/sys/kernel/ns_last_pid; ${command} >/dev/null 2>&1 & echo $!`;
  const pid = Number(execFileSync("sh", ["-c", script], { encoding: "utf8" }));
  if (pid !== NUMBER) throw new Error(`${command} is process ${pid}`);
}

/** A host on which process {@link NUMBER} is another one from the moment on that its executable is asked for. */
class Recycling extends HostPath {
  done = false;

  override proc(...parts: readonly (string | number)[]): string {
    if (!this.done && parts[0] === NUMBER && parts[1] === "exe") {
      this.done = true;
      execFileSync("sh", ["-c", `kill -9 ${NUMBER}; while kill -0 ${NUMBER} 2>/dev/null; do :; done`]);
      start("tail -f /dev/null");
    }
    return super.proc(...parts);
  }
}

start("sleep 1000");
const host = new Recycling();
const answers = new PidAnswers(host, () => {
  throw new Error("nothing is to be found by its name");
});
const { comm, exe } = answers.answer({ asked: String(NUMBER), pid: NUMBER, ns: null });
process.stdout.write(JSON.stringify({ recycled: host.done, comm, exe }));
