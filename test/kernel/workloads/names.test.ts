import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { takeScan } from "../../../src/commands/scan.js";
import type { ContainerRef } from "../../../src/event.js";
import { Bundles, type Spec } from "../exposures/bundle.js";

const POD_UID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const PARENT = `keyhole-names-${process.pid}`;
const IMAGE = "registry.k8s.io/kube-proxy:v1.34.1";
const PID_DIGITS = process.pid.toString(16).padStart(8, "0");
const PROXY = `${PID_DIGITS}${"a".repeat(56)}`;
const WEB = `${PID_DIGITS}${"b".repeat(56)}`;
const LIAR = `${PID_DIGITS}${"c".repeat(56)}`;

/** A container as containerd's CRI has runc run it, without masks. */
function asInPod(id: string, annotations: Readonly<Record<string, string>>): (spec: Spec) => void {
  return (spec) => {
    const cgroupsPath = `/${PARENT}/pod${POD_UID}/${id}`;
    Object.assign(spec, { annotations });
    Object.assign(spec.linux, { cgroupsPath });
  };
}

function annotations(namespace: string, name: string, uid = POD_UID): Record<string, string> {
  return {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.container-name": name,
    "io.kubernetes.cri.image-name": IMAGE,
    "io.kubernetes.cri.sandbox-name": `${name}-x7k2p`,
    "io.kubernetes.cri.sandbox-namespace": namespace,
    "io.kubernetes.cri.sandbox-uid": uid,
  };
}

/** runc leaves the parents of a container's cgroups. */
function removeParents(): void {
  const root = "/sys/fs/cgroup";
  for (const hierarchy of ["", ...readdirSync(root)]) {
    for (const path of [join(PARENT, `pod${POD_UID}`), PARENT]) {
      try {
        rmdirSync(join(root, hierarchy, path));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
      }
    }
  }
}

describe("containers of a runtime that annotates what it runs", () => {
  let bundles: Bundles;

  before(() => {
    assert.equal(process.getuid?.(), 0, "containers need root");
    bundles = new Bundles();
    const run = (id: string, own: Record<string, string>) =>
      bundles.run(id, { unmasked: true, edit: asInPod(id, own) });
    run(PROXY, annotations("kube-system", "kube-proxy"));
    run(WEB, annotations("shop", "web"));
    // another pod's uid than that of the cgroup, which the kubelet made
    run(LIAR, annotations("kube-system", "kube-proxy", POD_UID.replace("0a", "0b")));
  });

  after(() => {
    bundles[Symbol.dispose]();
    removeParents();
  });

  it("have their names, and an exception by the pod's namespace spares what only they may do", () => {
    const report = takeScan({ hostRoot: "/" });
    const refOf = (id: string): ContainerRef | null | undefined =>
      report.containers.find((one) => one.id === id)?.container;
    assert.deepEqual(refOf(WEB), {
      id: WEB,
      runtime: "containerd",
      name: "web",
      image: IMAGE,
      pod: { uid: POD_UID, namespace: "shop", name: "web-x7k2p" },
    });
    assert.deepEqual(
      [refOf(PROXY)?.name, refOf(PROXY)?.pod?.namespace, refOf(PROXY)?.image],
      ["kube-proxy", "kube-system", IMAGE],
    );
    assert.deepEqual(refOf(LIAR), {
      ...{ id: LIAR, runtime: null, name: null, image: null },
      pod: { uid: POD_UID, namespace: null, name: null },
    });
    const rulesOf = (id: string) =>
      report.findings.filter(({ subject }) => subject.id === id).map(({ rule }) => rule);
    assert.ok(rulesOf(WEB).includes("proc-unmasked"), rulesOf(WEB).join());
    assert.ok(rulesOf(LIAR).includes("proc-unmasked"), rulesOf(LIAR).join());
    assert.deepEqual(rulesOf(PROXY), []);
    assert.ok((report.suppressed["exception:kube-proxy"] ?? 0) >= 1, JSON.stringify(report.suppressed));
  });

  it("are chosen by the pod's name", () => {
    const keyhole = (...args: readonly string[]) =>
      execFileSync(process.execPath, ["dist/keyhole.js", ...args], { encoding: "utf8" });
    const chosen = takeScan({ hostRoot: "/", container: "shop/web-x7k2p" });
    assert.deepEqual(
      chosen.containers.map(({ id }) => id),
      [WEB],
    );
    const { pid } = JSON.parse(execFileSync("runc", ["state", WEB], { encoding: "utf8" })) as { pid: number };
    assert.match(
      keyhole("tree", "--container", "shop/web-x7k2p", "--columns", "NS,CONTAINER,POD"),
      /shop\/web-x7k2p/,
    );
    assert.match(keyhole("pid", "1@shop/web-x7k2p/web"), new RegExp(`\\b${pid}\\b`));
  });
});
