/**
 * Imported into an agent before its own code: SIGUSR2 starts V8's sampling profiler, and ends it again with the profile
 * in ?folder=DIR as PID.cpuprofile. Not from the beginning as by `node --cpu-prof`, since its signals interrupt the
 * loading of BPF programs, which the kernel gives up for a pending signal.
 */
import { renameSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";

const SAMPLE_US = 200;

const file = `${new URL(import.meta.url).searchParams.get("folder")}/${process.pid}.cpuprofile`;
const session = new Session();
let isRunning = false;
session.connect();
session.post("Profiler.enable");
session.post("Profiler.setSamplingInterval", { interval: SAMPLE_US });

process.on("SIGUSR2", () => {
  if (!isRunning) session.post("Profiler.start");
  else {
    session.post("Profiler.stop", (error, result) => {
      writeFileSync(`${file}.part`, JSON.stringify(error ?? result.profile));
      renameSync(`${file}.part`, file);
    });
  }
  isRunning = !isRunning;
});
