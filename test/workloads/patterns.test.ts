import assert from "node:assert/strict";
import { test } from "node:test";
import { matchCgroupLines, matchCgroupPath, parseCgroup } from "../../src/workloads/patterns.js";

const ID = "70df2b1c4e9a8d7f6051423bcd9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e";
const INNER = "11ee2b1c4e9a8d7f6051423bcd9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d99";
const UID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const UID_SLICE = UID.replaceAll("-", "_");

const containers: readonly [string, string, string | null, string | null][] = [
  [`/system.slice/docker-${ID}.scope`, ID, "docker", null],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope`, ID, "docker", null],
  [`/docker/${ID}`, ID, "docker", null],
  [`/docker/${ID}/init.scope`, ID, "docker", null],
  [`/actions_job/${ID}`, ID, "docker", null],
  [`/ecs/0f1e2d3c4b5a69788796a5b4c3d2e1f0/${ID}`, ID, null, null],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID_SLICE}.slice/cri-containerd-${ID}.scope`,
    ID,
    "containerd",
    UID,
  ],
  [`/kubepods.slice/kubepods-pod${UID_SLICE}.slice/cri-containerd-${ID}.scope`, ID, "containerd", UID],
  [`/kubepods/besteffort/pod${UID}/${ID}`, ID, null, UID],
  [`/kubepods/pod${UID}/${ID}/system.slice/nginx.service`, ID, null, UID],
  [
    `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${UID_SLICE}.slice/cri-containerd-${ID}.scope`,
    ID,
    "containerd",
    UID,
  ],
  [`/kubepods-besteffort-pod${UID_SLICE}.slice:cri-containerd:${ID}`, ID, "containerd", UID],
  [
    `/system.slice/containerd.service/kubepods-besteffort-pod${UID_SLICE}.slice:cri-containerd:${ID}`,
    ID,
    "containerd",
    UID,
  ],
  [`/system.slice:docker:${ID}`, ID, "docker", null],
  [
    `/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/crio-${ID}.scope`,
    ID,
    "cri-o",
    "0123456789abcdef0123456789abcdef",
  ],
  [`/kubepods.slice/kubepods-pod${UID_SLICE}.slice/crio-${ID}.scope/container`, ID, "cri-o", UID],
  [`/crio/crio-${ID}`, ID, "cri-o", null],
  [`/machine.slice/libpod-${ID}.scope`, ID, "podman", null],
  [`/machine.slice/libpod-${ID}.scope/container`, ID, "podman", null],
  [
    `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`,
    ID,
    "podman",
    null,
  ],
  [`/system.slice/web.service/libpod-payload-${ID}`, ID, "podman", null],
  [`/libpod_parent/libpod-${ID}`, ID, "podman", null],
  [`/default/${ID}`, ID, null, null],
  [`/system.slice/nerdctl-${ID}.scope`, ID, "containerd", null],
  ["/lxc.payload.web", "web", "lxc", null],
  ["/lxc.payload.web-1/system.slice/nginx.service", "web-1", "lxc", null],
  ["/lxc.payload/web", "web", "lxc", null],
  ["/lxc/web/init.scope", "web", "lxc", null],
  ["/machine.slice/systemd-nspawn@deb12.service/payload", "deb12", "nspawn", null],
  ["/machine.slice/machine-deb\\x2d12.scope/payload/init.scope", "deb-12", "nspawn", null],
  ["/machine.slice/machine-deb12.scope", "deb12", "nspawn", null],
  [`/../../kubepods/pod${UID}/${ID}`, ID, null, UID],
  [`/docker/${ID}/docker/${INNER}`, ID, "docker", null],
  [`/docker/${ID}/kubelet/kubepods/pod${UID}/${INNER}`, ID, "docker", null],
  [`/system.slice/docker-${ID}.scope/lxc.payload.evil`, ID, "docker", null],
  [`/lxc.payload.outer/docker/${ID}`, "outer", "lxc", null],
];

for (const [path, id, runtime, podUid] of containers) {
  test(`container: ${path}`, () => {
    assert.deepEqual(matchCgroupPath(path), { id, runtime, podUid });
  });
}

const others: readonly string[] = [
  "/",
  "",
  "/init.scope",
  "/user.slice/user-0.slice/session-3.scope",
  "/system.slice/docker.service",
  "/system.slice/containerd.service",
  `/machine.slice/libpod-conmon-${ID}.scope`,
  `/kubepods.slice/kubepods-pod${UID_SLICE}.slice/crio-conmon-${ID}.scope`,
  `/kubepods.slice/kubepods-pod${UID_SLICE}.slice`,
  `/kubepods/besteffort/pod${UID}`,
  `/system.slice/docker-${ID}.mount`,
  `/system.slice/docker-${ID}${ID}.scope`,
  `/system.slice/docker-${ID.slice(1)}.scope`,
  `/system.slice/docker-${ID.slice(1)}g.scope`,
  `/system.slice/xdocker-${ID}.scope`,
  "/lxc.monitor.web",
  "/machine.slice/systemd-nspawn@deb12.service/supervisor",
  "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
  "/process_api/f5b08dcc772d7618e8606034a287df65",
];

for (const path of others) {
  test(`not a container: ${path || "(empty)"}`, () => {
    assert.equal(matchCgroupPath(path), null);
  });
}

test("every hierarchy counts, and colons in a path are part of it", () => {
  const lines = parseCgroup(
    `12:memory:/kubepods-pod${UID_SLICE}.slice:cri-containerd:${ID}\n1:name=systemd:/\n0::/\n\nnonsense\n`,
  );
  assert.deepEqual(
    lines.map((line) => line.controllers),
    ["memory", "name=systemd", ""],
  );
  assert.deepEqual(matchCgroupLines(lines), { id: ID, runtime: "containerd", podUid: UID });
});
