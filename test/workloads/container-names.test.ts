import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { ContainerRef } from "../../src/event.js";
import { HostPath } from "../../src/kernel/host-path.js";
import { ContainerNames } from "../../src/workloads/container-names.js";

const ID = "4f".repeat(32);
const UID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const BUNDLE = `run/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`;
const DOCKER = `var/lib/docker/containers/${ID}/config.v2.json`;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "keyhole-names-"));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, content: unknown): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), JSON.stringify(content));
}

const found = (runtime: string | null, podUid: string | null = UID, id = ID): ContainerRef => ({
  id,
  runtime,
  name: null,
  image: null,
  pod: podUid === null ? null : { uid: podUid, namespace: null, name: null },
});

const cri = (changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  "io.kubernetes.cri.container-type": "container",
  "io.kubernetes.cri.container-name": "app",
  "io.kubernetes.cri.image-name": "registry.example:5000/shop/web@sha256:00ff",
  "io.kubernetes.cri.sandbox-name": "web-7d4b9.x",
  "io.kubernetes.cri.sandbox-namespace": "shop",
  "io.kubernetes.cri.sandbox-uid": UID,
  ...changes,
});

const kubelet = {
  "io.kubernetes.container.name": "app",
  "io.kubernetes.pod.name": "web-x",
  "io.kubernetes.pod.namespace": "shop",
  "io.kubernetes.pod.uid": UID,
};

const spec = (annotations: unknown) => ({ ociVersion: "1.1.0", annotations });

/** Name, image, namespace and name of the pod. */
function told(container: ContainerRef): (string | null | undefined)[] {
  const { name, image, pod } = new ContainerNames(new HostPath(root)).of(container);
  return [name, image, pod?.namespace, pod?.name];
}

const NOTHING = [null, null, null, null];
const IMAGE = "registry.example:5000/shop/web@sha256:00ff";

test("containerd says what its containers are called, in the bundle and by runc's labels", () => {
  write(BUNDLE, spec(cri()));
  assert.deepEqual(told(found("containerd")), ["app", IMAGE, "shop", "web-7d4b9.x"]);
  assert.deepEqual(told(found(null)), ["app", IMAGE, "shop", "web-7d4b9.x"], "cgroupfs");
  rmSync(join(root, BUNDLE));
  const labels = Object.entries(cri()).map(([key, value]) => `${key}=${value}`);
  write(`run/containerd/runc/k8s.io/${ID}/state.json`, {
    init_process_pid: 7,
    config: { labels: [`bundle=/${BUNDLE}`, "io.kubernetes.cri.sandbox-name", 7, ...labels] },
  });
  assert.deepEqual(told(found("containerd")), ["app", IMAGE, "shop", "web-7d4b9.x"]);
});

test("the container that holds a pod's namespaces is called POD, as no other can be", () => {
  const { "io.kubernetes.cri.container-name": _, "io.kubernetes.cri.image-name": __, ...rest } = cri();
  write(BUNDLE, spec({ ...rest, "io.kubernetes.cri.container-type": "sandbox" }));
  assert.deepEqual(told(found("containerd")), ["POD", null, "shop", "web-7d4b9.x"]);
  write(BUNDLE, spec(cri({ "io.kubernetes.cri.container-name": "POD" })));
  assert.deepEqual(told(found("containerd")), [null, IMAGE, "shop", "web-7d4b9.x"]);
  rmSync(join(root, BUNDLE));
  write(
    `run/containers/storage/overlay-containers/${ID}/userdata/config.json`,
    spec({ ...kubelet, "io.kubernetes.container.name": "POD" }),
  );
  assert.deepEqual(told(found("cri-o")), ["POD", null, "shop", "web-x"]);
});

test("annotations and Docker's file tell the runtime where the cgroup does not", () => {
  const runtimeOf = (runtime: string | null) =>
    new ContainerNames(new HostPath(root)).of(found(runtime)).runtime;
  assert.equal(runtimeOf(null), null);
  write(DOCKER, { ID, Name: "/web_1", Config: {} });
  assert.equal(runtimeOf(null), "docker");
  write(BUNDLE, spec(cri()));
  assert.equal(runtimeOf(null), "containerd");
  assert.equal(runtimeOf("cri-o"), "cri-o");
});

test("the uid of a pod that no cgroup tells is the runtime's", () => {
  write(BUNDLE, spec(cri()));
  const { pod } = new ContainerNames(new HostPath(root)).of(found("containerd", null));
  assert.deepEqual(pod, { uid: UID, namespace: "shop", name: "web-7d4b9.x" });
});

test("CRI-O's own annotations count for CRI-O, not those that a pod can have it hand on", () => {
  const image = { "io.kubernetes.cri-o.ImageName": "quay.io/shop/web:2" };
  write(`run/containers/storage/overlay-containers/${ID}/userdata/config.json`, {
    ...spec({ ...kubelet, ...image, ...cri({ "io.kubernetes.cri.sandbox-namespace": "kube-system" }) }),
  });
  assert.deepEqual(told(found("cri-o")), ["app", "quay.io/shop/web:2", "shop", "web-x"]);
});

test("podman's annotations can be the image's, and say nothing", () => {
  write(`run/crun/${ID}/config.json`, spec({ ...cri(), ...kubelet }));
  assert.deepEqual(told(found("podman")), NOTHING);
});

test("annotations of another pod than the cgroup's say nothing", () => {
  write(BUNDLE, spec(cri({ "io.kubernetes.cri.sandbox-uid": UID.replace("0a", "0b") })));
  assert.deepEqual(told(found("containerd")), NOTHING);
});

test("Docker's container has Docker's name, and the pod's where the kubelet made its cgroup", () => {
  const config = (labels: unknown) => ({
    ID,
    Name: "/web_1",
    Config: { Image: "nginx:1.29", Labels: labels },
  });
  write(DOCKER, config({ ...kubelet }));
  assert.deepEqual(told(found("docker", null)), ["web_1", "nginx:1.29", undefined, undefined]);
  assert.deepEqual(told(found("docker")), ["app", "nginx:1.29", "shop", "web-x"]);
  assert.deepEqual(told(found(null)), ["app", "nginx:1.29", "shop", "web-x"], "cgroupfs");
  write(DOCKER, config({ ...kubelet, "io.kubernetes.pod.uid": UID.replace("0a", "0b") }));
  assert.deepEqual(told(found("docker")), ["web_1", "nginx:1.29", null, null]);
  write(DOCKER, { ...config(null), ID: "00".repeat(32) });
  assert.deepEqual(told(found("docker")), NOTHING);
});

for (const [what, key, values] of [
  [
    "name",
    "io.kubernetes.cri.container-name",
    ["App", "a b", "-a", "a\u001b[2J", "a".repeat(64), "", 7, "a\n"],
  ],
  ["namespace", "io.kubernetes.cri.sandbox-namespace", ["kube.system", "ü", "a".repeat(64), ["shop"]]],
  ["pod", "io.kubernetes.cri.sandbox-name", ["a..b", ".a", "a/b", "a".repeat(254)]],
  ["image", "io.kubernetes.cri.image-name", ["a b", "a\u202eb", "$(id)", "a".repeat(513), "-a", null]],
] as const) {
  test(`what can be no ${what} is none`, () => {
    for (const value of values) {
      write(BUNDLE, spec(cri({ [key]: value })));
      const at = ["name", "image", "namespace", "pod"].indexOf(what);
      const expected: unknown[] = ["app", IMAGE, "shop", "web-7d4b9.x"];
      expected[at] = null;
      assert.deepEqual(told(found("containerd")), expected, JSON.stringify(value));
    }
  });
}

test("what is no specification says nothing", () => {
  for (const content of [null, [], 7, "x", {}, spec(null), spec([7]), { config: { labels: {} } }]) {
    write(BUNDLE, content);
    write(`run/containerd/runc/k8s.io/${ID}/state.json`, content);
    write(DOCKER, content);
    assert.deepEqual(told(found(null)), NOTHING, JSON.stringify(content));
  }
});

test("a container is the same object until names are found for it, which are looked for three times", () => {
  const names = new ContainerNames(new HostPath(root));
  const before = names.of(found("containerd"));
  assert.equal(names.of(found("containerd")), before);
  assert.equal(names.reads, 1);
  assert.equal(names.again().size, 0);
  write(BUNDLE, spec(cri()));
  assert.equal(names.of(found("containerd")), before);
  const named = names.again().get(before);
  assert.equal(named?.name, "app");
  assert.equal(names.of(found("containerd")), named);
  assert.equal(names.again().size, 0);
  assert.equal(names.reads, 3);

  const never = names.of(found("containerd", UID, "5e".repeat(32)));
  for (let time = 0; time < 5; time++) assert.equal(names.again().size, 0);
  assert.equal(names.reads, 6);
  assert.equal(names.of(found("containerd", UID, never.id)), never);
});

test("names can be looked for again of one container, which costs the others none of their times", () => {
  const names = new ContainerNames(new HostPath(root));
  const [one, other] = ["a", "b"].map((digit) => names.of(found("containerd", UID, digit.repeat(64))));
  for (let time = 0; time < 5; time++) assert.equal(names.again(other!).size, 0);
  assert.equal(names.reads, 4);
  write(BUNDLE.replace(ID, one!.id), spec(cri()));
  assert.equal(names.again(one!).get(one!)?.name, "app");
  assert.equal(names.again(one!).size, 0);
});

test("for ids that no such runtime gives nothing is read, and no more is remembered than may be", () => {
  const names = new ContainerNames(new HostPath(root), 2);
  for (const id of ["web", "pidns:4026531836", "../../etc", `${ID}0`]) names.of(found(null, null, id));
  names.of(found("lxc"));
  assert.equal(names.reads, 0);
  for (const digit of ["a", "b", "c"]) names.of(found("containerd", UID, digit.repeat(64)));
  assert.equal(names.reads, 3);
  names.again();
  assert.equal(names.reads, 5, "of the two that are left");
});

test("where the agent has a root of its own, the runtimes' files are below that of the host's first process", () => {
  write(BUNDLE, spec(cri()));
  const own = mkdtempSync(join(tmpdir(), "keyhole-names-own-"));
  try {
    mkdirSync(join(own, "proc/1"), { recursive: true });
    symlinkSync(root, join(own, "proc/1/root"));
    const { name } = new ContainerNames(new HostPath(own)).of(found("containerd"));
    assert.equal(name, "app");
  } finally {
    rmSync(own, { recursive: true });
  }
});
