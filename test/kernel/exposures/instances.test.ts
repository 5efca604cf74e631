import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { Instances } from "../../../src/exposures/instances.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { Probes } from "../../../src/mounts/probes.js";

test("a change of options is kept until it is taken, whoever reads the instances meanwhile", async () => {
  assert.equal(process.getuid?.(), 0, "procfs instances are read by BPF, which needs root");
  const script = "mount -t proc -o hidepid=2 proc /proc && echo ready && read line";
  const shell = spawn("unshare", ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const probes = Probes.open(new HostPath());
  assert.ok(probes !== null, "the kernel refused the programs of bpf/probes.bpf.c");
  const instances = new Instances(probes.superblocks);
  try {
    await once(shell.stdout, "data");
    const pid = execFileSync("ps", ["-o", "pid=", "--ppid", String(shell.pid)], { encoding: "utf8" }).trim();
    const devices = execFileSync("findmnt", ["-N", pid, "-n", "-o", "MAJ:MIN", "-M", "/proc"], {
      encoding: "utf8",
    });
    // the host's own is below it
    const dev = devices.trim().split(/\s+/).at(-1);
    instances.refresh();
    assert.equal(instances.byDev?.get(dev!)?.hidepid, "invisible");
    instances.takeSteps();

    execFileSync("nsenter", [
      "--mount",
      "--target",
      pid,
      "mount",
      "-o",
      "remount,hidepid=0",
      "proc",
      "/proc",
    ]);
    instances.refresh();
    instances.refresh();
    const steps = () => instances.takeSteps().filter(({ after }) => after.dev === dev);
    assert.deepEqual(
      steps().map(({ before, after }) => [before.hidepid, after.hidepid]),
      [["invisible", "off"]],
    );
    instances.refresh();
    assert.deepEqual(steps(), []);
  } finally {
    probes.close();
    shell.kill("SIGKILL");
    await once(shell, "close");
  }
});
