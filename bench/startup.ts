import { type ChildProcess, spawn } from "node:child_process";
import type { Report } from "./report.js";
import { BPFTRACE, bpftraceVersion, buildFlood, compileFloor, end, KEYHOLE, start } from "./tools.js";

const ROUNDS = 7;

/** From the start of the process to the first system call on its stdout, and from SIGTERM to its end. */
export async function startup(): Promise<Report> {
  const version = bpftraceVersion();
  const flood = buildFlood();
  const keyhole = { first: [] as number[], stop: [] as number[] };
  const reference = { first: [] as number[], stop: [] as number[] };
  const floor = { first: [] as number[], stop: [] as number[] };
  const minimum = compileFloor();
  // one call a millisecond, so that what is waited for is the tracer
  const calls = spawn(flood, ["0", "1000"], { stdio: "ignore" });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await measure(KEYHOLE, '"syscall":"setns"', "SIGTERM", keyhole);
      await measure(minimum, '"syscall":"setns"', "SIGTERM", floor);
      if (version !== null) await measure(BPFTRACE, " setns ", "SIGINT", reference);
    }
  } finally {
    calls.kill();
  }
  const compared = version !== null;
  return {
    benchmark: "startup",
    reference: version ?? "nothing: bpftrace is not installed",
    rows: [
      {
        what: "start to first event",
        unit: "ms",
        keyhole: keyhole.first,
        reference: compared ? reference.first : null,
        budget: 600,
        floor: floor.first,
      },
      {
        what: "signal to exit",
        unit: "ms",
        keyhole: keyhole.stop,
        reference: compared ? reference.stop : null,
        budget: 1000,
      },
    ],
  };
}

async function measure(
  command: readonly string[],
  sign: string,
  signal: NodeJS.Signals,
  into: { first: number[]; stop: number[] },
): Promise<void> {
  const began = performance.now();
  const tracer = start(command);
  await seen(tracer, sign);
  into.first.push(performance.now() - began);
  tracer.stdout!.resume();
  into.stop.push(await end(tracer, signal));
}

function seen(tracer: ChildProcess, sign: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const look = (data: Buffer) => {
      text += data.toString("latin1");
      if (!text.includes(sign)) return;
      tracer.stdout!.off("data", look);
      resolve();
    };
    tracer.stdout!.on("data", look);
    tracer.once("exit", (code) => reject(new Error(`the tracer ended with ${code} before its first event`)));
  });
}
