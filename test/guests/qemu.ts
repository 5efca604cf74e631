import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { findExecutable } from "../../scripts/packages.js";

/** Milliseconds without a word of the guest. Its longest step takes a fifth of it where nothing else runs. */
const PATIENCE = 240_000;
const MEMORY = "1024";
/** QEMU 7.2 emulates cmpxchg16b with wrong flags in a guest of one processor, of which Linux 6.12 now and then dies. */
const CPU = "max,cx16=off";

export interface Guest {
  readonly kernel: string;
  readonly initramfs: string;
  /** The file that takes what the guest writes to its second serial port. */
  readonly results: string;
  /** Called with each line that the guest's programs say, without its end. */
  readonly onLine: (line: string) => void;
}

/**
 * Boots a guest of one emulated x86-64 processor without a network and waits for its end. Resolves to what was
 * on its console; throws with the end of that when it says nothing for too long or breaks.
 */
export async function boot({ kernel, initramfs, results, onLine }: Guest): Promise<string> {
  const program = findExecutable("qemu-system-x86_64");
  if (program === undefined)
    throw new Error("qemu-system-x86_64 is missing: apt-get install qemu-system-x86");
  const machine = ["-accel", "tcg", "-cpu", CPU, "-smp", "1", "-m", MEMORY, "-nic", "none", "-no-reboot"];
  const ports = ["-display", "none", "-monitor", "none", "-serial", "stdio", "-serial", `file:${results}`];
  // a panic ends QEMU by -no-reboot
  const options = "console=ttyS0 panic=-1 loglevel=4 mitigations=off";
  const started = ["-kernel", kernel, "-initrd", initramfs, "-append", options];
  const child = spawn("nice", [program, ...machine, ...ports, ...started], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  let console = "";
  let seen = 0;
  const read = (text: string): void => {
    console += text;
    for (let end = console.indexOf("\n", seen); end !== -1; end = console.indexOf("\n", seen)) {
      const line = console.slice(seen, end).trim();
      seen = end + 1;
      const said = line.indexOf("guest: ");
      if (said === -1) continue;
      timer.refresh();
      onLine(line.slice(said + "guest: ".length));
    }
  };
  child.stdout.setEncoding("utf8").on("data", read);
  child.stderr.setEncoding("utf8").on("data", read);
  const stop = (): void => void child.kill("SIGKILL");
  process.once("exit", stop);
  const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  process.off("exit", stop);
  const tail = () => console.trimEnd().split("\n").slice(-15).join("\n");
  if (signal !== null) throw new Error(`it did nothing for ${PATIENCE / 1000} s:\n${tail()}`);
  if (status !== 0) throw new Error(`QEMU ended with status ${status}:\n${tail()}`);
  if (readFileSync(results).length === 0) throw new Error(`it sent no results:\n${tail()}`);
  return console;
}
