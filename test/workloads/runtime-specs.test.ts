import assert from "node:assert/strict";
import { chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import type { ContainerRef } from "../../src/event.js";
import { availableFacts } from "../../src/exposures/available-facts.js";
import { HostPath } from "../../src/kernel/host-path.js";
import type { Task } from "../../src/namespaces/task.js";
import { RuntimeSpecs } from "../../src/workloads/runtime-specs.js";

const ID = "4f".repeat(32);
const PID = 4242;
const directories: string[] = [];

after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

/** A host that has these files below its root. */
function host(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "keyhole-specs-"));
  directories.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function specOf(root: string, id = ID, pid = PID) {
  const container: ContainerRef = { id, runtime: null, name: null, image: null, pod: null };
  return new RuntimeSpecs(new HostPath(root)).of(container, { pid, start: 1n } as Task);
}

const config = (masked: unknown, readonly: unknown = ["/proc/sys"]) =>
  JSON.stringify({ ociVersion: "1.0.2", linux: { maskedPaths: masked, readonlyPaths: readonly } });
const state = (pid: number, masked: unknown) =>
  JSON.stringify({
    id: ID,
    init_process_pid: pid,
    config: { mask_paths: masked, readonly_paths: ["/proc/bus"] },
  });

for (const path of [
  `run/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`,
  `run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/${ID}/config.json`,
  `run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`,
  `run/crun/${ID}/config.json`,
  `run/containers/storage/overlay-containers/${ID}/userdata/config.json`,
  `var/lib/containers/storage/overlay-containers/${ID}/userdata/config.json`,
]) {
  test(`a specification in ${path.replace(ID, "ID")}`, () => {
    const root = host({ [path]: config(["/proc/keys"]) });
    assert.deepEqual(specOf(root), {
      file: join(root, path),
      masked: ["/proc/keys"],
      readonly: ["/proc/sys"],
    });
  });
}

for (const directory of ["run/runc", "run/containerd/runc/k8s.io", "run/docker/runtime-runc/moby"]) {
  test(`the state of runc in ${directory}`, () => {
    const path = `${directory}/${ID}/state.json`;
    const root = host({ [path]: state(PID, ["/proc/acpi"]) });
    const file = join(root, path);
    assert.deepEqual(specOf(root), { file, masked: ["/proc/acpi"], readonly: ["/proc/bus"] });
    assert.equal(specOf(root, ID, PID + 1), null, "of another process");
  });
}

test("what runc made of its specification comes before what it was told", () => {
  const bundle = `run/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`;
  const root = host({
    [bundle]: config(["/proc/kcore"]),
    [`run/containerd/runc/k8s.io/${ID}/state.json`]: state(PID, ["/proc/acpi"]),
  });
  assert.deepEqual(specOf(root)?.masked, ["/proc/acpi"]);
});

test("lists that are not there are empty, as of a privileged container", () => {
  const path = `run/crun/${ID}/config.json`;
  assert.deepEqual(specOf(host({ [path]: config(null, undefined) }))?.masked, []);
  const bare = specOf(host({ [path]: JSON.stringify({ ociVersion: "1.2.0" }) }));
  assert.deepEqual([bare?.masked, bare?.readonly], [[], []]);
});

test("a list of more paths than any runtime writes is not used, not even its beginning", () => {
  const path = `run/crun/${ID}/config.json`;
  const paths = (length: number) => Array.from({ length }, (_, index) => `/proc/${index}x`);
  assert.equal(specOf(host({ [path]: config(paths(2048)) }))?.masked.length, 2048);
  assert.equal(specOf(host({ [path]: config(paths(2049)) })), null);
});

test("only paths of procfs and sysfs count, and none that leads out of them or to a process", () => {
  const paths = [
    "/etc/shadow",
    "/proc/../etc",
    "/proc/./keys",
    "/proc/1/mem",
    "/proc/self",
    "/proc",
    7,
    null,
  ];
  const root = host({ [`run/crun/${ID}/config.json`]: config([...paths, "/proc/keys/", "/sys/firmware"]) });
  assert.deepEqual(specOf(root)?.masked, ["/proc/keys", "/sys/firmware"]);
});

test("a file that is not whole, not JSON, too large or none at all is no specification", () => {
  const path = `run/crun/${ID}/config.json`;
  for (const text of ["", "{", "[]", "null", '"x"', "{}", JSON.stringify({ ociVersion: 1 })])
    assert.equal(specOf(host({ [path]: text })), null, text);
  assert.equal(specOf(host({ [path]: `${config(["/proc/keys"])}${" ".repeat(5 << 20)}` })), null);
  assert.equal(specOf(host({})), null);
  const linked = host({ elsewhere: config(["/proc/keys"]), [`run/crun/${ID}/status`]: "" });
  symlinkSync(join(linked, "elsewhere"), join(linked, path));
  assert.equal(specOf(linked), null);
});

test("an id that is a path of its own leads nowhere", () => {
  const root = host({ "run/config.json": config(["/proc/keys"]), "run/crun/x/status": "" });
  for (const id of ["..", ".", "", "../crun", "a/b", "x".repeat(300)])
    assert.equal(specOf(root, id), null, id);
});

test("the runtimes' files are root's", () => {
  assert.equal(process.getuid?.(), 0, "changing owners needs root");
  const path = `run/crun/${ID}/config.json`;
  const root = host({ [path]: config(["/proc/keys"]) });
  assert.deepEqual(specOf(root)?.masked, ["/proc/keys"]);
  chownSync(join(root, path), 1000, 1000);
  assert.equal(specOf(root), null);
});

test("what runtimes were told is no fact that rules can have where their files are out of reach, as in a pod", () => {
  const knows = (root: string) => availableFacts(new HostPath(root), { opens: true }).has("runtime-spec");
  assert.equal(knows(host({ "etc/os-release": "" })), false);
  assert.equal(knows(host({ "run/runc/ID/state.json": "" })), true, "mounted at its path");
  assert.equal(knows(host({ "proc/1/root/etc/os-release": "" })), true, "the first container is yet to come");
  // the root of pid 1 may not be followed: whose root the agent has is told by the mount tables
  const own = (line: string) => {
    const root = host({
      "proc/1/mountinfo": "27 1 254:0 / / rw - ext4 /dev/vda rw\n",
      "proc/77/mountinfo": line,
    });
    symlinkSync("77", join(root, "proc/self"));
    return root;
  };
  assert.equal(knows(own("90 80 254:0 / / rw - ext4 /dev/vda rw\n")), true, "on the host");
  assert.equal(knows(own("90 80 0:99 / / rw - overlay overlay rw\n")), false, "in a container");
});
